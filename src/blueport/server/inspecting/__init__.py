"""Tells whoever builds against this installation all that happened in one conversation: /inspect."""
