"""Statements on chats and messages as they come in."""

from typing import NamedTuple

import msgspec
from sqlalchemy import bindparam, case, func, select, update

from blueport.server.addressing.queries import Line
from blueport.server.ids import AccountId, ChatId, LineId, MessageId
from blueport.server.shapes import Message
from blueport.server.store.tables import chat_guids, chats, messages
from blueport.server.store.tx import Statement, Tx, insert_into


class NewChat(NamedTuple):
    """A conversation on a line; `participants` is JSON."""

    id: ChatId
    account_id: AccountId
    line_id: LineId
    key: str
    identifier: str
    service: str
    name: str | None
    is_group: int
    participants: str


class Known(NamedTuple):
    """A message that is stored already."""

    id: MessageId
    chat_id: ChatId
    is_from_me: int
    synced_at: int


class Owner(NamedTuple):
    """The message that has attachments, given as JSON."""

    id: MessageId
    account_id: AccountId
    attachments: str


_CHAT_BY_KEY = Statement(
    select(chats.c.id).where(
        chats.c.line_id == bindparam("line_id"),
        chats.c.account_id == bindparam("account_id"),
        chats.c.key == bindparam("key"),
    )
)
_INSERT_CHAT = Statement(insert_into(chats))
_REFRESH_CHAT = Statement(
    update(chats)
    .where(chats.c.id == bindparam("chat_id"), chats.c.last_message_at <= bindparam("at"))
    .values(service=bindparam("new_service"), name=bindparam("new_name"), participants=bindparam("new_participants"))
)
_NOTE_GUID = Statement(insert_into(chat_guids))
_SEE_GUID = Statement(
    update(chat_guids)
    .where(chat_guids.c.line_id == bindparam("line"), chat_guids.c.guid == bindparam("chat_guid"))
    .values(
        seen_at=case((chat_guids.c.seen_at < bindparam("at"), bindparam("at")), else_=chat_guids.c.seen_at),
        chat_id=bindparam("chat"),
    )
)
_KNOWN = Statement(
    select(messages.c.id, messages.c.chat_id, messages.c.is_from_me, messages.c.synced_at).where(
        messages.c.line_id == bindparam("line_id"), messages.c.guid == bindparam("guid")
    )
)
_INSERT_MESSAGE = Statement(insert_into(messages).returning(messages.c.seq))
_CHANGE_MESSAGE = Statement(
    update(messages)
    .where(messages.c.line_id == bindparam("line"), messages.c.guid == bindparam("message_guid"))
    .values(text=bindparam("new_text"), attachments=bindparam("new_attachments"))
)
_OWNER = Statement(
    select(messages.c.id, messages.c.account_id, messages.c.attachments).where(
        messages.c.line_id == bindparam("line_id"), messages.c.guid == bindparam("guid")
    )
)
_CHANGE_ATTACHMENTS = Statement(
    update(messages).where(messages.c.id == bindparam("message_id")).values(attachments=bindparam("new_attachments"))
)
_MAKE_OWN = Statement(
    update(messages)
    .where(messages.c.id == bindparam("message_id"), messages.c.is_from_me == 0)
    .values(
        is_from_me=1,
        sender=bindparam("own_handle"),
        text=bindparam("new_text"),
        attachments=bindparam("new_attachments"),
        outbox_id=bindparam("outbox"),
    )
)
_LINK_OUTBOX = Statement(
    update(messages)
    .where(messages.c.id == bindparam("message_id"), messages.c.outbox_id.is_(None))
    .values(outbox_id=bindparam("outbox"))
)
_ACTIVITY = Statement(
    update(chats)
    .where(chats.c.id == bindparam("chat_id"), chats.c.last_message_at <= bindparam("at"))
    .values(last_message_at=bindparam("at"), activity_seq=bindparam("seq"))
)
_FIRST_INBOUND = Statement(
    update(chats)
    .where(chats.c.id == bindparam("chat_id"), chats.c.first_inbound_at.is_(None))
    .values(first_inbound_at=bindparam("at"))
)
_RECOUNT_INBOUND = Statement(
    update(chats)
    .where(chats.c.id == bindparam("chat"))
    .values(
        first_inbound_at=select(func.min(messages.c.sent_at))
        .where(messages.c.chat_id == bindparam("chat"), messages.c.is_from_me == 0)
        .scalar_subquery()
    )
)


