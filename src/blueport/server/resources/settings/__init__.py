"""What an account sets for itself."""
