"""Statements on what keeps a chat from being written to, and on what was last said there."""

from typing import NamedTuple

from sqlalchemy import and_, bindparam, case, func, or_, select, update

from blueport.server.guarding.words import LONGEST
from blueport.server.ids import ChatId, LineId
from blueport.server.store.tables import chats, lines, messages
from blueport.server.store.tx import Statement, Tx

# The newest messages that are looked at, for each that a loop takes: a chat may be as busy as it likes.
_LOOKED_AT = 4


class Exchange(NamedTuple):
    """How many messages we sent by the API, and how many one person sent."""

    ours: int
    theirs: int


_OPT_OUT = Statement(
    update(chats)
    .where(chats.c.id == bindparam("chat"), chats.c.opted_out_at.is_(None))
    .values(opted_out_at=bindparam("at"))
)
_OPT_IN = Statement(
    update(chats).where(chats.c.id == bindparam("chat"), chats.c.opted_out_at.is_not(None)).values(opted_out_at=None)
)
_UNSAY = Statement(
    update(chats)
    .where(chats.c.id == bindparam("chat"), chats.c.opted_out_at == bindparam("at"))
    .values(opted_out_at=None)
)
_SAID_LATER = Statement(
    select(messages.c.text).where(
        messages.c.chat_id == bindparam("chat_id"),
        messages.c.sent_at > bindparam("at"),
        messages.c.is_from_me == 0,
        func.length(messages.c.text) <= LONGEST,
    )
)
_SERVED_SINCE = Statement(select(lines.c.created_at).where(lines.c.id == bindparam("id")))

_recent = (
    select(messages.c.outbox_id, messages.c.is_from_me, messages.c.sender)
    .where(messages.c.chat_id == bindparam("chat_id"), messages.c.sent_at > bindparam("since"))
    .order_by(messages.c.sent_at.desc())
    .limit(bindparam("limit"))
    .subquery("recent")
)
_is_theirs = and_(_recent.c.is_from_me == 0, _recent.c.sender == bindparam("sender"))
_EXCHANGE = Statement(select(func.count(_recent.c.outbox_id), func.count(case((_is_theirs, _recent.c.sender)))))
_PAUSE = Statement(
    update(chats)
    .where(
        chats.c.id == bindparam("chat"), or_(chats.c.looping_until.is_(None), chats.c.looping_until <= bindparam("now"))
    )
    .values(looping_until=bindparam("until"))
)


def opt_out(tx: Tx, chat_id: ChatId, at: int) -> bool:
    """Note that the person wants no more messages, since *at* (Unix milliseconds); False if that is known."""
    return tx.change(_OPT_OUT, chat=chat_id, at=at) == 1


def opt_in(tx: Tx, chat_id: ChatId) -> bool:
    """Note that the person wants messages again; False if nothing else was known."""
    return tx.change(_OPT_IN, chat=chat_id) == 1


def unsay(tx: Tx, chat_id: ChatId, at: int) -> bool:
    """Take back that somebody opted out *at* that moment (Unix milliseconds); False if nobody did."""
    return tx.change(_UNSAY, chat=chat_id, at=at) == 1


def said_later(tx: Tx, chat_id: ChatId, at: int) -> list[str]:
    """Return what others have said briefly in the chat after that moment (Unix milliseconds)."""
    return tx.all(str, _SAID_LATER, chat_id=chat_id, at=at)


def served_since(tx: Tx, line_id: LineId) -> int:
    """Return when the line was set up (Unix milliseconds)."""
    return tx.all(int, _SERVED_SINCE, id=line_id)[0]


def exchange(tx: Tx, chat_id: ChatId, sender: str, *, since: int, limit: int) -> Exchange:
    """Count what we and *sender* sent in the chat *since* then (Unix milliseconds); *limit* is as far as it matters."""
    return tx.all(Exchange, _EXCHANGE, chat_id=chat_id, sender=sender, since=since, limit=_LOOKED_AT * limit)[0]


def pause(tx: Tx, chat_id: ChatId, until: int) -> bool:
    """Keep the chat from being written to *until* then (Unix milliseconds); False if it is kept from that already."""
    return tx.change(_PAUSE, chat=chat_id, now=tx.now_ms, until=until) == 1
