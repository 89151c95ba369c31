"""Statements on chats and messages as they come in."""

from typing import NamedTuple

import msgspec
from sqlalchemy import and_, bindparam, case, func, or_, select, update

from blueport.protocol.commands import Tapback
from blueport.server.addressing.queries import Line, NewChat
from blueport.server.ids import AccountId, ChatId, LineId, MessageId, OutboxId, ReactionId, ReceiptId, TypingId
from blueport.server.shapes import Message
from blueport.server.store.rows import MessageRow
from blueport.server.store.tables import chat_guids, chats, messages, reactions, receipts, typing_indicators
from blueport.server.store.tx import Statement, Tx, insert_into


class Known(NamedTuple):
    """A message that is stored already."""

    id: MessageId
    chat_id: ChatId
    is_from_me: int
    synced_at: int


class Typing(NamedTuple):
    """Whether somebody types, as was last told; the flag is 0 or 1."""

    id: TypingId
    is_typing: int
    updated_at: int


class Receipt(NamedTuple):
    """Up to when somebody has read."""

    id: ReceiptId
    last_read_at: int


class ReactionRow(NamedTuple):
    """A tapback, or in the place of one that is not known the row that took it off; flags are 0 or 1."""

    id: ReactionId
    account_id: AccountId
    line_id: LineId
    chat_id: ChatId
    message_id: MessageId | None
    message_guid: str
    part: int
    guid: str
    removed_by_guid: str | None
    type: Tapback | None
    emoji: str | None
    sender: str
    is_from_me: int
    added: int
    sent_at: int
    synced_at: int
    news_until: int | None


