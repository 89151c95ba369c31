"""Audio messages: sending them."""
