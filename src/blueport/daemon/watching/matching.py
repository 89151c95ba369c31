"""Which outbox item an own row of chat.db is: Messages does not say, so the conversation and the whole text decide."""

import re
import unicodedata
from collections.abc import Callable, Sequence

from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.journal.items import Item
from blueport.handles import canonical_handle
from blueport.protocol.commands import Command
from blueport.protocol.sightings import ChatSeen

_CLOCKS_APART_MS = 2_000
_NEAR_MS = 15_000
# What Messages puts in the place of typewriter marks as one types; scripted texts were seen changed too.
_TYPEWRITER = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a", "'"),
        "\N{HORIZONTAL ELLIPSIS}": "...",
    }
)
# White space, and what only chooses between two pictures of one character.
_OF_NO_WEIGHT = re.compile(r"[\s\ufe00-\ufe0f]+")
_DASHES = re.compile(r"[-\u2010-\u2015\u2212]+")


def item_of(row: MessageRow, items: Sequence[Item], *, region: str) -> Item | None:
    """Return the item that *row* is, None if it is none of them.

    Args:
        row: A message with its chat and its body.
        items: Those that may be in Messages, in the order of their hand-over: equal texts are found in that order.
        region: How to read phone numbers in national notation.
    """
    open_items = [item for item in items if _may_be(row, item, region)]
    return _first(row, open_items, exactly) or _first(row, open_items, loosely)


def likely_items(row: MessageRow, items: Sequence[Item], *, region: str) -> list[Item]:
    """Return the items that *row* can be if its text was changed: those sent to that chat at about that time."""
    return [item for item in items if _may_be(row, item, region) and _is_near(row, item)]


def ghosts_item(row: MessageRow, items: Sequence[Item], *, send_timeout_ms: int) -> Item | None:
    """Return the item of which *row* is all that Messages left: the last one that was being handed over at its date.

    An empty row of another date is a message from another device, whose body and chat are still to come.
    """
    found = [item for item in items if _is_open(row, item) and _was_in_hand(row, item, send_timeout_ms)]
    return found[-1] if found else None


def exactly(text: str) -> str:
    """Return *text* in the form in which two writings of it are equal."""
    return unicodedata.normalize("NFC", text.replace("\ufffc", "").replace("\r\n", "\n")).strip()


def loosely(text: str) -> str:
    """Return *text* without all that a typewriter does not have."""
    return _DASHES.sub("-", _OF_NO_WEIGHT.sub("", exactly(text).translate(_TYPEWRITER)))


def _first(row: MessageRow, items: Sequence[Item], form: Callable[[str], str]) -> Item | None:
    text = form(row.text or "")
    return next((item for item in items if form(item.command.text) == text), None)


def _may_be(row: MessageRow, item: Item, region: str) -> bool:
    return _is_open(row, item) and row.chat is not None and _leads_to(item.command, row.chat, region)


def _is_open(row: MessageRow, item: Item) -> bool:
    return item.message_guid is None and (item.rowid_before or 0) < row.rowid


def _is_near(row: MessageRow, item: Item) -> bool:
    last = max(item.begun_at or 0, item.taken_at or 0)
    return _after_ms(row, item) >= -_CLOCKS_APART_MS and row.sent_at <= last + _NEAR_MS


def _was_in_hand(row: MessageRow, item: Item, send_timeout_ms: int) -> bool:
    return -_CLOCKS_APART_MS <= _after_ms(row, item) <= send_timeout_ms


def _after_ms(row: MessageRow, item: Item) -> int:
    return row.sent_at - (item.begun_at or 0)


def _leads_to(command: Command, chat: ChatSeen, region: str) -> bool:
    if chat.guid in command.chat_guids:
        return True
    if chat.is_group:
        # The same group under another service's prefix.
        return chat.identifier in {guid.rpartition(";")[2] for guid in command.chat_guids}
    return command.recipient == canonical_handle(chat.identifier, region=region)
