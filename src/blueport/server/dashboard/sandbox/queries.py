"""How accounts stand on the shared line."""

from typing import NamedTuple

from sqlalchemy import and_, bindparam, func, select

from blueport.server.ids import AccountId
from blueport.server.store.tables import accounts, sandbox_pairings, sandbox_usage
from blueport.server.store.tx import Statement, Tx


class Standing(NamedTuple):
    """How an account stands on the shared line; without `code` it has asked for none, without `contact` it waits.

    `used` is how many messages it sent on the day that was asked for; times are Unix milliseconds.
    """

    id: AccountId
    account: str
    owner: str | None
    code: str | None
    contact: str | None
    activated_at: int | None
    used: int


_STANDING = (
    select(
        accounts.c.id,
        accounts.c.name,
        accounts.c.owner,
        sandbox_pairings.c.activation_code,
        sandbox_pairings.c.contact,
        sandbox_pairings.c.activated_at,
        func.coalesce(sandbox_usage.c.used, 0),
    )
    .outerjoin(sandbox_pairings, sandbox_pairings.c.account_id == accounts.c.id)
    .outerjoin(
        sandbox_usage, and_(sandbox_usage.c.account_id == accounts.c.id, sandbox_usage.c.day == bindparam("day"))
    )
)
_STANDING_OF = Statement(_STANDING.where(accounts.c.id == bindparam("account_id")))
_STANDINGS = Statement(
    _STANDING.where(accounts.c.id > bindparam("after")).order_by(accounts.c.id).limit(bindparam("limit"))
)


def standing_of(tx: Tx, account_id: str, day: int) -> Standing | None:
    """Return how an account stands, with what it used on *day* (since 1970, UTC)."""
    return tx.one(Standing, _STANDING_OF, account_id=account_id, day=day)


def standings(tx: Tx, after: str, day: int, limit: int) -> list[Standing]:
    """Return how accounts stand, those behind the id *after*, in the order of their ids."""
    return tx.all(Standing, _STANDINGS, after=after, day=day, limit=limit)
