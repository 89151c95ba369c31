"""How lines, queue and deliveries stand."""

from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from blueport.server.store.tables import (
    accounts,
    daemons,
    deliveries,
    events,
    lines,
    outbox,
    sandbox_pairings,
    webhooks,
)
from blueport.server.store.tx import Statement, Tx


class LineStanding(NamedTuple):
    """A line, its health, when its daemon was last heard of, and since when it is held back (Unix milliseconds)."""

    handle: str
    label: str | None
    health: str
    hint: str | None
    capabilities: str
    seen_at: int | None
    fused_since: int | None


class Count(NamedTuple):
    """How many rows are in a state."""

    state: str
    how_many: int


class DeliveryStanding(NamedTuple):
    """One of the latest deliveries."""

    id: str
    event: str
    url: str | None
    state: str
    attempts: int
    reason: str | None
    created_at: int


class PairingStanding(NamedTuple):
    """An account on the shared line: the code that it waits for, until a phone is paired."""

    account: str
    activation_code: str
    is_paired: int
    line: str


class ItemStanding(NamedTuple):
    """One of the latest outbox items."""

    id: str
    line: str
    status: str
    attempts: int
    error: str | None
    created_at: int


_LINES = Statement(
    select(
        lines.c.handle,
        lines.c.label,
        lines.c.health,
        lines.c.hint,
        lines.c.capabilities,
        daemons.c.seen_at,
        lines.c.fused_since,
    )
    .outerjoin(daemons, daemons.c.id == lines.c.daemon_id)
    .order_by(lines.c.handle)
)
# Only what is open and what came lately is counted: the page must not grow slower with the tables.
_OPEN_OUTBOX = Statement(
    select(outbox.c.status, func.count()).where(outbox.c.completed_at.is_(None)).group_by(outbox.c.status)
)
_OPEN_DELIVERIES = Statement(
    select(deliveries.c.state, func.count()).where(deliveries.c.completed_at.is_(None)).group_by(deliveries.c.state)
)
_LATEST_ITEMS = Statement(
    select(outbox.c.id, lines.c.handle, outbox.c.status, outbox.c.attempts, outbox.c.error, outbox.c.created_at)
    .join(lines, lines.c.id == outbox.c.line_id)
    .order_by(outbox.c.seq.desc())
    .limit(bindparam("limit"))
)
_LATEST_DELIVERIES = Statement(
    select(
        deliveries.c.id,
        events.c.type,
        webhooks.c.url,
        deliveries.c.state,
        deliveries.c.attempts,
        deliveries.c.reason,
        deliveries.c.created_at,
    )
    .join(events, events.c.id == deliveries.c.event_id)
    .outerjoin(webhooks, webhooks.c.id == deliveries.c.webhook_id)
    .order_by(deliveries.c.seq.desc())
    .limit(bindparam("limit"))
)

_LATEST_PAIRINGS = Statement(
    select(accounts.c.name, sandbox_pairings.c.activation_code, sandbox_pairings.c.contact.is_not(None), lines.c.handle)
    .join(accounts, accounts.c.id == sandbox_pairings.c.account_id)
    .join(lines, lines.c.is_sandbox == 1)
    .order_by(sandbox_pairings.c.created_at.desc(), sandbox_pairings.c.account_id)
    .limit(bindparam("limit"))
)


def line_standings(tx: Tx) -> list[LineStanding]:
    """Return every line."""
    return tx.all(LineStanding, _LINES)


def open_items(tx: Tx) -> list[Count]:
    """Count outbox items that have not ended."""
    return tx.all(Count, _OPEN_OUTBOX)


def open_deliveries(tx: Tx) -> list[Count]:
    """Count deliveries that have not ended."""
    return tx.all(Count, _OPEN_DELIVERIES)


def latest_pairings(tx: Tx, limit: int) -> list[PairingStanding]:
    """Return the accounts that asked for the sandbox last."""
    return tx.all(PairingStanding, _LATEST_PAIRINGS, limit=limit)


def latest_items(tx: Tx, limit: int) -> list[ItemStanding]:
    """Return the newest outbox items."""
    return tx.all(ItemStanding, _LATEST_ITEMS, limit=limit)


def latest_deliveries(tx: Tx, limit: int) -> list[DeliveryStanding]:
    """Return the newest deliveries."""
    return tx.all(DeliveryStanding, _LATEST_DELIVERIES, limit=limit)
