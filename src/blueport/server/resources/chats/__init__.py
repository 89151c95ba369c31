"""Chats of a line."""
