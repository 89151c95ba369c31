"""The one row that makes a database this installation's."""

from sqlalchemy import bindparam, select, update

from blueport.server.store.tables import installation
from blueport.server.store.tx import Statement, Tx, insert_into

_SECRET = Statement(select(installation.c.cursor_secret))
_INSERT = Statement(insert_into(installation))
_DAILY_LIMIT = Statement(select(installation.c.sandbox_daily_limit))
_SET_DAILY_LIMIT = Statement(update(installation).values(sandbox_daily_limit=bindparam("daily_limit")))


def cursor_secret(tx: Tx) -> str | None:
    """Return the secret that seals cursors, None before the first start."""
    return tx.one(str, _SECRET)


def create(tx: Tx, secret: str) -> None:
    """Make the row."""
    tx.change(_INSERT, id=1, cursor_secret=secret, sandbox_daily_limit=0, created_at=tx.now_ms)


def sandbox_daily_limit(tx: Tx) -> int:
    """Return how many messages an account may send a day on the shared line; none before the first start."""
    return tx.one(int, _DAILY_LIMIT) or 0


def set_sandbox_daily_limit(tx: Tx, limit: int) -> None:
    """Set how many messages an account may send a day on the shared line."""
    tx.change(_SET_DAILY_LIMIT, daily_limit=limit)
