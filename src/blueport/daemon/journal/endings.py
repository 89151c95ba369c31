"""How items ended, remembered long after the server knows.

A server that was restored from an old copy offers again what has ended since. Such an item is not done again: its
failure is told again, or the row that proves it.
"""

from blueport.clock import now_ms
from blueport.daemon.journal import items, reading
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.items import Item

_KEPT_MS = 30 * 24 * 60 * 60 * 1000


def note_sent(journal: Journal, item_id: str, message_guid: str) -> None:
    """Remember an item by the row that proved it."""
    _forget_old(journal)
    journal.change(
        "INSERT OR REPLACE INTO ended"
        " SELECT id, claims.guid, message_rowid, NULL, ? FROM items JOIN claims ON claims.guid = ? WHERE id = ?",
        now_ms(),
        message_guid,
        item_id,
    )


def note_failed(journal: Journal, item: Item) -> None:
    """Remember an item that failed for good."""
    _forget_old(journal)
    journal.change("INSERT OR REPLACE INTO ended VALUES (?, NULL, NULL, ?, ?)", item.id, item.error, now_ms())


def is_told_again(journal: Journal, item: Item) -> bool:
    """Have the ending of *item* told again, if it has ended; False if it never did."""
    query = "SELECT message_guid, message_rowid, error FROM ended WHERE id = ?"
    found = journal.find(tuple[str | None, int | None, str | None], query, item.id)
    for guid, rowid, error in found:
        with journal.transaction():
            if guid is None or rowid is None:
                items.fail(journal, item, error or items.OUTCOME_UNKNOWN, permanent=True)
            else:
                _look_again(journal, item, guid, rowid)
    return bool(found)


def _look_again(journal: Journal, item: Item, guid: str, rowid: int) -> None:
    """Have the row read as if for the first time, with the item among those that it may be."""
    moment = now_ms()
    items.begin(journal, item, rowid_before=rowid - 1, begun_at=moment)
    items.hand_over(journal, item, moment)
    items.unclaim(journal, guid)
    reading.forget(journal, guid)
    reading.watch(journal, guid, rowid, moment)


def _forget_old(journal: Journal) -> None:
    journal.change("DELETE FROM ended WHERE ended_at < ?", now_ms() - _KEPT_MS)
