"""Sightings made of rows."""

import hashlib
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import msgspec

from blueport.daemon.chatdb.reactions import Reaction
from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.journal.items import Item
from blueport.protocol.sightings import (
    AttachmentSeen,
    ChatSeen,
    GroupChanged,
    MessageChanged,
    MessageSeen,
    Proof,
    ReactionSeen,
    ReceiptSeen,
    TypingSeen,
)


class Circumstances(NamedTuple):
    """What a row does not say itself; `coming` are the guids of the files that will be brought."""

    line: str
    chat: ChatSeen
    sent_at: int
    proof: Proof | None
    is_news: bool
    coming: AbstractSet[str] = frozenset()


def message_seen(row: MessageRow, known: Circumstances) -> MessageSeen:
    """Return what to tell of a message."""
    return MessageSeen(
        line_handle=known.line,
        guid=row.guid,
        chat=known.chat,
        sender=row.sender,
        text=row.text,
        service=row.service,
        is_from_me=row.is_from_me,
        sent_at=known.sent_at,
        is_audio=row.is_audio,
        reply_to_guid=row.reply_to_guid,
        attachments=_attachments(row.attachments, known.coming),
        proves=known.proof,
        announce=known.is_news,
    )


def message_changed(
    row: MessageRow, *, line: str, coming: AbstractSet[str], now_ms: int, proof: Proof | None = None
) -> MessageChanged:
    """Return what to tell of a message told before; by our clock nothing was done to it later than now."""
    changed_at = min(row.changed_at or now_ms, now_ms) if row.was_changed else None
    return MessageChanged(
        line_handle=line,
        guid=row.guid,
        text=row.text,
        attachments=_attachments(row.attachments, coming),
        edited_at=None if row.is_unsent else changed_at,
        unsent_at=changed_at if row.is_unsent else None,
        service=row.service if row.was_downgraded else None,
        proves=proof,
    )


def group_changed(row: MessageRow, chat: ChatSeen, item: Item, *, now_ms: int) -> GroupChanged:
    """Return what to tell of a group that *item* has changed."""
    proof = Proof(item.id, item.token)
    return GroupChanged(line_handle=item.line, guid=row.guid, chat=chat, changed_at=row.sent_at or now_ms, proves=proof)


def reaction_seen(row: MessageRow, reaction: Reaction, known: Circumstances) -> ReactionSeen:
    """Return what to tell of a tapback."""
    return ReactionSeen(
        line_handle=known.line,
        guid=row.guid,
        chat=known.chat,
        sender=row.sender,
        is_from_me=row.is_from_me,
        sent_at=known.sent_at,
        proves=known.proof,
        announce=known.is_news,
        **reaction._asdict(),
    )


def receipt_seen(chat: ChatSeen, *, line: str, read_at: int) -> ReceiptSeen:
    """Return what to tell of a peer who has read."""
    return ReceiptSeen(line_handle=line, chat=chat, handle=chat.identifier, read_at=read_at)


def typing_seen(chat: ChatSeen, *, line: str, is_typing: bool, at: int) -> TypingSeen:
    """Return what to tell of a peer who types, or no longer does."""
    return TypingSeen(line_handle=line, chat=chat, handle=chat.identifier, is_typing=is_typing, at=at)


def digest_of(row: MessageRow) -> str:
    """Return a short word for all of a message that may change once it was told.

    An edit changes it even where that gives the message a text that it had before.
    """
    service = (row.service,) if row.was_downgraded else ()
    edits = (len(row.versions),) if len(row.versions) > 1 else ()
    return hashlib.sha256(msgspec.json.encode((row.text, row.attachments, *service, *edits))).hexdigest()[:16]


def _attachments(files: Iterable[AttachmentSeen], coming: AbstractSet[str]) -> tuple[AttachmentSeen, ...]:
    return tuple(msgspec.structs.replace(file, is_coming=True) if file.guid in coming else file for file in files)
