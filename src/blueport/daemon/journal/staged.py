"""Files fetched from the server for items to send, and when they may go.

Messages may read a file long after it took the item, and even after it gave the item up: so a file is kept for a day
behind the end of its item. Its path is here before the first byte is on disk, so that no death leaves a file behind
that nobody knows.
"""

from pathlib import Path

import msgspec

from blueport.daemon.journal import items
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.items import Item

KEPT_MS = 24 * 60 * 60 * 1000


class Staged(msgspec.Struct, frozen=True, array_like=True):
    """The file of an item; `is_whole` once all of it is on disk."""

    item_id: str
    path_text: str
    is_whole: int

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self.path_text)


def place(journal: Journal, item: Item, path: Path) -> Staged:
    """Return the file of *item*, which is to lie at *path* unless it has another place already."""
    journal.change("INSERT OR IGNORE INTO staged VALUES (?, ?, 0, NULL)", item.id, str(path))
    journal.change("UPDATE staged SET ended_at = NULL WHERE item_id = ?", item.id)
    return journal.find(Staged, "SELECT item_id, path, is_whole FROM staged WHERE item_id = ?", item.id)[0]


def note_whole(journal: Journal, item: Item) -> None:
    """Note that all of the item's file is on disk, so that the item may be handed over."""
    with journal.transaction():
        journal.change("UPDATE staged SET is_whole = 1 WHERE item_id = ?", item.id)
        items.note_file(journal, item)


def note_lost(journal: Journal, item: Item) -> None:
    """Note that the item's file is not as it was, and has to be fetched again."""
    with journal.transaction():
        journal.change("UPDATE staged SET is_whole = 0 WHERE item_id = ?", item.id)
        items.wait_for_file(journal, item)


def no_longer_needed(journal: Journal, moment: int) -> list[Staged]:
    """Return the files of items that ended a day before *moment* (Unix ms), in the order of the items."""
    with journal.transaction():
        journal.change("UPDATE staged SET ended_at = NULL WHERE item_id IN (SELECT id FROM items)")
        journal.change(
            "UPDATE staged SET ended_at = ? WHERE ifnull(ended_at, ?) >= ? AND item_id NOT IN (SELECT id FROM items)",
            *(moment, moment, moment),
        )
    query = "SELECT item_id, path, is_whole FROM staged WHERE ended_at < ? ORDER BY item_id"
    return journal.find(Staged, query, moment - KEPT_MS)


def forget(journal: Journal, staged: Staged) -> None:
    """Forget a file that is gone."""
    journal.change("DELETE FROM staged WHERE item_id = ?", staged.item_id)
