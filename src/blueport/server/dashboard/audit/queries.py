"""Statements on the audit log, as a page looks through it.

Who asks for one action or one actor may ask for what is rare: so many entries are looked through at a time.
"""

import functools
from typing import NamedTuple

from sqlalchemy import Select, bindparam, select

from blueport.server.store.tables import audit_log
from blueport.server.store.tx import Statement, Tx

LOOKED_THROUGH = 5_000


class Entry(NamedTuple):
    """An entry of the log, `at` Unix milliseconds; the greater its `seq`, the newer it is."""

    seq: int
    at: int
    account_id: str | None
    actor: str
    action: str
    target: str | None
    detail: str | None
    address: str | None
    request_id: str | None


class Wanted(NamedTuple):
    """What is asked for: of one account or all, of one action and actor or all, before the entry `before`."""

    account_id: str | None = None
    action: str | None = None
    actor: str | None = None
    before: int | None = None

    @property
    def is_rare(self) -> bool:
        """Whether many entries may have to be looked through for few."""
        return self.action is not None or self.actor is not None


def entries(tx: Tx, wanted: Wanted, limit: int) -> list[Entry]:
    """Return the newest entries that are asked for, newest first, of those that are looked through."""
    is_given = tuple(name for name, value in wanted._asdict().items() if value is not None)
    looked_through = LOOKED_THROUGH if wanted.is_rare else limit
    return tx.all(Entry, _entries(is_given), **wanted._asdict(), limit=limit, looked_through=looked_through)


def last_looked_at(tx: Tx, wanted: Wanted) -> int | None:
    """Return the `seq` of the last entry that is looked through, None if that is the first there ever was."""
    is_given = tuple(name for name in ("account_id", "before") if getattr(wanted, name) is not None)
    statement, skipped = _last_looked_at(is_given), LOOKED_THROUGH - 1
    return tx.one(int, statement, account_id=wanted.account_id, before=wanted.before, skipped=skipped)


def actors(tx: Tx, account_id: str | None) -> list[str]:
    """Return who did something lately."""
    statement = _actors(is_of_account=account_id is not None)
    return tx.all(str, statement, account_id=account_id, looked_through=LOOKED_THROUGH)


@functools.cache
def _entries(is_given: tuple[str, ...]) -> Statement:
    window = _window(is_given).limit(bindparam("looked_through")).subquery("recent")
    conditions = [window.c[name] == bindparam(name) for name in ("action", "actor") if name in is_given]
    return Statement(select(window).where(*conditions).order_by(window.c.seq.desc()).limit(bindparam("limit")))


@functools.cache
def _last_looked_at(is_given: tuple[str, ...]) -> Statement:
    window = _window(is_given).limit(1).offset(bindparam("skipped")).subquery("recent")
    return Statement(select(window.c.seq))


@functools.cache
def _actors(*, is_of_account: bool) -> Statement:
    window = _window(("account_id",) if is_of_account else ()).limit(bindparam("looked_through")).subquery("recent")
    return Statement(select(window.c.actor).distinct().order_by(window.c.actor))


def _window(is_given: tuple[str, ...]) -> Select[tuple[object, ...]]:
    columns = [audit_log.c[name] for name in Entry._fields]
    conditions = [
        *([audit_log.c.account_id == bindparam("account_id")] if "account_id" in is_given else []),
        *([audit_log.c.seq < bindparam("before")] if "before" in is_given else []),
    ]
    return select(*columns).where(*conditions).order_by(audit_log.c.seq.desc())
