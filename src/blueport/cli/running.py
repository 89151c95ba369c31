"""What a `blueport dev` leaves in its folder while it runs: where it listens, and by which key it is asked."""

from pathlib import Path

import msgspec

from blueport.whole_files import OWNER_ONLY, write_whole

_NAME = "running.json"


class Running(msgspec.Struct, frozen=True):
    """A `blueport dev` that is ready."""

    api_url: str
    api_key: str


def announce(folder: Path, running: Running) -> None:
    """Have commands on this machine find it; nobody else can read it."""
    write_whole(folder / _NAME, msgspec.json.encode(running), mode=OWNER_ONLY)


def withdraw(folder: Path) -> None:
    """Have nobody find it any more."""
    (folder / _NAME).unlink(missing_ok=True)


def running_in(folder: Path) -> Running | None:
    """Return what runs on *folder*; None if nothing does, or what does is not ready."""
    try:
        return msgspec.json.decode((folder / _NAME).read_bytes(), type=Running)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