class Person(NamedTuple):
    """Somebody in a chat, by canonical handle."""

    account_id: AccountId
    chat_id: ChatId
    handle: str


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
# A chat without messages is placed by when it was made, which says nothing of the age of its first message.
_is_not_newer = or_(chats.c.activity_seq == 0, chats.c.last_message_at <= bindparam("at"))
_REFRESH_CHAT = Statement(
    update(chats)
    .where(chats.c.id == bindparam("chat_id"), _is_not_newer)
    .values(service=bindparam("new_service"), name=bindparam("new_name"), participants=bindparam("new_participants"))
)
_SETTLE_GROUP = Statement(
    update(chats)
    .where(chats.c.id == bindparam("chat_id"), chats.c.identifier == "")
    .values(
        key=bindparam("new_key"),
        identifier=bindparam("new_key"),
        service=bindparam("new_service"),
        name=bindparam("new_name"),
        participants=bindparam("new_participants"),
    )
)
_NOTE_GUID = Statement(insert_into(chat_guids))
_SEE_GUID = Statement(
    update(chat_guids)
    .where(chat_guids.c.line_id == bindparam("line"), chat_guids.c.guid == bindparam("chat_guid"))
    .values(
        seen_at=case((chat_guids.c.seen_at < bindparam("at"), bindparam("at")), else_=chat_guids.c.seen_at),
        chat_id=bindparam("chat"),
        account_id=bindparam("account"),
    )
)
_ACCOUNT_OF_MESSAGE = Statement(
    select(messages.c.account_id).where(
        messages.c.line_id == bindparam("line_id"), messages.c.guid == bindparam("guid")
    )
)
_KNOWN = Statement(
    select(messages.c.id, messages.c.chat_id, messages.c.is_from_me, messages.c.synced_at).where(
        messages.c.line_id == bindparam("line_id"), messages.c.guid == bindparam("guid")
    )
)
_MESSAGE = Statement(
    select(*[messages.c[name] for name in MessageRow._fields]).where(
        messages.c.line_id == bindparam("line_id"), messages.c.guid == bindparam("guid")
    )
)
_INSERT_MESSAGE = Statement(insert_into(messages).returning(messages.c.seq))
_CHANGE_MESSAGE = Statement(
    update(messages)
    .where(messages.c.line_id == bindparam("line"), messages.c.guid == bindparam("message_guid"))
    .values(text=bindparam("new_text"), attachments=bindparam("new_attachments"))
)
_CHANGE_SERVICE = Statement(
    update(messages)
    .where(messages.c.line_id == bindparam("line"), messages.c.guid == bindparam("message_guid"))
    .values(service=bindparam("new_service"))
    .returning(messages.c.outbox_id)
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
    .where(chats.c.id == bindparam("chat_id"), _is_not_newer)
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

_IS_KNOWN_REACTION = Statement(
    select(reactions.c.id).where(
        reactions.c.line_id == bindparam("line_id"),
        or_(
            reactions.c.guid == bindparam("guid"),
            and_(reactions.c.message_guid == bindparam("target"), reactions.c.removed_by_guid == bindparam("guid")),
        ),
    )
)
_REACTION = select(*[reactions.c[name] for name in ReactionRow._fields]).where(
    reactions.c.line_id == bindparam("line_id"), reactions.c.message_guid == bindparam("target")
)
_BESIDE = Statement(
    _REACTION.where(reactions.c.part == bindparam("part"), reactions.c.sender == bindparam("sender")).order_by(
        reactions.c.seq
    )
)
# On a shared line a phone may have become another account's while its reaction waited.
_WAITING = Statement(
    _REACTION.where(reactions.c.account_id == bindparam("account_id"), reactions.c.message_id.is_(None)).order_by(
        reactions.c.sent_at, reactions.c.seq
    )
)
_INSERT_REACTION = Statement(insert_into(reactions))
_END_REACTION = Statement(
    update(reactions)
    .where(reactions.c.id == bindparam("reaction_id"), reactions.c.added == 1)
    .values(added=0, removed_by_guid=bindparam("by_guid"))
)
_ATTACH_REACTIONS = Statement(
    update(reactions)
    .where(
        reactions.c.line_id == bindparam("line"),
        reactions.c.account_id == bindparam("account"),
        reactions.c.message_guid == bindparam("target"),
        reactions.c.message_id.is_(None),
    )
    .values(message_id=bindparam("message"))
)
_RECEIPT = Statement(
    select(*[receipts.c[name] for name in Receipt._fields]).where(
        receipts.c.chat_id == bindparam("chat_id"), receipts.c.handle == bindparam("handle")
    )
)
_MOVE_RECEIPT = Statement(
    update(receipts)
    .where(receipts.c.chat_id == bindparam("chat"), receipts.c.handle == bindparam("reader"))
    .values(
        last_read_at=case(
            (receipts.c.last_read_at < bindparam("read"), bindparam("read")), else_=receipts.c.last_read_at
        ),
        synced_at=case((receipts.c.last_read_at < bindparam("read"), bindparam("now")), else_=receipts.c.synced_at),
    )
)
_INSERT_RECEIPT = Statement(insert_into(receipts))
_typed = typing_indicators.c
_TYPING = Statement(
    select(*[_typed[name] for name in Typing._fields]).where(
        _typed.chat_id == bindparam("chat_id"), _typed.handle == bindparam("handle")
    )
)
_MOVE_TYPING = Statement(
    update(typing_indicators)
    .where(_typed.chat_id == bindparam("chat"), _typed.handle == bindparam("typist"))
    .values(
        is_typing=case((_typed.updated_at <= bindparam("at"), bindparam("types")), else_=_typed.is_typing),
        updated_at=case((_typed.updated_at <= bindparam("at"), bindparam("at")), else_=_typed.updated_at),
    )
)
_INSERT_TYPING = Statement(insert_into(typing_indicators))


def chat_by_key(tx: Tx, account_id: AccountId, line_id: LineId, key: str) -> ChatId | None:
    """Find the account's chat of that key on the line."""
    return tx.one(ChatId, _CHAT_BY_KEY, account_id=account_id, line_id=line_id, key=key)


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


def settle_group(tx: Tx, chat_id: ChatId, chat: NewChat) -> bool:
    """Let a group that was begun be what Messages has made of it; False if it has its name already."""
    settled = tx.change(
        _SETTLE_GROUP,
        chat_id=chat_id,
        new_key=chat.key,
        new_service=chat.service,
        new_name=chat.name,
        new_participants=chat.participants,
    )
    return settled == 1


def note_chat_guid(tx: Tx, line: Line, chat_id: ChatId, guid: str, at: int) -> None:
    """Keep the guid as one under which Messages knows the chat, last used *at* (Unix milliseconds)."""
    if tx.change(_SEE_GUID, line=line.id, chat_guid=guid, chat=chat_id, account=line.account_id, at=at) == 0:
        tx.change(_NOTE_GUID, account_id=line.account_id, line_id=line.id, guid=guid, chat_id=chat_id, seen_at=at)


def known_message(tx: Tx, line_id: LineId, guid: str) -> Known | None:
    """Find the line's message of that guid."""
    return tx.one(Known, _KNOWN, line_id=line_id, guid=guid)


def message(tx: Tx, line_id: LineId, guid: str) -> MessageRow | None:
    """Return the line's message of that guid, all of it."""
    return tx.one(MessageRow, _MESSAGE, line_id=line_id, guid=guid)


def account_of_message(tx: Tx, line_id: LineId, guid: str) -> AccountId | None:
    """Return whose the line's message of that guid is."""
    return tx.one(AccountId, _ACCOUNT_OF_MESSAGE, line_id=line_id, guid=guid)


def add_message(tx: Tx, account_id: AccountId, message: Message, attachments: str) -> int:
    """Store a message; return its place in the order of storing."""
    fields = {**msgspec.structs.asdict(message), "attachments": attachments}
    return tx.all(int, _INSERT_MESSAGE, **fields, account_id=account_id)[0]


def change_message(tx: Tx, line_id: LineId, guid: str, text: str | None, attachments: str) -> bool:
    """Replace the body of a message; False if it is not known."""
    given = {"line": line_id, "message_guid": guid, "new_text": text, "new_attachments": attachments}
    return tx.change(_CHANGE_MESSAGE, **given) == 1


def change_service(tx: Tx, line_id: LineId, guid: str, service: str) -> OutboxId | None:
    """Note that a message went out over another service than it was told with; return the item that it came from."""
    changed = tx.all(_one, _CHANGE_SERVICE, line=line_id, message_guid=guid, new_service=service)
    return changed[0] if changed else None


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


def is_known_reaction(tx: Tx, line_id: LineId, guid: str, target_guid: str) -> bool:
    """Say whether the row of that guid was told before, as one that put a reaction on the target or took it off."""
    return tx.one(str, _IS_KNOWN_REACTION, line_id=line_id, guid=guid, target=target_guid) is not None


def reactions_beside(tx: Tx, row: ReactionRow) -> list[ReactionRow]:
    """Return what else is known of the same sender on the same part of the message, in the order of storing."""
    return tx.all(ReactionRow, _BESIDE, line_id=row.line_id, target=row.message_guid, part=row.part, sender=row.sender)


def waiting_reactions(tx: Tx, line: Line, message_guid: str) -> list[ReactionRow]:
    """Return the account's reactions that wait for a message, the oldest first."""
    return tx.all(ReactionRow, _WAITING, line_id=line.id, account_id=line.account_id, target=message_guid)


def add_reaction(tx: Tx, row: ReactionRow) -> None:
    """Store a reaction."""
    tx.change(_INSERT_REACTION, **row._asdict())


def end_reaction(tx: Tx, reaction_id: ReactionId, by_guid: str) -> bool:
    """Note which row took a reaction off, or its place; False if it no longer stood."""
    return tx.change(_END_REACTION, reaction_id=reaction_id, by_guid=by_guid) == 1


def attach_reactions(tx: Tx, line: Line, message_guid: str, message_id: MessageId) -> None:
    """Give the account's reactions that wait for a message its id."""
    given = {"line": line.id, "account": line.account_id, "target": message_guid}
    tx.change(_ATTACH_REACTIONS, **given, message=message_id)


def receipt(tx: Tx, reader: Person) -> Receipt | None:
    """Return up to when somebody has read."""
    return tx.one(Receipt, _RECEIPT, chat_id=reader.chat_id, handle=reader.handle)


def typing(tx: Tx, typist: Person) -> Typing | None:
    """Return whether somebody types, as was last told."""
    return tx.one(Typing, _TYPING, chat_id=typist.chat_id, handle=typist.handle)


def keep_receipt(tx: Tx, receipt_id: ReceiptId, reader: Person, read_at: int) -> None:
    """Note that somebody has read up to *read_at* (Unix milliseconds), unless that is known to be later."""
    moved = tx.change(_MOVE_RECEIPT, chat=reader.chat_id, reader=reader.handle, read=read_at, now=tx.now_ms)
    if moved == 0:
        tx.change(_INSERT_RECEIPT, id=receipt_id, **reader._asdict(), last_read_at=read_at, synced_at=tx.now_ms)


def keep_typing(tx: Tx, typing_id: TypingId, typist: Person, at: int, *, is_typing: bool) -> None:
    """Note whether somebody types, as of *at* (Unix milliseconds), unless something later is known."""
    if tx.change(_MOVE_TYPING, chat=typist.chat_id, typist=typist.handle, types=int(is_typing), at=at) == 0:
        tx.change(_INSERT_TYPING, id=typing_id, **typist._asdict(), is_typing=int(is_typing), updated_at=at)


def _one(outbox_id: OutboxId | None) -> OutboxId | None:
    return outbox_id
