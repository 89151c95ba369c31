"""Which edits and unsends of ours a row shows as made.

They leave no row of their own. An unsend is made once the message is gone, whoever took it back; an edit is a version
of the text that was not there before the hand-over, and each version is one edit at most.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.journal.items import Item
from blueport.daemon.watching.matching import exactly, loosely
from blueport.protocol.commands import Change, EditText


class Made(NamedTuple):
    """A change that was made, and the message as it was then, as far as that is known, with so many versions; or 0."""

    item: Item
    row: MessageRow
    versions: int


def of_message(items: Sequence[Item], guid: str) -> list[Item]:
    """Return those *items* that change a message."""
    return [item for item in items if isinstance(item.command, Change) and item.command.message_guid == guid]


def made(row: MessageRow, items: Sequence[Item], versions_taken: int) -> list[Made]:
    """Return which changes of a message, given in the order of their hand-over, are made, and as what.

    The first *versions_taken* of its versions are those of earlier ones.
    """
    found: list[Made] = []
    for item in items:
        one = _made(row, item, max(versions_taken, item.versions_before or 0))
        if one is not None:
            found.append(one)
            versions_taken = max(versions_taken, one.versions)
    return found


def _made(row: MessageRow, item: Item, versions_before: int) -> Made | None:
    # One that has a name in the journal was proven before, and is only to be told again.
    if item.message_guid is not None or not isinstance(item.command, EditText):
        return Made(item, row, 0) if item.message_guid is not None or row.is_unsent else None
    for form in (exactly, loosely):
        version = _version_of(row, item.command.text, versions_before, form)
        if version is not None:
            return Made(item, _as_of(row, version), version + 1)
    return None


def _version_of(row: MessageRow, text: str, versions_before: int, form: Callable[[str], str]) -> int | None:
    wanted = form(text)
    numbers = range(versions_before, len(row.versions))
    return next((number for number in numbers if form(row.versions[number].text or "") == wanted), None)


def _as_of(row: MessageRow, number: int) -> MessageRow:
    text, at = row.versions[number]
    is_newest = number == len(row.versions) - 1 and not row.is_unsent
    changed_at = row.changed_at if is_newest else at
    versions = row.versions[: number + 1]
    return msgspec.structs.replace(row, text=text, versions=versions, changed_at=changed_at, is_unsent=False)
