"""The one row that makes a database this installation's."""

from typing import NamedTuple

from sqlalchemy import bindparam, select, update

from blueport.server.store.tables import installation
from blueport.server.store.tx import Statement, Tx, insert_into


class Terms(NamedTuple):
    """What a server was last started with, as units of work need it: they know no settings.

    All but the first and the last is for accounts that have set nothing else; 0 of `pace_ms`, `loop_limit` or
    `line_hourly_limit` is no pace, no guard, no limit.
    """

    sandbox_daily_limit: int
    pace_ms: int
    pace_burst: int
    loop_limit: int
    loop_window_s: int
    loop_pause_s: int
    line_hourly_limit: int


_NOTHING = Terms(0, 0, 1, 0, 1, 1, 0)

_SECRET = Statement(select(installation.c.cursor_secret))
_INSERT = Statement(insert_into(installation))
_DAILY_LIMIT = Statement(select(installation.c.sandbox_daily_limit))
_TERMS = Statement(select(*[installation.c[name] for name in Terms._fields]))
_SET_TERMS = Statement(update(installation).values({name: bindparam(name) for name in Terms._fields}))


def cursor_secret(tx: Tx) -> str | None:
    """Return the secret that seals cursors, None before the first start."""
    return tx.one(str, _SECRET)


def create(tx: Tx, secret: str) -> None:
    """Make the row."""
    tx.change(_INSERT, id=1, cursor_secret=secret, created_at=tx.now_ms, **_NOTHING._asdict())


def sandbox_daily_limit(tx: Tx) -> int:
    """Return how many messages an account may send a day on the shared line; none before the first start."""
    return tx.one(int, _DAILY_LIMIT) or 0


def terms(tx: Tx) -> Terms:
    """Return what a server was last started with; nothing before the first start."""
    return tx.one(Terms, _TERMS) or _NOTHING


def set_terms(tx: Tx, terms: Terms) -> None:
    """Set what the server is started with."""
    tx.change(_SET_TERMS, **terms._asdict())
