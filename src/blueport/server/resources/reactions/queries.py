"""Reactions that stand on a message."""

from typing import NamedTuple

from sqlalchemy import and_, bindparam, or_, select

from blueport.protocol.commands import Tapback
from blueport.server.ids import AccountId, LineId, MessageId, ReactionId
from blueport.server.store.lists import among
from blueport.server.store.tables import messages, reactions
from blueport.server.store.tx import Statement, Tx


class ReactionRow(NamedTuple):
    """A reaction; flags are 0 or 1."""

    id: ReactionId
    message_id: MessageId
    type: Tapback
    sender: str
    is_from_me: int
    sent_at: int
    synced_at: int


class Place(NamedTuple):
    """Where a page ended."""

    sent_at: int
    reaction_id: str


# A message of a group has the same guid on each line that is in it.
_ON_LINES = select(messages.c.id).where(
    messages.c.account_id == bindparam("account_id"), among(messages.c.line_id, "line_ids")
)
_BY_ID = Statement(_ON_LINES.where(messages.c.id == bindparam("name")))
_BY_GUID = Statement(_ON_LINES.where(messages.c.guid == bindparam("name")))
# Of a message that was taken back nothing is left, and nothing on it.
_is_there = or_(messages.c.text.is_not(None), messages.c.attachments != "[]")
_STANDING = Statement(
    select(*[reactions.c[name] for name in ReactionRow._fields])
    .join(messages, and_(messages.c.id == reactions.c.message_id, _is_there))
    .where(
        among(reactions.c.message_id, "message_ids"),
        reactions.c.added == 1,
        reactions.c.type.is_not(None),
    )
    .order_by(reactions.c.sent_at.desc(), reactions.c.id.desc())
)


def messages_named(tx: Tx, account_id: AccountId, line_ids: list[LineId], name: str) -> list[MessageId]:
    """Return the account's messages of that id or guid on those lines."""
    statement = _BY_ID if name.startswith("msg_") else _BY_GUID
    return tx.all(MessageId, statement, account_id=account_id, line_ids=list[str](line_ids), name=name)


def standing(tx: Tx, message_ids: list[MessageId]) -> list[ReactionRow]:
    """Return the reactions of the six types that stand on those messages, newest first."""
    return tx.all(ReactionRow, _STANDING, message_ids=list[str](message_ids))
