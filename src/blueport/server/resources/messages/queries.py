"""Messages of a chat, newest first."""

from typing import NamedTuple

from sqlalchemy import bindparam, select, tuple_

from blueport.server.ids import AccountId, ChatId, LineId
from blueport.server.store.lists import among
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


# A message of a group has the same guid on each line that is in it: to change it is the business of that which sent it.
_NAMED = (
    select(*[messages.c[name] for name in MessageRow._fields])
    .where(messages.c.account_id == bindparam("account_id"), among(messages.c.line_id, "line_ids"))
    .order_by(messages.c.is_from_me.desc())
    .limit(1)
)
_BY_ID = Statement(_NAMED.where(messages.c.id == bindparam("name")))
_BY_GUID = Statement(_NAMED.where(messages.c.guid == bindparam("name")))


def message_named(tx: Tx, account_id: AccountId, line_ids: list[LineId], name: str) -> MessageRow | None:
    """Find the account's message of that id or guid on those lines; of several the one that a line has sent."""
    statement = _BY_ID if name.startswith("msg_") else _BY_GUID
    return tx.one(MessageRow, statement, account_id=account_id, line_ids=list[str](line_ids), name=name)


def messages_after(tx: Tx, chat_id: ChatId, place: Place, limit: int) -> list[MessageRow]:
    """Return up to *limit* messages of the chat that come after *place*, newest first."""
    return tx.all(MessageRow, _PAGE, chat_id=chat_id, sent_at=place.sent_at, message_id=place.message_id, limit=limit)
