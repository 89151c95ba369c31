"""Whether a Python stays where it is and what it is.

macOS ties Full Disk Access and the leave to control Messages to a program's path and signature. What an upgrade puts
elsewhere, or replaces by another, has lost both without a word.
"""

from pathlib import PurePosixPath

_TEMPORARY = ("/tmp/", "/private/tmp/", "/var/tmp/", "/private/var/tmp/", "/var/folders/", "/private/var/folders/")  # noqa: S108 - only told
_CACHES = ("/.cache/", "/Library/Caches/", "/.Trash/")
_HOMEBREW = ("/opt/homebrew/", "/usr/local/Cellar/", "/usr/local/opt/", "/home/linuxbrew/")
_APPLES = ("/Library/Developer/CommandLineTools/", "/Applications/Xcode.app/")
ADVICE = "Take one from python.org, make a virtual environment of it in your home folder, and install Blueport there."


def objection(*paths: str) -> str | None:
    """Say why a program should not be what permissions are granted to; None if nothing speaks against it.

    Args:
        paths: It, and where it really is, if that is elsewhere.
    """
    found = (reason for path in paths if (reason := _reason(path)) is not None)
    return next(found, None)


def _reason(path: str) -> str | None:
    reasons = {
        "lies in a temporary folder, which is emptied": path.startswith(_TEMPORARY),
        "lies in a cache, which is emptied": any(part in path for part in _CACHES),
        "only leads to the Python that is chosen at the time": "shims" in PurePosixPath(path).parts,
        "is Homebrew's, which puts another in its place with each upgrade": path.startswith(_HOMEBREW),
        "is Xcode's, which puts another in its place with each upgrade": path.startswith(_APPLES),
        "lies on a disk that may not be there at login": path.startswith("/Volumes/"),
    }
    return next((f"{path} {reason}." for reason, holds in reasons.items() if holds), None)
