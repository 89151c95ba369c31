"""The one row that makes a database this installation's."""

from sqlalchemy import select

from blueport.server.store.tables import installation
from blueport.server.store.tx import Statement, Tx, insert_into

_SECRET = Statement(select(installation.c.cursor_secret))
_INSERT = Statement(insert_into(installation))


def cursor_secret(tx: Tx) -> str | None:
    """Return the secret that seals cursors, None before the first start."""
    return tx.one(str, _SECRET)


def create(tx: Tx, secret: str) -> None:
    """Make the row."""
    tx.change(_INSERT, id=1, cursor_secret=secret, created_at=tx.now_ms)
