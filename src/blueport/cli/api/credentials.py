"""Where the server is and by which key it is asked: what is said, else the environment, else what `login` kept."""

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from blueport.cli.api.errors import NotSignedInError
from blueport.whole_files import OWNER_ONLY, write_whole
from blueport_sdk.connecting import DEFAULT_URL


class Login(msgspec.Struct, frozen=True):
    """What `blueport login` keeps; *line* is what is sent from if nothing else is said."""

    api_key: str
    api_url: str
    line: str | None = None


class Credentials(NamedTuple):
    """Where to ask, by which key (None if there is none), and from which line if nothing else is said."""

    api_url: str
    api_key: str | None
    line: str | None = None


def credentials(key: str | None, url: str | None) -> Credentials:
    """Return what is to be used; *key* and *url* are what was said on the command line.

    A key that was kept is told to nobody but the server that it was kept for.

    Raises:
        NotSignedInError: What `login` kept is needed, and cannot be read.
    """
    # An empty one is one that somebody forgot to fill in.
    said_key = key or os.environ.get("MESSAGES_API_KEY") or None
    said_url = url or os.environ.get("MESSAGES_API_URL")
    if said_key and said_url:
        return Credentials(said_url, said_key)
    kept = kept_login()
    if kept is None:
        return Credentials(said_url or DEFAULT_URL, said_key)
    if said_url and _plain(said_url) != _plain(kept.api_url):
        return Credentials(said_url, said_key)
    if said_key and said_key != kept.api_key:
        return Credentials(kept.api_url, said_key)
    return Credentials(kept.api_url, kept.api_key, kept.line)


def kept_login() -> Login | None:
    """Return what `login` kept, None if there is nothing.

    Raises:
        NotSignedInError: It cannot be read.
    """
    try:
        return msgspec.json.decode(place().read_bytes(), type=Login)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        raise NotSignedInError(f"{place()} is damaged: say `blueport login` again") from None


def keep(login: Login) -> None:
    """Have later commands use *login*; nobody else on this machine can read it."""
    write_whole(place(), msgspec.json.encode(login), mode=OWNER_ONLY)


def forget() -> bool:
    """Drop what `login` kept; False if there was nothing."""
    try:
        place().unlink()
    except FileNotFoundError:
        return False
    return True


def place() -> Path:
    """Return the file in which `login` keeps it."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "blueport" / "credentials.json"


def _plain(url: str) -> str:
    return url.rstrip("/").removesuffix("/v1").rstrip("/")
