"""Seeing in chat.db what became of messages, and putting it into the journal."""
