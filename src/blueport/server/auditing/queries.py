"""Statements on the audit log."""

from typing import NamedTuple

from sqlalchemy import bindparam, select

from blueport.server.ids import AccountId
from blueport.server.store.tables import audit_log
from blueport.server.store.tx import Statement, Tx, insert_into


class Entry(NamedTuple):
    """What somebody did, `at` Unix milliseconds; without an account it concerns the installation itself."""

    at: int
    account_id: AccountId | None
    actor: str
    action: str
    target: str | None
    detail: str | None
    address: str | None
    request_id: str | None


_INSERT = Statement(insert_into(audit_log))
_ENTRIES = select(*[audit_log.c[name] for name in Entry._fields]).order_by(audit_log.c.seq.desc())
_LATEST = Statement(_ENTRIES.limit(bindparam("limit")))
_LATEST_OF_ACCOUNT = Statement(
    _ENTRIES.where(audit_log.c.account_id == bindparam("account_id")).limit(bindparam("limit"))
)


def add(tx: Tx, entry: Entry) -> None:
    """Put an entry at the end."""
    tx.change(_INSERT, **entry._asdict())


def latest(tx: Tx, limit: int) -> list[Entry]:
    """Return the newest entries, newest first."""
    return tx.all(Entry, _LATEST, limit=limit)


def latest_of_account(tx: Tx, account_id: AccountId, limit: int) -> list[Entry]:
    """Return the newest entries of an account, newest first."""
    return tx.all(Entry, _LATEST_OF_ACCOUNT, account_id=account_id, limit=limit)
