"""Files that are there whole or not at all, whenever the power goes."""

import os
from pathlib import Path

OWNER_ONLY = 0o600
FOR_ALL_TO_READ = 0o644


def write_whole(path: Path, content: bytes, *, mode: int) -> None:
    """Put *content* in the place of what was at *path*, with *mode* from the start; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    flush(path.parent)


def flush(path: Path) -> None:
    """Have the disk know of a file's bytes, or of the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
