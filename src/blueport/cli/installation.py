"""The secrets of a `blueport dev` folder: made once, then kept."""

import secrets
import sys
from pathlib import Path

import msgspec

from blueport.server.authorizing.keys import new_daemon_token, new_key
from blueport.whole_files import OWNER_ONLY, write_whole


class Installation(msgspec.Struct, frozen=True):
    """What opens the doors of one folder."""

    api_key: str
    daemon_token: str
    dashboard_token: str


def installation_in(folder: Path) -> Installation:
    """Return the secrets kept in *folder*, made now if it is new."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = folder / "dev.json"
    if kept.exists():
        return _read(kept)
    made = Installation(new_key(), new_daemon_token(), secrets.token_urlsafe(18))
    write_whole(kept, msgspec.json.encode(made), mode=OWNER_ONLY)
    return made


def _read(kept: Path) -> Installation:
    try:
        return msgspec.json.decode(kept.read_bytes(), type=Installation)
    except msgspec.DecodeError as error:
        sys.exit(f"blueport: {kept} is damaged ({error}); mend it, or choose another folder with --data")
