"""Finds out, by trying, whether a Mac gives the daemon what it needs, and what a person can do where it does not."""