def chat_by_key(tx: Tx, account_id: AccountId, line_id: LineId, key: str) -> ChatId | None:
    """Find the account's chat of that key on the line."""
    return tx.one(ChatId, _CHAT_BY_KEY, account_id=account_id, line_id=line_id, key=key)


def add_chat(tx: Tx, chat: NewChat, first_message_at: int) -> None:
    """Create a chat; *first_message_at* is Unix milliseconds."""
    tx.change(
        _INSERT_CHAT,
        **chat._asdict(),
        first_inbound_at=None,
        last_message_at=first_message_at,
        activity_seq=0,
        created_at=tx.now_ms,
    )


def refresh_chat(tx: Tx, chat_id: ChatId, chat: NewChat, at: int) -> None:
    """Keep what may change about a chat: how it is reached, what it is called, who is in it.

    A message older than the newest, sent *at* (Unix milliseconds), knows nothing new of that.
    """
    tx.change(
        _REFRESH_CHAT,
        chat_id=chat_id,
        at=at,
        new_service=chat.service,
        new_name=chat.name,
        new_participants=chat.participants,
    )


def note_chat_guid(tx: Tx, line: Line, chat_id: ChatId, guid: str, at: int) -> None:
    """Keep the guid as one under which Messages knows the chat, last used *at* (Unix milliseconds)."""
    if tx.change(_SEE_GUID, line=line.id, chat_guid=guid, chat=chat_id, at=at) == 0:
        tx.change(_NOTE_GUID, account_id=line.account_id, line_id=line.id, guid=guid, chat_id=chat_id, seen_at=at)


def known_message(tx: Tx, line_id: LineId, guid: str) -> Known | None:
    """Find the line's message of that guid."""
    return tx.one(Known, _KNOWN, line_id=line_id, guid=guid)


def add_message(tx: Tx, account_id: AccountId, message: Message, attachments: str) -> int:
    """Store a message; return its place in the order of storing."""
    fields = {**msgspec.structs.asdict(message), "attachments": attachments}
    return tx.all(int, _INSERT_MESSAGE, **fields, account_id=account_id)[0]


def change_message(tx: Tx, line_id: LineId, guid: str, text: str | None, attachments: str) -> bool:
    """Replace the body of a message; False if it is not known."""
    given = {"line": line_id, "message_guid": guid, "new_text": text, "new_attachments": attachments}
    return tx.change(_CHANGE_MESSAGE, **given) == 1


def make_own(tx: Tx, message: Message, attachments: str) -> None:
    """Turn a message that was taken for somebody else's into our own, and the chat's first inbound one with it."""
    tx.change(
        _MAKE_OWN,
        message_id=message.id,
        own_handle=message.sender,
        new_text=message.text,
        new_attachments=attachments,
        outbox=message.outbox_id,
    )
    tx.change(_RECOUNT_INBOUND, chat=message.chat_id)


def owner_of_attachments(tx: Tx, line_id: LineId, guid: str) -> Owner | None:
    """Find the line's message of that guid, with its attachments."""
    return tx.one(Owner, _OWNER, line_id=line_id, guid=guid)


def change_attachments(tx: Tx, message_id: MessageId, attachments: str) -> None:
    """Replace the attachments of a message, given as JSON."""
    tx.change(_CHANGE_ATTACHMENTS, message_id=message_id, new_attachments=attachments)


def link_to_outbox(tx: Tx, message_id: MessageId, outbox_id: str) -> None:
    """Say which outbox item a message came from, if that was not known yet."""
    tx.change(_LINK_OUTBOX, message_id=message_id, outbox=outbox_id)


def note_activity(tx: Tx, chat_id: ChatId, sent_at: int, seq: int) -> None:
    """Make the message *seq* the chat's latest, unless a later one is known."""
    tx.change(_ACTIVITY, chat_id=chat_id, at=sent_at, seq=seq)


def note_inbound(tx: Tx, chat_id: ChatId, sent_at: int) -> None:
    """Note that somebody else has written in the chat: from now on it may be written to."""
    tx.change(_FIRST_INBOUND, chat_id=chat_id, at=sent_at)
