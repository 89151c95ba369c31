"""Messages of a chat, newest first."""

from typing import NamedTuple

from sqlalchemy import bindparam, select, tuple_

from blueport.server.ids import ChatId
from blueport.server.store.rows import MessageRow
from blueport.server.store.tables import messages
from blueport.server.store.tx import Statement, Tx


class Place(NamedTuple):
    """Where a page ended."""

    sent_at: int
    message_id: str


_PAGE = Statement(
    select(*[messages.c[name] for name in MessageRow._fields])
    .where(
        messages.c.chat_id == bindparam("chat_id"),
        tuple_(messages.c.sent_at, messages.c.id) < tuple_(bindparam("sent_at"), bindparam("message_id")),
    )
    .order_by(messages.c.sent_at.desc(), messages.c.id.desc())
    .limit(bindparam("limit"))
)


def messages_after(tx: Tx, chat_id: ChatId, place: Place, limit: int) -> list[MessageRow]:
    """Return up to *limit* messages of the chat that come after *place*, newest first."""
    return tx.all(MessageRow, _PAGE, chat_id=chat_id, sent_at=place.sent_at, message_id=place.message_id, limit=limit)
