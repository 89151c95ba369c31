"""Statements on pairings and on what was sent each day."""

from typing import NamedTuple

from sqlalchemy import bindparam, select, update

from blueport.server.ids import AccountId
from blueport.server.store.lists import among
from blueport.server.store.tables import accounts, sandbox_pairings, sandbox_usage
from blueport.server.store.tx import Statement, Tx, insert_into


class Pairing(NamedTuple):
    """An account's place on the shared line; without `contact` nobody has texted its code yet."""

    account_id: AccountId
    activation_code: str
    contact: str | None
    activated_at: int | None


_OWNED = Statement(select(accounts.c.id).where(accounts.c.id == bindparam("id"), accounts.c.owner.is_not(None)))
_PAIRING = select(*[sandbox_pairings.c[name] for name in Pairing._fields])
_PAIRING_OF = Statement(_PAIRING.where(sandbox_pairings.c.account_id == bindparam("account_id")))
_PAIRING_WITH = Statement(_PAIRING.where(sandbox_pairings.c.contact == bindparam("contact")))
_PENDING = Statement(
    _PAIRING.where(
        among(sandbox_pairings.c.activation_code, "codes"),
        sandbox_pairings.c.contact.is_(None),
    )
)
_INSERT = Statement(insert_into(sandbox_pairings))
_PAIR = Statement(
    update(sandbox_pairings)
    .where(sandbox_pairings.c.account_id == bindparam("account"), sandbox_pairings.c.contact.is_(None))
    .values(contact=bindparam("phone"), activated_at=bindparam("at"))
)
_UNPAIR = Statement(
    update(sandbox_pairings)
    .where(sandbox_pairings.c.account_id == bindparam("account"))
    .values(contact=None, activated_at=None, activation_code=bindparam("code"))
)
_USED = Statement(
    select(sandbox_usage.c.used).where(
        sandbox_usage.c.account_id == bindparam("account_id"), sandbox_usage.c.day == bindparam("day")
    )
)
_COUNT = Statement(
    update(sandbox_usage)
    .where(
        sandbox_usage.c.account_id == bindparam("account"),
        sandbox_usage.c.day == bindparam("on_day"),
        sandbox_usage.c.used < bindparam("limit"),
    )
    .values(used=sandbox_usage.c.used + 1)
)
_FIRST_USE = Statement(insert_into(sandbox_usage))


def is_owned(tx: Tx, account_id: AccountId) -> bool:
    """Say whether it is somebody's account."""
    return tx.one(str, _OWNED, id=account_id) is not None


def pairing_of(tx: Tx, account_id: AccountId) -> Pairing | None:
    """Find an account's place on the shared line."""
    return tx.one(Pairing, _PAIRING_OF, account_id=account_id)


def pairing_with(tx: Tx, contact: str) -> Pairing | None:
    """Find whose phone that is, by its canonical handle."""
    return tx.one(Pairing, _PAIRING_WITH, contact=contact)


def first_pending(tx: Tx, codes: list[str]) -> Pairing | None:
    """Find who waits for the first of *codes* that anybody waits for."""
    waiting = tx.all(Pairing, _PENDING, codes=codes)
    return min(waiting, key=lambda pairing: codes.index(pairing.activation_code), default=None)


def add_pairing(tx: Tx, pairing: Pairing) -> None:
    """Give an account a place on the shared line."""
    tx.change(_INSERT, **pairing._asdict(), created_at=tx.now_ms)


def pair(tx: Tx, account_id: AccountId, contact: str) -> bool:
    """Make the phone the account's; False if it has one."""
    return tx.change(_PAIR, account=account_id, phone=contact, at=tx.now_ms) == 1


def unpair(tx: Tx, account_id: AccountId, code: str) -> None:
    """Have the account wait for *code*, whatever phone it had."""
    tx.change(_UNPAIR, account=account_id, code=code)


def used(tx: Tx, account_id: AccountId, day: int) -> int:
    """Return how many messages the account sent on that day (days since 1970, UTC)."""
    return tx.one(int, _USED, account_id=account_id, day=day) or 0


def count_one(tx: Tx, account_id: AccountId, day: int, limit: int) -> bool:
    """Count a message of the account on that day; False if it would be one too many."""
    if tx.change(_COUNT, account=account_id, on_day=day, limit=limit) == 1:
        return True
    if limit == 0 or used(tx, account_id, day) > 0:
        return False
    tx.change(_FIRST_USE, account_id=account_id, day=day, used=1)
    return True
