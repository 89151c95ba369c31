"""Chats by latest activity, as it was when a walk through the pages began.

A chat moves to the top when a message comes, so that a plain cursor would skip it. A walk therefore sees each chat
where it stood at its first page: `as_of` is the latest message of that moment, and a chat that moved since is placed by
its last message up to then; one without messages is placed by when it was made. An account's own moments on the line:
a cursor tells nothing of others.
"""

from typing import NamedTuple

from sqlalchemy import and_, bindparam, case, func, select, tuple_

from blueport.server.ids import AccountId, ChatId, LineId
from blueport.server.store.tables import chats, messages
from blueport.server.store.tx import Statement, Tx


class ChatRow(NamedTuple):
    """A chat with the activity that places it; `participants` is JSON."""

    id: ChatId
    line_id: LineId
    identifier: str
    service: str
    name: str | None
    is_group: int
    participants: str
    last_message_at: int | None
    opted_out_at: int | None
    looping_until: int | None
    active_at: int


class Shelf(NamedTuple):
    """Whose chats, and on which line: the shared one has several accounts' chats."""

    line_id: LineId
    account_id: AccountId


class Place(NamedTuple):
    """Where a page ended: the walk's moment, then the last chat shown."""

    as_of: int
    active_at: int
    chat_id: str


_is_on_shelf = and_(chats.c.line_id == bindparam("line_id"), chats.c.account_id == bindparam("account_id"))
_NEWEST_SEQ = Statement(select(func.coalesce(func.max(chats.c.activity_seq), 0)).where(_is_on_shelf))

_COLUMNS = (
    chats.c.id,
    chats.c.line_id,
    chats.c.identifier,
    chats.c.service,
    chats.c.name,
    chats.c.is_group,
    chats.c.participants,
    case((chats.c.activity_seq > 0, chats.c.last_message_at)),
    chats.c.opted_out_at,
    chats.c.looping_until,
)
_of_chat = messages.c.chat_id == chats.c.id
# Found from the newest on: a long chat is not read for it.
_last_then = (
    select(messages.c.sent_at)
    .where(_of_chat, messages.c.seq <= bindparam("as_of"))
    .order_by(messages.c.sent_at.desc())
    .limit(1)
)
_first_known = select(func.min(messages.c.synced_at)).where(_of_chat)
# Older than its first message: it stood there without any.
_empty_then = case((chats.c.created_at < _first_known.scalar_subquery(), chats.c.created_at))
_active_then = func.coalesce(_last_then.scalar_subquery(), _empty_then)
_is_after = tuple_(chats.c.last_message_at, chats.c.id) < tuple_(bindparam("active_at"), bindparam("chat_id"))
# A group that was begun has none until it is seen in Messages.
_is_there = chats.c.identifier != ""
_STILL = Statement(
    select(*_COLUMNS, chats.c.last_message_at)
    .where(_is_on_shelf, _is_there, chats.c.activity_seq <= bindparam("as_of"), _is_after)
    .order_by(chats.c.last_message_at.desc(), chats.c.id.desc())
    .limit(bindparam("limit"))
)
_MOVED = Statement(
    select(*_COLUMNS, _active_then).where(
        _is_on_shelf, chats.c.activity_seq > bindparam("as_of"), _active_then.is_not(None)
    )
)


def newest_activity(tx: Tx, shelf: Shelf) -> int:
    """Return the moment that a walk which begins now sees."""
    return tx.all(int, _NEWEST_SEQ, **shelf._asdict())[0]


def chats_after(tx: Tx, shelf: Shelf, place: Place, limit: int) -> list[ChatRow]:
    """Return up to *limit* chats that stood below *place*, the most recently active first."""
    still = tx.all(
        ChatRow,
        _STILL,
        **shelf._asdict(),
        as_of=place.as_of,
        active_at=place.active_at,
        chat_id=place.chat_id,
        limit=limit,
    )
    moved = tx.all(ChatRow, _MOVED, **shelf._asdict(), as_of=place.as_of)
    below = [row for row in moved if (row.active_at, row.id) < (place.active_at, place.chat_id)]
    return sorted(still + below, key=lambda row: (row.active_at, row.id), reverse=True)[:limit]
