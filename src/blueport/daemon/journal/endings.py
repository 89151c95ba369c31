"""How items ended, remembered long after the server knows.

A server that was restored from an old copy offers again what has ended since. Such an item is not done again: its
failure is told again, or the row that proves it.
"""

import msgspec

from blueport.clock import now_ms
from blueport.daemon.journal import items, reading, uploads
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.items import Item
from blueport.protocol.commands import Change

_KEPT_MS = 30 * 24 * 60 * 60 * 1000


class Ending(msgspec.Struct, frozen=True, array_like=True):
    """The row that proved an item, or the word by which it failed."""

    message_guid: str | None
    error: str | None


def note_sent(journal: Journal, item_id: str, message_guid: str) -> None:
    """Remember an item by the row that proved it."""
    _note(journal, item_id, Ending(message_guid, None))


def note_failed(journal: Journal, item: Item) -> None:
    """Remember an item that failed for good."""
    _note(journal, item.id, Ending(None, item.error))


def ending_of(journal: Journal, item: Item) -> Ending | None:
    """Return how *item* has ended, None if it never did."""
    return next(iter(journal.find(Ending, "SELECT message_guid, error FROM ended WHERE id = ?", item.id)), None)


def tell_again(journal: Journal, item: Item, ending: Ending, rowid: int | None) -> None:
    """Have the ending of *item* told again; *rowid* is that of the row that proved it, None if it is gone."""
    with journal.transaction():
        if ending.message_guid is None or rowid is None:
            items.fail(journal, item, ending.error or items.OUTCOME_UNKNOWN, permanent=True)
        elif isinstance(item.command, Change):
            tell_message_as_it_is(journal, item, ending.message_guid, rowid)
        else:
            _look_again(journal, item, ending.message_guid, rowid)


def tell_message_as_it_is(journal: Journal, item: Item, guid: str, rowid: int) -> None:
    """Have the message that *item* was to change told as it is now, as the item's proof."""
    moment = now_ms()
    items.begin(journal, item, rowid_before=rowid, begun_at=moment)
    items.hand_over(journal, item, moment)
    items.match_as_it_is(journal, item, guid)
    reading.watch(journal, guid, rowid, moment)


def _look_again(journal: Journal, item: Item, guid: str, rowid: int) -> None:
    """Have the row read as if for the first time, and known as this item's."""
    moment = now_ms()
    items.begin(journal, item, rowid_before=rowid - 1, begun_at=moment)
    items.hand_over(journal, item, moment)
    items.match(journal, item, guid)
    reading.forget(journal, guid)
    uploads.forget(journal, guid)
    reading.watch(journal, guid, rowid, moment)


def _note(journal: Journal, item_id: str, ending: Ending) -> None:
    moment = now_ms()
    journal.change("DELETE FROM ended WHERE ended_at < ?", moment - _KEPT_MS)
    journal.change("DELETE FROM likely WHERE item_seq = (SELECT seq FROM items WHERE id = ?)", item_id)
    journal.change(
        "INSERT OR REPLACE INTO ended VALUES (?, ?, ?, ?)", item_id, *msgspec.structs.astuple(ending), moment
    )
