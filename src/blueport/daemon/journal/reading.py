"""How far chat.db was read, what was seen there, and what is not finished yet."""

from collections.abc import Iterable

import msgspec

from blueport.daemon.journal.file import Journal


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far the reader came.

    `file` is the inode of chat.db, `cursor` the newest row read and `cursor_guid` that row's guid, `read_at` the Unix
    milliseconds of the last look.
    """

    file: int
    cursor: int
    cursor_guid: str | None
    read_at: int


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What a message was like when last looked at; `told` is a digest of what the server knows, None if nothing."""

    state: str
    told: str | None


class Watched(msgspec.Struct, frozen=True, array_like=True):
    """A message that is to be looked at again; `since` is its first sight, Unix milliseconds."""

    guid: str
    rowid: int
    since: int
    until: int


def position(journal: Journal) -> Position | None:
    """Return how far the reader came, None before its first look."""
    return next(iter(journal.find(Position, "SELECT file, cursor, cursor_guid, read_at FROM reading")), None)


def move_to(journal: Journal, at: Position) -> None:
    """Note how far the reader came."""
    journal.change("DELETE FROM reading")
    journal.change("INSERT INTO reading VALUES (?, ?, ?, ?)", at.file, at.cursor, at.cursor_guid, at.read_at)


def seen(journal: Journal, guid: str) -> Seen | None:
    """Return what is known of a message, None if it was never looked at."""
    return next(iter(journal.find(Seen, "SELECT state, told FROM seen WHERE guid = ?", guid)), None)


def note_seen(journal: Journal, guid: str, known: Seen) -> None:
    """Note what a message is like, and what the server knows of it."""
    journal.change("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", guid, known.state, known.told)


def forget(journal: Journal, guid: str) -> None:
    """Know no more of a message than if it had never been looked at."""
    journal.change("DELETE FROM seen WHERE guid = ?", guid)


def watch(journal: Journal, one: Watched) -> None:
    """Look at a message again whenever chat.db changes, until a moment or for good."""
    journal.change("INSERT OR REPLACE INTO watched VALUES (?, ?, ?, ?)", one.guid, one.rowid, one.since, one.until)


def unwatch(journal: Journal, guid: str) -> None:
    """Look at a message no more."""
    journal.change("DELETE FROM watched WHERE guid = ?", guid)


def unwatch_all(journal: Journal) -> None:
    """Look at no message again: rowids mean something else now."""
    journal.change("DELETE FROM watched")


def watched(journal: Journal) -> list[Watched]:
    """Return what is to be looked at again."""
    return journal.find(Watched, "SELECT guid, rowid, since, until FROM watched ORDER BY rowid")


def watched_one(journal: Journal, guid: str) -> Watched | None:
    """Return since when and until when a message is looked at again, None if it is not."""
    query = "SELECT guid, rowid, since, until FROM watched WHERE guid = ?"
    return next(iter(journal.find(Watched, query, guid)), None)


def seen_states(journal: Journal, guids: Iterable[str]) -> dict[str, str]:
    """Return the states that these messages were last seen in, as far as they were seen."""
    wanted = msgspec.json.encode(list(guids)).decode()
    query = "SELECT guid, state FROM seen WHERE guid IN (SELECT value FROM json_each(?))"
    return dict(journal.find(tuple[str, str], query, wanted))


def newest_told_at(journal: Journal, chat_guid: str) -> int | None:
    """Return when the newest message told of a chat was sent, None if none was."""
    found = journal.find(tuple[int], "SELECT newest_at FROM chats WHERE guid = ?", chat_guid)
    return found[0][0] if found else None


def newest_told_of_all(journal: Journal) -> int | None:
    """Return when the newest message told of any chat was sent, None if none was."""
    return journal.find(tuple[int | None], "SELECT MAX(newest_at) FROM chats")[0][0]


def note_told(journal: Journal, chat_guid: str, sent_at: int) -> None:
    """Note that a message was told of a chat."""
    journal.change(
        "INSERT INTO chats VALUES (?, ?)"
        " ON CONFLICT (guid) DO UPDATE SET newest_at = MAX(newest_at, excluded.newest_at)",
        chat_guid,
        sent_at,
    )
