"""What happened, for who asks instead of being called."""
