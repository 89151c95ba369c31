"""Doing what the server asks: claimed, kept, handed over in order, and failures reported."""
