"""Named points at which a test can have a process die as if the power had gone, or stand still.

Unarmed, as everywhere but in tests, a point costs one comparison. Armed with a folder, a process that reaches a
point whose name is a file there removes the file and kills itself with SIGKILL, so that each file is one death; if the
file names another signal, as `SIGSTOP`, that is what it gets.
"""

import os
import signal
from pathlib import Path

_folder: Path | None = None


def arm(folder: Path) -> None:
    """Let this process die at the points that are files in *folder*."""
    global _folder  # noqa: PLW0603 - a test's switch for the whole process
    _folder = folder


def reached(name: str) -> None:
    """Die or stop here, if a test wants it."""
    if _folder is None:
        return
    try:
        what = (_folder / name).read_text()
        (_folder / name).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.Signals[what or "SIGKILL"])
