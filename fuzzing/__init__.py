"""Looks for requests that the server does not survive: see `__main__`."""
