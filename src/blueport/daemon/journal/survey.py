"""What a journal holds, seen from outside: without its lock, and with nothing written, so that no daemon notices."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import msgspec

from blueport.daemon.journal.items import Status

_BUSY_TIMEOUT_S = 5.0
_ITEMS = "SELECT status, COUNT(*) FROM items GROUP BY status ORDER BY status"
_TO_TELL = "SELECT COUNT(*) FROM sightings WHERE refused_because IS NULL"
_SET_ASIDE = "SELECT COUNT(*) FROM sightings WHERE refused_because IS NOT NULL"
_UPLOADS = "SELECT COUNT(*) FROM uploads WHERE is_over = 0"
_READING = "SELECT cursor, read_at FROM reading"
# A journal that no newer daemon has opened has no such table.
_HAS_SERVER = "SELECT 1 FROM sqlite_master WHERE name = 'server'"
_SERVER = "SELECT version FROM server"
_WORDS: dict[Status, str] = {
    "claimed": "not handed to Messages yet",
    "begun": "perhaps in Messages",
    "handed": "handed to Messages and not proven yet",
    "proven": "sent, and not told to the server yet",
    "failed": "failed, and not told to the server yet",
}


class UnreadableError(Exception):
    """A journal cannot be read; the text says why."""


class Survey(msgspec.Struct, frozen=True):
    """What is in a journal: `items` by status, sightings `to_tell` to the server and those that it refused.

    `cursor` is the newest row of chat.db that was read, and `looked_at` the last look at it (Unix milliseconds, written
    down once a minute); None before the first one. `server_version` is what the server last said of itself.
    """

    items: dict[Status, int]
    to_tell: int
    set_aside: int
    uploads: int
    cursor: int | None = None
    looked_at: int | None = None
    server_version: str | None = None

    def held(self) -> list[str]:
        """Say what would be lost with it, in words."""
        told = [f"{_counted(count, 'message')} {_WORDS[status]}" for status, count in self.items.items()]
        for count, words in (
            (self.to_tell, "not told to the server yet"),
            (self.set_aside, "which the server refused"),
        ):
            told += [f"{_counted(count, 'sighting')} {words}"] if count else []
        return told + ([f"{_counted(self.uploads, 'file')} not brought to the server yet"] if self.uploads else [])


def survey(path: Path) -> Survey | None:
    """Look into the journal at *path*; None if there is none.

    Raises:
        UnreadableError: It cannot be read.
    """
    if not path.exists():
        return None
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA query_only = 1")
            # One moment of it.
            connection.execute("BEGIN")
            return _surveyed(connection)
    except sqlite3.Error as error:
        raise UnreadableError(f"{path} cannot be read: {error}") from error


def _surveyed(connection: sqlite3.Connection) -> Survey:
    cursor, looked_at = connection.execute(_READING).fetchone() or (None, None)
    return Survey(
        items=msgspec.convert(dict(connection.execute(_ITEMS).fetchall()), dict[Status, int]),
        to_tell=connection.execute(_TO_TELL).fetchone()[0],
        set_aside=connection.execute(_SET_ASIDE).fetchone()[0],
        uploads=connection.execute(_UPLOADS).fetchone()[0],
        cursor=cursor,
        looked_at=looked_at,
        server_version=_server_version(connection),
    )


def _server_version(connection: sqlite3.Connection) -> str | None:
    is_there = connection.execute(_HAS_SERVER).fetchone() is not None
    found = connection.execute(_SERVER).fetchone() if is_there else None
    return None if found is None else str(found[0])


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
