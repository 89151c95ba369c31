"""Typing indicators of a chat."""

from typing import NamedTuple

from sqlalchemy import bindparam, select

from blueport.server.ids import ChatId, TypingId
from blueport.server.store.tables import typing_indicators
from blueport.server.store.tx import Statement, Tx


class TypingRow(NamedTuple):
    """Whether somebody types, as was last told; flags are 0 or 1."""

    id: TypingId
    chat_id: ChatId
    handle: str
    is_typing: int
    updated_at: int


_OF_CHAT = Statement(
    select(*[typing_indicators.c[name] for name in TypingRow._fields])
    .where(typing_indicators.c.chat_id == bindparam("chat_id"))
    .order_by(typing_indicators.c.id.desc())
)


def typing_of(tx: Tx, chat_id: ChatId) -> list[TypingRow]:
    """Return what is known of who types in a chat, newest first."""
    return tx.all(TypingRow, _OF_CHAT, chat_id=chat_id)
