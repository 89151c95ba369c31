"""What this machine refuses a command (a folder, a port, the disk), in words."""

import os


def why(error: OSError) -> str:
    """Return the reason alone."""
    return os.strerror(error.errno) if error.errno else str(error)


def said(error: OSError) -> str:
    """Return the reason, behind the name of the file that it is about."""
    name = f"{error.filename}: " if error.filename else ""
    return name + why(error)
