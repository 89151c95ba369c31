"""Imports of history: what is asked for, how far it has come, and which messages were told by one.

An import that dies goes on where it stood: its place is written with what was queued up to there. What was told once by
any import is not told again, even if chat.db is another file by then: of each message the hash of its guid is kept.
"""

import hashlib

import msgspec

from blueport.daemon.journal.file import Journal


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be imported: what was sent since a moment (Unix ms; None: all), in these chats (none: all of them).

    A chat is the canonical handle of a person, or a group's own id. With `with_files` the bytes of files come too.
    """

    since: int | None = None
    chats: tuple[str, ...] = ()
    with_files: bool = False


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An import that somebody asked for, at a moment (Unix milliseconds)."""

    wanted: Wanted
    asked_at: int


class Extent(msgspec.Struct, frozen=True):
    """The rows behind `first`, and up to `last`, of the chat.db of that inode, and how many they are."""

    file: int
    first: int
    first_guid: str | None
    last: int
    total: int


class Import(msgspec.Struct, frozen=True, array_like=True):
    """An import: where it stands and ends, and how many rows were looked at, and told, of how many; as in Extent."""

    wanted_json: str
    asked_at: int
    file: int
    cursor: int
    cursor_guid: str | None
    last: int
    looked: int
    told: int
    total: int
    ended_at: int | None

    @property
    def wanted(self) -> Wanted:
        """What is to be imported."""
        return _wanted_of.decode(self.wanted_json)


_COLUMNS = "asked, asked_at, file, cursor, cursor_guid, last, looked, told, total, ended_at"
BY_WANTED = f"SELECT {_COLUMNS} FROM imports WHERE asked = ?"  # noqa: S608 - our own constants
_wanted_of: msgspec.json.Decoder[Wanted] = msgspec.json.Decoder(Wanted)


def key_of(wanted: Wanted) -> str:
    """Return under what an import is kept: who asks for the same again finds it."""
    return msgspec.json.encode(wanted).decode()


def begin(journal: Journal, asked: Asked, extent: Extent) -> None:
    """Begin an import; one that was begun and has not ended goes on where it stands."""
    known = of(journal, asked.wanted)
    if known is not None and known.ended_at is None:
        journal.change("UPDATE imports SET asked_at = ? WHERE asked = ?", asked.asked_at, known.wanted_json)
        return
    place = (extent.file, extent.first, extent.first_guid, extent.last)
    journal.change(
        f"INSERT OR REPLACE INTO imports ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, NULL)",  # noqa: S608 - our own constants
        *(key_of(asked.wanted), asked.asked_at, *place, extent.total),
    )


def begin_anew(journal: Journal, one: Import, extent: Extent) -> None:
    """Begin an import from its first row: the rows of chat.db were numbered anew."""
    journal.change(
        "UPDATE imports SET file = ?, cursor = ?, cursor_guid = ?, last = ?, total = ?, looked = 0 WHERE asked = ?",
        *(extent.file, extent.first, extent.first_guid, extent.last, extent.total, one.wanted_json),
    )


def of(journal: Journal, wanted: Wanted) -> Import | None:
    """Return the import of just that, None if there never was one."""
    return next(iter(journal.find(Import, BY_WANTED, key_of(wanted))), None)


def unfinished(journal: Journal) -> Import | None:
    """Return the import whose turn it is, None if there is nothing to do."""
    query = f"SELECT {_COLUMNS} FROM imports WHERE ended_at IS NULL ORDER BY asked_at LIMIT 1"  # noqa: S608 - our own constants
    return next(iter(journal.find(Import, query)), None)


def move_on(journal: Journal, one: Import) -> None:
    """Note how far an import has come."""
    journal.change(
        "UPDATE imports SET cursor = ?, cursor_guid = ?, looked = ?, told = ?, ended_at = ? WHERE asked = ?",
        *(one.cursor, one.cursor_guid, one.looked, one.told, one.ended_at, one.wanted_json),
    )


def is_imported(journal: Journal, guid: str) -> bool:
    """Say whether a message was told by an import."""
    return bool(journal.find(tuple[int], "SELECT 1 FROM imported WHERE hash = ?", _hash(guid)))


def note_imported(journal: Journal, guid: str) -> None:
    """Note that a message was told by an import."""
    journal.change("INSERT OR IGNORE INTO imported VALUES (?)", _hash(guid))


def _hash(guid: str) -> int:
    """Return 64 bits: of a million messages two are alike once in thirty million Macs."""
    return int.from_bytes(hashlib.blake2b(guid.encode(), digest_size=8).digest(), signed=True)
