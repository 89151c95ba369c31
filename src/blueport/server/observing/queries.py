"""How much is open, how old it is, and who is there: numbers over all accounts."""

from typing import NamedTuple

from sqlalchemy import BigInteger, bindparam, case, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from blueport.server.store.tables import daemons, deliveries, lines, outbox, signals, webhooks
from blueport.server.store.tx import Statement, Tx

# A daemon that works asks for more at least every half minute.
SEEN_WITHIN_MS = 60_000


class Open(NamedTuple):
    """How many are in a state, and when the oldest of them was made (Unix milliseconds)."""

    state: str
    how_many: int
    oldest_at: int


class LinesOf(NamedTuple):
    """How many lines are in one condition, and how many of them are held back since they sent too much in an hour."""

    is_active: int
    health: str
    how_many: int
    are_fused: int


class Standing(NamedTuple):
    """All of it at one moment; `late_since` is when the delivery fell due that waits longest, None if none is due."""

    now_ms: int
    items: list[Open]
    deliveries: list[Open]
    signals: list[Open]
    lines: list[LinesOf]
    late_since: int | None
    daemons_seen: int
    database_bytes: int


class _DatabaseBytes(GenericFunction[int]):
    """The size of the database."""

    name = "database_bytes"
    type = BigInteger()
    inherit_cache = True


@compiles(_DatabaseBytes, "sqlite")
def _in_sqlite(_element: _DatabaseBytes, _compiler: SQLCompiler, **_options: object) -> str:
    return "(SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)"


@compiles(_DatabaseBytes, "postgresql")
def _in_postgresql(_element: _DatabaseBytes, _compiler: SQLCompiler, **_options: object) -> str:
    return "pg_database_size(current_database())"


# Only what is open is looked at: it is little, whatever the tables have grown to, and has an index of its own.
_ITEMS = Statement(
    select(outbox.c.status, func.count(), func.min(outbox.c.created_at))
    .where(outbox.c.completed_at.is_(None))
    .group_by(outbox.c.status)
)
_DELIVERIES = Statement(
    select(deliveries.c.state, func.count(), func.min(deliveries.c.created_at))
    .where(deliveries.c.completed_at.is_(None))
    .group_by(deliveries.c.state)
)
_SIGNALS = Statement(
    select(signals.c.status, func.count(), func.min(signals.c.created_at))
    .where(signals.c.completed_at.is_(None))
    .group_by(signals.c.status)
)
# What is due at once has no moment of its own.
_due_at = case(
    (deliveries.c.available_at > deliveries.c.created_at, deliveries.c.available_at), else_=deliveries.c.created_at
)
_LATE_SINCE = Statement(
    select(func.min(_due_at))
    .join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
    .where(
        deliveries.c.completed_at.is_(None),
        deliveries.c.available_at <= bindparam("now_ms"),
        deliveries.c.state == "pending",
        webhooks.c.is_active == 1,
    )
)
_LINES = Statement(
    select(lines.c.is_active, lines.c.health, func.count(), func.count(lines.c.fused_since)).group_by(
        lines.c.is_active, lines.c.health
    )
)
_DAEMONS = Statement(select(func.count()).where(daemons.c.seen_at > bindparam("since"), daemons.c.revoked_at.is_(None)))
_BYTES = Statement(select(_DatabaseBytes()))


def standing(tx: Tx) -> Standing:
    """Return how everything stands."""
    return Standing(
        now_ms=tx.now_ms,
        items=tx.all(Open, _ITEMS),
        deliveries=tx.all(Open, _DELIVERIES),
        signals=tx.all(Open, _SIGNALS),
        lines=tx.all(LinesOf, _LINES),
        late_since=tx.one(_one, _LATE_SINCE, now_ms=tx.now_ms),
        daemons_seen=tx.one(int, _DAEMONS, since=tx.now_ms - SEEN_WITHIN_MS) or 0,
        database_bytes=tx.one(int, _BYTES) or 0,
    )


def _one(moment: int | None) -> int | None:
    return moment
