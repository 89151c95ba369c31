"""Lock files: only one process at a time has one, until it lets go of it or ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blueport.whole_files import OWNER_ONLY


class LockedError(Exception):
    """Another process has the lock."""


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Have the lock file at *path* for this process alone, a new one if there is none; its descriptor is yielded.

    A process does not keep itself out, and must not open the file again meanwhile: the lock goes with whichever of its
    descriptors is closed first.

    Raises:
        LockedError: Another process has it.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, OWNER_ONLY)
    try:
        # Not `flock`: who is killed while it starts another process would have it for as long as that has its files,
        # which is until it executes its program. This one is no child's.
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(path) from None
        yield descriptor
    finally:
        os.close(descriptor)
