"""Lines of an account."""
