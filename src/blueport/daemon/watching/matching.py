"""Which outbox item an own row of chat.db is: Messages does not say.

A text may have gone out under a guid of ours, which says it all. Else of a text the conversation and the whole text
decide, and of a new group's first one who is in it; of a file its name, and the folder that no other file was ever in;
of a voice message that it is one, and its size; of a tapback what it is and what it is on.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.journal.items import Item, guid_named
from blueport.handles import canonical_handle
from blueport.protocol.commands import (
    AddMember,
    Change,
    Command,
    CreateGroup,
    GroupChange,
    LeaveGroup,
    React,
    RemoveMember,
    RenameGroup,
    SendAudio,
    SendFile,
    SendText,
)
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
# All that was ever staged lies under it.
_STAGED = b"/Attachments/blueport/"
_UNREADABLE = 25
_MEMBERS, _RENAMED, _LEFT = 1, 2, 3  # item_type
_DASHES = re.compile(r"[-\u2010-\u2015\u2212]+")


def item_of(row: MessageRow, items: Sequence[Item], *, region: str) -> Item | None:
    """Return the item that *row* is, None if it is none of them.

    Args:
        row: A message with its chat and its body.
        items: Those that may be in Messages, in the order of their hand-over: equal texts are found in that order.
        region: How to read phone numbers in national notation.
    """
    if row.kind == "reaction":
        # The row of an earlier one is gone since a later one took its place.
        return next((item for item in reversed(items) if _is_open(row, item) and _is_reaction(row, item.command)), None)
    named = next((item for item in items if _is_named_for(row, item)), None)
    if named is not None:
        return named
    there = [item for item in items if _may_be(row, item, region)]
    if row.files:
        return _staged_item(row, items) or _of_its_size(row, [item for item in there if _is_like_file(row, item)])
    if row.text is None:
        return next((item for item in there if _is_refused_file(row, item) or _is_event(row, item, region)), None)
    texts = [item for item in there if isinstance(item.command, SendText | CreateGroup)]
    return _first(row, texts, exactly) or _first(row, texts, loosely)


def file_items(row: MessageRow, items: Sequence[Item], *, region: str) -> list[Item]:
    """Return the items with a file that *row* can be, whose own files are still to come."""
    return [item for item in items if item.file is not None and _may_be(row, item, region) and _is_near(row, item)]


def likely_items(row: MessageRow, items: Sequence[Item], *, region: str) -> list[Item]:
    """Return the items that *row* can be if its text was changed: those sent to that chat at about that time."""
    texts = [item for item in items if isinstance(item.command, SendText | CreateGroup)]
    return [item for item in texts if _may_be(row, item, region) and _is_near(row, item)]


def ghosts_item(row: MessageRow, items: Sequence[Item], *, send_timeout_ms: int) -> Item | None:
    """Return the item of which *row* is all that Messages left: the last one that was being handed over at its date.

    An empty row of another date is a message from another device, whose body and chat are still to come.
    """
    sends = [item for item in items if not isinstance(item.command, React | Change | GroupChange)]
    found = [item for item in sends if _is_open(row, item) and _was_in_hand(row, item, send_timeout_ms)]
    return found[-1] if found else None


def exactly(text: str) -> str:
    """Return *text* in the form in which two writings of it are equal."""
    return unicodedata.normalize("NFC", text.replace("\ufffc", "").replace("\r\n", "\n")).strip()


def loosely(text: str) -> str:
    """Return *text* without all that a typewriter does not have."""
    return _DASHES.sub("-", _OF_NO_WEIGHT.sub("", exactly(text).translate(_TYPEWRITER)))


def _is_named_for(row: MessageRow, item: Item) -> bool:
    return item.message_guid is None and item.nonce is not None and guid_named(item.nonce) == row.guid.lower()


def _first(row: MessageRow, items: Sequence[Item], form: Callable[[str], str]) -> Item | None:
    text = form(row.text or "")
    return next((item for item in items if form(_text_of(item.command)) == text), None)


def _text_of(command: Command) -> str:
    return command.text if isinstance(command, SendText | CreateGroup) else ""


def _is_reaction(row: MessageRow, command: Command) -> bool:
    if row.reaction is None or not isinstance(command, React):
        return False
    seen = row.reaction
    wanted = (command.message_guid, command.part, command.tapback, not command.is_removed)
    # Whether the row of one that was taken off names the emoji is not known; on one part there is only one of ours.
    is_that_emoji = _emoji(seen.emoji) == _emoji(command.emoji) or (command.is_removed and seen.emoji is None)
    return is_that_emoji and wanted == (seen.target_guid, seen.part, seen.tapback, seen.is_added)


def _emoji(emoji: str | None) -> str | None:
    """Return an emoji without what only chooses between two pictures of it: Messages may add that, or leave it out."""
    return None if emoji is None else _OF_NO_WEIGHT.sub("", emoji)


def _is_event(row: MessageRow, item: Item, region: str) -> bool:
    """Say whether *row* tells of what the item does to its group."""
    if row.event is None:
        return False
    kind, action, title, handle = row.event
    match item.command:
        case RenameGroup(name=name):
            return kind == _RENAMED and exactly(title or "") == exactly(name)
        case AddMember(handle=wanted) | RemoveMember(handle=wanted):
            done = (_MEMBERS, int(isinstance(item.command, RemoveMember)), wanted)
            return (kind, action, canonical_handle(handle or "", region=region)) == done
        case command:
            return isinstance(command, LeaveGroup) and (kind, action) == (_LEFT, 0)


def _staged_item(row: MessageRow, items: Sequence[Item]) -> Item | None:
    """Return the item whose very file is in *row*, whatever it is called there."""
    return next((item for item in items if _is_open(row, item) and _holds_folder(row, item)), None)


def _holds_folder(row: MessageRow, item: Item) -> bool:
    if item.staged is None:
        return False
    folder = f"/{PurePosixPath(item.staged).parent.name}/".encode()
    return any(folder in (file.filename or b"") for file in row.files)


def _is_like_file(row: MessageRow, item: Item) -> bool:
    """Say whether *row* has a copy of the item's file, as far as one can tell."""
    if row.text is not None or any(_STAGED in (file.filename or b"") for file in row.files):
        return False
    match item.command:
        case SendAudio():
            return row.is_audio
        case SendFile() if item.staged is not None:
            name = exactly(PurePosixPath(item.staged).name)
            return any(exactly(file.transfer_name or "") == name for file in row.files)
        case _:
            return False


def _of_its_size(row: MessageRow, items: Sequence[Item]) -> Item | None:
    """Return the item whose file is as large as that of *row*; if none is, Messages may have made another of it."""
    return next((item for item in items if _is_as_large(row, item)), next(iter(items), None))


def _is_as_large(row: MessageRow, item: Item) -> bool:
    with suppress(OSError):
        size = Path(item.staged or "").stat().st_size
        return any(file.total_bytes == size for file in row.files)
    return False


def _is_refused_file(row: MessageRow, item: Item) -> bool:
    """Say whether *row* is what is left of a file that Messages could not read."""
    return row.error == _UNREADABLE and item.file is not None and _is_near(row, item)


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
    if isinstance(command, CreateGroup):
        # It has no other name yet than who is in it.
        members = {canonical_handle(handle, region=region) for handle in chat.participants}
        return chat.is_group and members == set(command.participants)
    if chat.guid in command.chat_guids:
        return True
    if chat.is_group:
        # The same group under another service's prefix.
        return chat.identifier in {guid.rpartition(";")[2] for guid in command.chat_guids}
    return command.recipient == canonical_handle(chat.identifier, region=region)
