"""Other processes on one SQLite file: who is alive, and hints that there may be work.

Each has a named pipe in a folder beside the file and reads from it; a pipe that nobody reads from was left behind by a
process that is gone. A hint is a byte. One that does not fit in is lost, as hints may be: a reader that is so far
behind will look anyway.
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from blueport.server.store.tx import Topic

_BYTES: dict[Topic, bytes] = {"outbox": b"o", "signals": b"s", "deliveries": b"d", "events": b"e"}
_TOPICS = {byte[0]: topic for topic, byte in _BYTES.items()}
_HELLO = b"+"
_AT_ONCE = 4096


class Neighbours:
    """The processes on one file, as one of them sees the others."""

    def __init__(self, folder: Path, wake: Callable[[Iterable[Topic]], None]) -> None:
        """Take a name; from `join` on, *wake* is called with what others hint at."""
        self.name = secrets.token_hex(8)
        self._folder = folder
        self._wake = wake
        self._ends: tuple[int, ...] = ()
        self._others: dict[str, int] = {}

    def join(self) -> None:
        """Become one of them, and hear of hints in the running loop."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        os.mkfifo(self._path, 0o600)
        # It is open to be written to as well: a pipe without writers would be at its end.
        self._ends = (os.open(self._path, os.O_RDONLY | os.O_NONBLOCK), os.open(self._path, os.O_WRONLY))
        asyncio.get_running_loop().add_reader(self._ends[0], self._hear)
        self._look_around()
        self._tell(_HELLO)

    def leave(self) -> None:
        """Be no longer one of them."""
        if not self._ends:
            return
        asyncio.get_running_loop().remove_reader(self._ends[0])
        self._path.unlink(missing_ok=True)
        for end in (*self._ends, *self._others.values()):
            os.close(end)
        self._ends, self._others = (), {}

    def hint(self, topics: Iterable[Topic]) -> None:
        """Tell the others that there may be work."""
        if self._others:
            self._tell(b"".join(_BYTES[topic] for topic in topics))

    def alive(self) -> frozenset[str]:
        """Return the names of those who are alive now, ourselves among them."""
        return frozenset(path.name for path in self._folder.glob("*") if _is_read(path)) | {self.name}

    @property
    def _path(self) -> Path:
        return self._folder / self.name

    def _hear(self) -> None:
        heard = set(os.read(self._ends[0], _AT_ONCE))
        if heard - _TOPICS.keys():
            self._look_around()
        self._wake([_TOPICS[byte] for byte in heard & _TOPICS.keys()])

    def _look_around(self) -> None:
        """Open the pipes of who is new, and sweep those that were left behind."""
        for path in self._folder.glob("*"):
            if path.name == self.name or path.name in self._others:
                continue
            try:
                self._others[path.name] = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads from it
                path.unlink(missing_ok=True)

    def _tell(self, said: bytes) -> None:
        for name, end in list(self._others.items()):
            try:
                os.write(end, said)
            except BlockingIOError:
                pass
            except OSError:  # nobody reads from it any more
                os.close(self._others.pop(name))
                with suppress(FileNotFoundError):
                    (self._folder / name).unlink()


def _is_read(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True
