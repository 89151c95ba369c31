"""The conversations that sightings are in."""

import msgspec

from blueport.handles import canonical_handle
from blueport.protocol.sightings import ChatSeen
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line, NewChat
from blueport.server.ids import ChatId, mint
from blueport.server.receiving import queries
from blueport.server.store.tx import Tx


def chat_of(tx: Tx, line: Line, seen: ChatSeen, seen_at: int, *, region: str, begun: ChatId | None = None) -> ChatId:
    """Return the chat that something of *seen_at* (Unix milliseconds) is in, and keep what that knows of the chat.

    *begun* is the chat that we have begun, if it is a new one.
    """
    chat = _new_chat(tx, line, seen, region)
    chat_id = queries.chat_by_key(tx, chat.account_id, line.id, chat.key)
    if chat_id is not None:
        queries.refresh_chat(tx, chat_id, chat, seen_at)
    elif begun is not None and queries.settle_group(tx, begun, chat):
        chat_id = begun
    else:
        chat_id = addressing.add_chat(tx, chat)
    queries.note_chat_guid(tx, line, chat_id, seen.guid, seen_at)
    return chat_id


def chat_of_peer(tx: Tx, line: Line, seen: ChatSeen, *, region: str) -> ChatId | None:
    """Find the chat with one person; None if there is none, or it is a group."""
    if seen.is_group:
        return None
    return queries.chat_by_key(tx, line.account_id, line.id, canonical_handle(seen.identifier, region=region))


def clean(text: str | None) -> str | None:
    """Drop NUL, which no database but SQLite stores; None if nothing is left but the marks of attachments."""
    cleaned = (text or "").replace("\x00", "")
    return cleaned if cleaned.strip("\ufffc") else None


def _new_chat(tx: Tx, line: Line, chat: ChatSeen, region: str) -> NewChat:
    """Describe the conversation; one person is one chat, whichever services and notations Messages keeps apart."""
    identifier = chat.identifier if chat.is_group else canonical_handle(chat.identifier, region=region)
    participants = [canonical_handle(handle, region=region) for handle in chat.participants]
    return NewChat(
        id=ChatId(mint("cht", tx.now_ms)),
        account_id=line.account_id,
        line_id=line.id,
        key=identifier,
        identifier=identifier,
        service=chat.service.lower(),
        name=clean(chat.name),
        is_group=int(chat.is_group),
        participants=msgspec.json.encode(participants).decode(),
    )
