"""Statements on the log of deliveries."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Select, and_, bindparam, select, text

from blueport.server.ids import AccountId, DeliveryId, EventId, WebhookId
from blueport.server.store.lists import among
from blueport.server.store.tables import deliveries, delivery_attempts, events
from blueport.server.store.tx import Statement, Tx


class DeliveryRow(NamedTuple):
    """A delivery; times are Unix milliseconds, `available_at` 0 means at once."""

    id: DeliveryId
    webhook_id: WebhookId
    event_id: EventId
    event: str
    is_test: int
    state: str
    attempts: int
    reason: str | None
    available_at: int
    created_at: int
    completed_at: int | None
    seq: int


class AttemptRow(NamedTuple):
    """A try of a delivery."""

    delivery_id: DeliveryId
    number: int
    started_at: int
    duration_ms: int | None
    status: int | None
    reason: str
    address: str | None
    response: str | None


class Bounds(NamedTuple):
    """A part of the log: what is older than `before`, an id or the beginning of one, and not older than `since`."""

    since: str
    before: str


_d = deliveries.c
DELIVERIES = select(
    _d.id,
    _d.webhook_id,
    _d.event_id,
    events.c.type,
    events.c.is_test,
    _d.state,
    _d.attempts,
    _d.reason,
    _d.available_at,
    _d.created_at,
    _d.completed_at,
    _d.seq,
).join(events, events.c.id == _d.event_id)
ATTEMPTS = select(*[delivery_attempts.c[name] for name in AttemptRow._fields]).order_by(
    delivery_attempts.c.number.desc()
)
_LOG = (
    DELIVERIES.where(and_(_d.id >= bindparam("since"), _d.id < bindparam("before")))
    .order_by(_d.id.desc())
    .limit(bindparam("limit"))
)
_OF_ACCOUNT = _LOG.where(_d.account_id == bindparam("account_id"))
_OF_WEBHOOKS = _OF_ACCOUNT.where(among(_d.webhook_id, "webhook_ids"))


# As the index has it: what is bound could be anything.
_ended_badly = text("deliveries.state IN ('failed', 'cancelled')")


def _by_status(log: Select[tuple[str, ...]]) -> dict[str | None, Statement]:
    return {
        None: Statement(log),
        "delivered": Statement(log.where(_d.state == "delivered")),
        "pending": Statement(log.where(_d.completed_at.is_(None))),
        "failed": Statement(log.where(_ended_badly, _d.state == "failed")),
        "cancelled": Statement(log.where(_ended_badly, _d.state == "cancelled")),
    }


_ALL = _by_status(_OF_ACCOUNT)
_SOME = _by_status(_OF_WEBHOOKS)
_ATTEMPTS_OF = Statement(ATTEMPTS.where(delivery_attempts.c.delivery_id == bindparam("delivery_id")))


def page(
    tx: Tx,
    account_id: AccountId,
    webhook_ids: Sequence[WebhookId] | None,
    status: str | None,
    bounds: Bounds,
    limit: int,
) -> list[DeliveryRow]:
    """Return up to *limit* deliveries, newest first; with None of any webhook, those that are gone included."""
    given = {"account_id": account_id, **bounds._asdict(), "limit": limit}
    if webhook_ids is None:
        return tx.all(DeliveryRow, _ALL[status], **given)
    return tx.all(DeliveryRow, _SOME[status], **given, webhook_ids=webhook_ids)


def attempts_of(tx: Tx, delivery_id: DeliveryId) -> list[AttemptRow]:
    """Return the tries of a delivery, the last first."""
    return tx.all(AttemptRow, _ATTEMPTS_OF, delivery_id=delivery_id)
