"""The shared line: who has a phone there, and how one is paired."""
