"""Files on their way to the server: where they come from, and what they are called."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias
from urllib.parse import quote

CHUNK = 256 * 1024
Source: TypeAlias = "bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO"
Progress: TypeAlias = Callable[[int, int], object]


@dataclass(frozen=True)
class Upload:
    """What is sent: its size in bytes, and how to come to its beginning, as often as it is tried."""

    size: int
    opened: Callable[[], AbstractContextManager[BinaryIO]]
    on_progress: Progress | None = None

    def chunks(self, file: BinaryIO) -> Iterator[bytes]:
        """Read it once; the callback hears how many bytes are gone, of how many.

        Raises:
            OSError: It has become shorter. If it has grown, what was there at first is sent.
        """
        gone = 0
        while gone < self.size:
            chunk = self._checked(file.read(min(CHUNK, self.size - gone)))
            yield chunk
            gone = self._gone(gone + len(chunk))

    async def chunks_async(self, file: BinaryIO) -> AsyncIterator[bytes]:
        """Do the same, while others work: disks may be slow."""
        if isinstance(file, io.BytesIO):
            for chunk in self.chunks(file):
                yield chunk
            return
        gone = 0
        while gone < self.size:
            chunk = self._checked(await asyncio.to_thread(file.read, min(CHUNK, self.size - gone)))
            yield chunk
            gone = self._gone(gone + len(chunk))

    def _checked(self, chunk: bytes) -> bytes:
        if not chunk:
            raise OSError("the file has become shorter while it was sent")
        return chunk

    def _gone(self, gone: int) -> int:
        if self.on_progress:
            self.on_progress(gone, self.size)
        return gone


def upload_of(source: Source, on_progress: Progress | None = None) -> Upload:
    """Return *source* to be sent: bytes, the path of a file, or an open binary file, which is read from where it is.

    Raises:
        OSError: The file cannot be read.
        TypeError: It is none of these.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(source), on_progress)
    if not isinstance(source, (str, os.PathLike)):
        return _of_file(source, on_progress)
    path = Path(source)
    if not path.is_file():  # a pipe, perhaps, which has no size
        return _of_bytes(path.read_bytes(), on_progress)
    return Upload(path.stat().st_size, lambda: path.open("rb"), on_progress)


def name_of(source: Source) -> str | None:
    """Return what a file is called, if it is one."""
    return Path(source).name if isinstance(source, (str, os.PathLike)) else None


def name_as_header(name: str) -> str:
    """Return a file's name as a header takes it: as it is, or as RFC 8187 has it."""
    is_plain = name.isascii() and name.isprintable() and "%" not in name and name == name.strip()
    return name if is_plain else f"UTF-8''{quote(name, safe='', errors='replace')}"


def _of_bytes(content: bytes, on_progress: Progress | None) -> Upload:
    return Upload(len(content), lambda: io.BytesIO(content), on_progress)


def _of_file(file: BinaryIO, on_progress: Progress | None) -> Upload:
    if not hasattr(file, "read"):
        raise TypeError(f"{type(file).__name__} is no file: pass bytes, a path, or a file that is open with mode 'rb'")
    if not isinstance(file.read(0), bytes):
        raise TypeError("the file is open as text: open it with mode 'rb'")
    try:
        start = file.tell()
        file.seek(0, os.SEEK_END)
        size = file.tell() - start
    except (AttributeError, OSError):  # what comes once is kept, so that it can be sent again
        return _of_bytes(file.read(), on_progress)

    def opened() -> AbstractContextManager[BinaryIO]:
        file.seek(start)
        return nullcontext(file)

    return Upload(size, opened, on_progress)
