"""How much happened day by day. Ids sort by when they were minted: what is older is not looked at."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Integer, bindparam, func, literal_column, select

from blueport.server.ids import AccountId, LineId, lowest
from blueport.server.store.tables import deliveries, messages
from blueport.server.store.tx import Statement, Tx

# A quarter of a second: of few readers that a file has, none is kept from others for longer.
LOOKED_THROUGH = 250_000
# As a literal: two parameters would be two things to group by.
_DAY_MS: ColumnElement[int] = literal_column("86400000", Integer)


class Messages(NamedTuple):
    """How many messages of an account a line took on a day (since 1970, UTC), of one direction."""

    day: int
    account_id: AccountId
    line_id: LineId
    is_from_me: int
    how_many: int


class Deliveries(NamedTuple):
    """How many deliveries of an account and of a day (since 1970, UTC) are in a state."""

    day: int
    account_id: AccountId
    state: str
    how_many: int


_said = (
    select(messages.c.sent_at, messages.c.account_id, messages.c.line_id, messages.c.is_from_me)
    .where(messages.c.id >= bindparam("since_id"))
    .order_by(messages.c.id.desc())
    .limit(bindparam("limit"))
    .subquery("recent")
)
_said_on = (_said.c.sent_at // _DAY_MS).label("day")
_MESSAGES = Statement(
    select(_said_on, _said.c.account_id, _said.c.line_id, _said.c.is_from_me, func.count()).group_by(
        _said_on, _said.c.account_id, _said.c.line_id, _said.c.is_from_me
    )
)
_made = (
    select(deliveries.c.created_at, deliveries.c.account_id, deliveries.c.state)
    .where(deliveries.c.id >= bindparam("since_id"))
    .order_by(deliveries.c.id.desc())
    .limit(bindparam("limit"))
    .subquery("recent")
)
_made_on = (_made.c.created_at // _DAY_MS).label("day")
_DELIVERIES = Statement(
    select(_made_on, _made.c.account_id, _made.c.state, func.count()).group_by(
        _made_on, _made.c.account_id, _made.c.state
    )
)


def messages_since(tx: Tx, since: int) -> list[Messages]:
    """Count the newest messages, LOOKED_THROUGH of them, that we know of since *since* (Unix milliseconds)."""
    return tx.all(Messages, _MESSAGES, since_id=lowest("msg", since), limit=LOOKED_THROUGH)


def deliveries_since(tx: Tx, since: int) -> list[Deliveries]:
    """Count the newest deliveries, LOOKED_THROUGH of them, that were made since *since* (Unix milliseconds)."""
    return tx.all(Deliveries, _DELIVERIES, since_id=lowest("dlv", since), limit=LOOKED_THROUGH)
