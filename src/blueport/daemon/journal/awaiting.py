"""Our messages of which it is not known yet that they arrived, or were read."""

import msgspec

from blueport.daemon.journal.file import Journal


class Awaited(msgspec.Struct, frozen=True, array_like=True):
    """A message that was told as news, on which line, and what it needs no longer; flags are 0 or 1.

    Of a group nobody learns who has read.
    """

    guid: str
    line: str
    is_group: int
    is_delivered: int = 0


def begin(journal: Journal, awaited: Awaited, moment: int) -> None:
    """Wait for what becomes of a message, from *moment* (Unix milliseconds) on."""
    journal.change("INSERT OR IGNORE INTO awaited VALUES (?, ?, ?, ?, ?)", *msgspec.structs.astuple(awaited), moment)


def awaited(journal: Journal, guid: str) -> Awaited | None:
    """Return what is awaited of a message, None if nothing is."""
    query = "SELECT guid, line, is_group, is_delivered FROM awaited WHERE guid = ?"
    return next(iter(journal.find(Awaited, query, guid)), None)


def guids(journal: Journal, limit: int) -> list[str]:
    """Return the messages that are awaited, the newest; all of them if *limit* is negative."""
    found = journal.find(tuple[str], "SELECT guid FROM awaited ORDER BY since DESC LIMIT ?", limit)
    return [guid for (guid,) in found]


def note_reached(journal: Journal, awaited: Awaited, *, is_all: bool) -> None:
    """Note that a message has arrived; *is_all* if there is no more to come."""
    if is_all:
        journal.change("DELETE FROM awaited WHERE guid = ?", awaited.guid)
    else:
        journal.change("UPDATE awaited SET is_delivered = 1 WHERE guid = ?", awaited.guid)


def give_up(journal: Journal, before: int) -> None:
    """Wait no longer for what was begun *before* a moment (Unix milliseconds)."""
    journal.change("DELETE FROM awaited WHERE since < ?", before)
