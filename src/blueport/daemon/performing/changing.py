"""Judges an edit or an unsend right before its hand-over, by the message that it is to change.

Messages would do some that nobody else will see, as too late ones, and make nothing of one that changes nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

from blueport.daemon.chatdb.database import ChatDb
from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.journal.items import Item
from blueport.protocol.commands import Change, EditText

EXPIRED = "expired"
_MOST_EDITS = 5


class Before(NamedTuple):
    """What chat.db shows before a hand-over: its newest row, and of a change the message that it is to change.

    `may_change`: a change that was handed over before may still be on its way to that message.
    """

    rowid: int
    message: MessageRow | None = None
    may_change: bool = False

    @property
    def versions(self) -> int | None:
        """How many versions of that message there are."""
        return None if self.message is None else len(self.message.versions)


def before(db: ChatDb, item: Item) -> Before:
    """Look into chat.db before the hand-over of *item*."""
    if not isinstance(item.command, Change):
        return Before(db.newest_rowid())
    return Before(db.newest_rowid(), next(iter(db.rows_of([item.command.message_guid])), None))


def refusal(command: Change, message: MessageRow | None, now_ms: int) -> str | None:
    """Return the word by which a change fails that is not to be handed over, None if it may be."""
    if now_ms > command.expires_at:
        return EXPIRED
    if message is None:
        return "message_not_in_messages"
    if isinstance(command, EditText) and message.is_unsent:
        return "message_unsent"
    if isinstance(command, EditText) and len(message.versions) > _MOST_EDITS:
        return "edited_too_often"
    return None


def is_as_wanted(command: Change, message: MessageRow, *, may_change: bool) -> bool:
    """Say whether a message is already as the change would make it; one that was taken back stays so."""
    if not isinstance(command, EditText):
        return message.is_unsent
    return message.text == command.text and not may_change


def is_changing(item: Item, under_way: Sequence[Item]) -> bool:
    """Say whether *item* changes a message that one of those *under_way* may be about to change."""
    guids = [other.command.message_guid for other in under_way if isinstance(other.command, Change)]
    return isinstance(item.command, Change) and item.command.message_guid in guids
