"""Typing indicators: showing the line's, and listing those of others."""
