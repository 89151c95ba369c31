"""API keys: which there are, and how one is made, rolled and ended."""
