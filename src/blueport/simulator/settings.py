"""What a simulated Mac is told at its start, and where things lie in its folder."""

from pathlib import Path
from typing import Literal

import msgspec

# The last is as late builds of 26 are.
MacOs = Literal["12", "13", "14", "15", "26", "26x"]
Generation = Literal["0.9", "0.15"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Mac: its home folder, the lines that are signed in there (the first is the usual one), and its pace.

    `step_ms` lies between two commits of one message: its row, its body, its files, its chat, sent, delivered. The dots
    of somebody who types are shown for `typing_ms`, unless a message or a word of the contrary comes first. `imsg` is
    the version of that program. The Mac's relay leads to the server at `server_url`, into which the page
    beside the phones looks by `inspect_token`.
    """

    folder: Path
    lines: tuple[str, ...]
    macos: MacOs = "26"
    imsg: Generation = "0.15"
    step_ms: int = 5
    typing_ms: int = 60_000
    region: str = "US"
    server_url: str | None = None
    inspect_token: str | None = None


def chat_db_path(folder: Path) -> Path:
    """Return where Messages keeps its database."""
    return folder / "Library" / "Messages" / "chat.db"


def osascript_path(folder: Path) -> Path:
    """Return the executable that stands in for `osascript`; it is there once the Mac runs."""
    return folder / "bin" / "osascript"


def killall_path(folder: Path) -> Path:
    """Return the executable that stands in for `killall`; it is there once the Mac runs."""
    return folder / "bin" / "killall"


def imsg_path(folder: Path) -> Path:
    """Return the executable that stands in for `imsg`; it is there once the Mac runs."""
    return folder / "bin" / "imsg"


def program_path(folder: Path, name: str) -> Path:
    """Return the executable that stands in for a program of macOS; it is there once the Mac runs."""
    return folder / "bin" / name


def condition_path(folder: Path) -> Path:
    """Return how the Mac is set up; it is there once the Mac runs, and may be changed at any time."""
    return folder / "condition.json"


def assertions_path(folder: Path) -> Path:
    """Return what holds off the Mac's sleep."""
    return folder / "assertions"


def phones_db_path(folder: Path) -> Path:
    """Return what is on the phones of the people."""
    return folder / "phones.db"


def phone_files_path(folder: Path) -> Path:
    """Return where the phones keep the files of their messages."""
    return folder / "phone files"


def port_file_path(folder: Path) -> Path:
    """Return the file that tells the stand-in where Messages listens, and the token it must show."""
    return folder / "messages.port"
