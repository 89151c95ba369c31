"""The files that chat.db names, as they lie on this Mac's disk."""

import os
import stat
from pathlib import Path
from typing import BinaryIO, NamedTuple

from blueport.daemon.chatdb.columns import RawAttachment

# What no server takes.
LARGEST_BYTES = 100 * 1000 * 1000
# attachment.transfer_state: waiting, accepted, preparing, transferring, finalizing. Finished is none of them: such a
# file that is not there lies in iCloud, and comes when somebody looks at it.
_ON_THE_WAY = range(5)


class FileLook(NamedTuple):
    """A file at one moment: where it really is, its size, and when it was last written."""

    path: bytes
    size: int
    written_ns: int


class Library:
    """The folder of a chat.db, and of the files that go with it; nothing outside of it is looked at."""

    def __init__(self, chat_db: Path) -> None:
        folder = chat_db.parent
        # A tilde is the home of whose Messages it is, whoever runs this.
        self._home = os.fsencode(folder.parent.parent)
        self._root = os.path.realpath(os.fsencode(folder))

    def look(self, written: bytes | None) -> FileLook | None:
        """Look at a file, named as in chat.db: to the byte, whatever a name may look like; None if it is not there."""
        if not written or b"\x00" in written:
            return None
        path = os.path.realpath(self._home + written[1:] if written.startswith(b"~/") else written)
        if not path.startswith(self._root + b"/"):
            return None
        try:
            found = os.lstat(path)
        except OSError:
            return None
        return FileLook(path, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None

    def is_on_the_way(self, file: RawAttachment) -> bool:
        """Say whether Messages is still fetching a file."""
        return file.transfer_state in _ON_THE_WAY and self.look(file.filename) is None


def opened(file: FileLook) -> BinaryIO:
    """Open a file that was looked at.

    Raises:
        OSError: It is another by now, or may not be read.
    """
    descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    opened_file = os.fdopen(descriptor, "rb")
    now = os.fstat(descriptor)
    if not stat.S_ISREG(now.st_mode) or now.st_size != file.size:
        opened_file.close()
        raise OSError("the file has changed")
    return opened_file
