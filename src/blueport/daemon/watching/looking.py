"""One look into chat.db: all that a step of the reader needs, read in one go on the database's thread."""

from typing import NamedTuple

from blueport.daemon.chatdb.database import ChatDb, Reading, State
from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.journal.reading import Position

FRESH_LIMIT = 500


class Question(NamedTuple):
    """What to look at.

    `at` is where the reader stands, None before its first look, when all since `born_at` (Unix ms) is news; `watched`
    are rowids; `states_since` is None if no states but the newest are due. Receipts count if they are of
    `read_between`: those of our newest messages, or of all since `receipts_since`.
    """

    at: Position | None
    born_at: int
    watched: tuple[int, ...]
    states_since: int | None
    is_due: bool
    read_between: tuple[int, int]
    receipts_since: int | None


class Look(NamedTuple):
    """What was found, and where the reader now stands.

    `accounts` are this Mac's own addresses, `gone` the rowids of what was to be looked at again and is not there.
    """

    file: int
    cursor: int
    cursor_guid: str | None
    fresh: list[MessageRow]
    watched: list[MessageRow]
    states: list[State]
    accounts: list[str]
    readings: list[Reading]
    is_rebuilt: bool = False
    gone: frozenset[int] = frozenset()

    @property
    def is_all(self) -> bool:
        """Whether nothing fresh was left for the next look."""
        return len(self.fresh) < FRESH_LIMIT


def look(db: ChatDb, question: Question) -> Look | None:
    """Return what there is to see, None if nothing changed and nothing is due."""
    has_changed = db.has_changed()
    if not has_changed and not question.is_due:
        return None
    if question.at is None:
        return _from(db, db.last_rowid_before(question.born_at), question)
    if is_rebuilt(db, question.at):
        newest = db.newest_rowid()
        return Look(db.file, newest, db.guid_at(newest), [], [], [], db.addresses_of_chats(), [], is_rebuilt=True)
    return _from(db, question.at.cursor, question)


def is_rebuilt(db: ChatDb, at: Position) -> bool:
    """Say whether rowids mean something else than before: the file was restored, rebuilt or replaced.

    The row at the cursor may simply have been deleted, as the earlier one of two reactions is. Then the file still
    knows that its number was given out.
    """
    guid = db.guid_at(at.cursor)
    if guid is None:
        return db.highest_rowid_ever() < at.cursor or (db.file != at.file and at.cursor > 0)
    return guid != at.cursor_guid


def look_for_unknown(db: ChatDb, since: int, known: frozenset[str]) -> list[MessageRow]:
    """Return the messages sent since a moment (Unix ms) that are not *known*."""
    return db.rows_at([state.rowid for state in db.states_since(since) if state.guid not in known])


def _from(db: ChatDb, cursor: int, question: Question) -> Look:
    fresh = db.rows_after(cursor, FRESH_LIMIT)
    watched = db.rows_at(question.watched)
    states = db.newest_states() if question.states_since is None else db.states_since(question.states_since)
    last, last_guid = cursor, question.at.cursor_guid if question.at else db.guid_at(cursor)
    if fresh:
        last, last_guid = fresh[-1].rowid, fresh[-1].guid
    readings = db.readings(since=question.receipts_since, between=question.read_between)
    gone = frozenset(question.watched) - {row.rowid for row in watched}
    return Look(db.file, last, last_guid, fresh, watched, states, db.addresses_of_chats(), readings, gone=gone)
