"""What an account has set for itself."""
