"""How far chat.db was read, what was seen there, and what is not finished yet."""

from collections.abc import Iterable

import msgspec

from blueport.daemon.journal.file import Journal


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far the reader came: `file` is the inode of chat.db, `cursor` the newest row read, with its guid."""

    file: int
    cursor: int
    cursor_guid: str | None


class Presence(msgspec.Struct, frozen=True, array_like=True):
    """Moments (Unix ms): the last look that saw everything, and the two ends of the latest long time without one."""

    read_at: int
    away_since: int = 0
    back_at: int = 0


class Sight(msgspec.Struct, frozen=True, array_like=True):
    """When a message was first seen, and since when nobody had looked then (Unix ms)."""

    since: int
    unread_since: int


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What a message was like when last looked at.

    `told` is a digest of what the server knows, None if it knows nothing, NEVER if it must not; `is_from_me` is whether
    the server knows the message as our own, and `line` of which line.
    """

    state: str
    told: str | None
    is_from_me: int = 0
    line: str | None = None


NEVER = "never"


class Watched(msgspec.Struct, frozen=True, array_like=True):
    """A message that is to be looked at again; `since` is its first sight, Unix milliseconds."""

    guid: str
    rowid: int
    since: int
    until: int

    def is_due(self, moment: int) -> bool:
        """Say whether its time is up; one that was first seen in the future was seen before the clock was set back."""
        return self.until <= moment or self.since > moment


# What an item changes may be from before our time, and not have been seen yet.
_WATCHED = "SELECT guid, rowid, ifnull(since, 0), until FROM watched LEFT JOIN sights USING (guid)"


def position(journal: Journal) -> Position | None:
    """Return how far the reader came, None before its first look."""
    return next(iter(journal.find(Position, "SELECT file, cursor, cursor_guid FROM reading")), None)


def presence(journal: Journal) -> Presence | None:
    """Return when the reader looked, None before its first look."""
    return next(iter(journal.find(Presence, "SELECT read_at, away_since, back_at FROM reading")), None)


def move_to(journal: Journal, at: Position, looked: Presence) -> None:
    """Note how far the reader came, and when."""
    journal.change("DELETE FROM reading")
    journal.change(
        "INSERT INTO reading (file, cursor, cursor_guid, read_at, away_since, back_at) VALUES (?, ?, ?, ?, ?, ?)",
        *(at.file, at.cursor, at.cursor_guid),
        *(looked.read_at, looked.away_since, looked.back_at),
    )


def note_presence(journal: Journal, looked: Presence) -> None:
    """Note when the reader looked."""
    journal.change(
        "UPDATE reading SET read_at = ?, away_since = ?, back_at = ?",
        *(looked.read_at, looked.away_since, looked.back_at),
    )


def first_sight(journal: Journal, guid: str, now: Sight) -> Sight:
    """Return when a message was first seen, which is *now* if it never was: no later than that by today's clock."""
    upsert = """
        INSERT INTO sights VALUES (?, ?, ?) ON CONFLICT (guid) DO UPDATE SET since = MIN(since, excluded.since)
        RETURNING since, unread_since
    """
    return journal.find(Sight, upsert, guid, now.since, now.unread_since)[0]


def seen(journal: Journal, guid: str) -> Seen | None:
    """Return what is known of a message, None if it was never looked at."""
    return next(iter(journal.find(Seen, "SELECT state, told, is_from_me, line FROM seen WHERE guid = ?", guid)), None)


def note_seen(journal: Journal, guid: str, known: Seen) -> None:
    """Note what a message is like, and what the server knows of it."""
    journal.change("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)", guid, *msgspec.structs.astuple(known))


def forget(journal: Journal, guid: str) -> None:
    """Know no more of a message than if it had never been looked at."""
    journal.change("DELETE FROM seen WHERE guid = ?", guid)


def watch(journal: Journal, guid: str, rowid: int, until: int) -> None:
    """Look at a message again whenever chat.db changes, until a moment or for good."""
    journal.change("INSERT OR REPLACE INTO watched VALUES (?, ?, ?)", guid, rowid, until)


def unwatch(journal: Journal, guid: str) -> None:
    """Look at a message no more."""
    journal.change("DELETE FROM watched WHERE guid = ?", guid)


def watched(journal: Journal) -> list[Watched]:
    """Return what is to be looked at again."""
    return journal.find(Watched, f"{_WATCHED} ORDER BY rowid")


def watched_one(journal: Journal, guid: str) -> Watched | None:
    """Return since when and until when a message is looked at again, None if it is not."""
    return next(iter(journal.find(Watched, f"{_WATCHED} WHERE guid = ?", guid)), None)


def seen_states(journal: Journal, guids: Iterable[str]) -> dict[str, str]:
    """Return the states that these messages were last seen in, as far as they were seen."""
    wanted = msgspec.json.encode(list(guids)).decode()
    query = "SELECT guid, state FROM seen WHERE guid IN (SELECT value FROM json_each(?))"
    return dict(journal.find(tuple[str, str], query, wanted))


def newest_told_at(journal: Journal, chat_guid: str) -> int | None:
    """Return when the newest message told of a chat as news was sent, None if none was."""
    found = journal.find(tuple[int], "SELECT newest_at FROM chats WHERE guid = ?", chat_guid)
    return found[0][0] if found else None


def newest_told_of_all(journal: Journal) -> int | None:
    """Return when the newest message told of any chat as news was sent, None if none was."""
    return journal.find(tuple[int | None], "SELECT MAX(newest_at) FROM chats")[0][0]


def note_news(journal: Journal, chat_guid: str, sent_at: int) -> None:
    """Note that a message was told of a chat as news."""
    journal.change(
        "INSERT INTO chats VALUES (?, ?)"
        " ON CONFLICT (guid) DO UPDATE SET newest_at = MAX(newest_at, excluded.newest_at)",
        chat_guid,
        sent_at,
    )


def last_read_at(journal: Journal, chat_guid: str) -> int:
    """Return when the peer of a chat read last (Unix ms), 0 if that is not known."""
    found = journal.find(tuple[int], "SELECT read_at FROM receipts WHERE chat_guid = ?", chat_guid)
    return found[0][0] if found else 0


def has_read_later(journal: Journal, chat_guid: str, read_at: int) -> bool:
    """Note when the peer of a chat read last (Unix ms), and say whether that is later than was known."""
    upsert = """
        INSERT INTO receipts VALUES (?, ?) ON CONFLICT (chat_guid) DO UPDATE SET read_at = excluded.read_at
        WHERE excluded.read_at > read_at
    """
    return journal.change(upsert, chat_guid, read_at) == 1
