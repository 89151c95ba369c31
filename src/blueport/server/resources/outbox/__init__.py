"""What became of accepted work."""
