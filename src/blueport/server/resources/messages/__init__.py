"""Messages: sending and listing them."""
