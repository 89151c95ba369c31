"""Typing and read marks for daemons: worth little when late, and in nobody's way."""
