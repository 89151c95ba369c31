"""Files on their way up: bytes, a path, or an open file. They are read again for each try."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias
from urllib.parse import quote

CHUNK = 64 * 1024
Source: TypeAlias = "bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO"
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True)
class Upload:
    """What is sent: its size in bytes, and how it is read from its beginning."""

    size: int
    opened: Callable[[], BinaryIO]
    on_progress: Progress | None = None

    def chunks(self) -> Iterator[bytes]:
        """Read it once; the callback hears how many bytes are gone, of how many."""
        gone = 0
        with self.opened() as file:
            while chunk := file.read(CHUNK):
                yield chunk
                gone += len(chunk)
                if self.on_progress:
                    self.on_progress(gone, self.size)


def upload_of(source: Source, on_progress: Progress | None = None) -> Upload:
    """Return *source* to be sent: bytes, the path of a file, or an open binary file, which is read from where it is.

    Raises:
        OSError: The file cannot be read.
        TypeError: It is none of these.
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return Upload(path.stat().st_size, lambda: path.open("rb"), on_progress)
    content = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else source.read()
    if not isinstance(content, bytes):
        raise TypeError("the file is open as text: open it with mode 'rb'")
    return Upload(len(content), lambda: io.BytesIO(content), on_progress)


def name_of(source: Source) -> str | None:
    """Return what a file is called, if it is one."""
    return Path(source).name if isinstance(source, (str, os.PathLike)) else None


def name_as_header(name: str) -> str:
    """Return a file's name as a header takes it: as it is, or as RFC 8187 has it."""
    is_plain = name.isascii() and name.isprintable() and "%" not in name and name == name.strip()
    return name if is_plain else f"UTF-8''{quote(name, safe='')}"
