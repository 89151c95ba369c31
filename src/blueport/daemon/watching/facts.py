"""Sightings made of rows."""

import hashlib

import msgspec

from blueport.daemon.chatdb.rows import MessageRow
from blueport.protocol.sightings import ChatSeen, MessageChanged, MessageSeen, Proof


def message_seen(
    row: MessageRow, chat: ChatSeen, *, line: str, sent_at: int, proof: Proof | None, is_news: bool
) -> MessageSeen:
    """Return what to tell of a message."""
    return MessageSeen(
        line_handle=line,
        guid=row.guid,
        chat=chat,
        sender=row.sender,
        text=row.text,
        service=row.service,
        is_from_me=row.is_from_me,
        sent_at=sent_at,
        is_audio=row.is_audio,
        reply_to_guid=row.reply_to_guid,
        attachments=row.attachments,
        proves=proof,
        announce=is_news,
    )


def message_changed(row: MessageRow, *, line: str) -> MessageChanged:
    """Return what to tell of a message told before."""
    return MessageChanged(line_handle=line, guid=row.guid, text=row.text, attachments=row.attachments)


def digest_of(row: MessageRow) -> str:
    """Return a short word for all of a message that may change once it was told."""
    return hashlib.sha256(msgspec.json.encode((row.text, row.attachments))).hexdigest()[:16]


def are_files_there(row: MessageRow) -> bool:
    """Say whether all is known of the message's files."""
    return not row.names_files and all(file.size is not None for file in row.attachments)
