"""Ways to get a command done on this Mac."""
