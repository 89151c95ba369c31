"""Webhooks of all accounts, the newest first, and what was delivered to one."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Select, bindparam, func, select, text

from blueport.server.ids import AccountId, DeliveryId, WebhookId
from blueport.server.resources.deliveries.queries import DeliveryRow
from blueport.server.store.lists import among
from blueport.server.store.tables import accounts, deliveries, events, webhooks
from blueport.server.store.tx import Given, Statement, Tx

# How many are looked through for those in one state, from a place on: a page is drawn again and again.
LOOKED_THROUGH = 1_000


class WebhookCard(NamedTuple):
    """A webhook with whose it is, how its receiver is, and its last delivery; times are Unix milliseconds.

    Events and line ids are words, `line_ids` None means every line. `failures` are tries in a row that failed.
    """

    id: WebhookId
    account_id: AccountId
    account: str
    url: str
    events: str
    line_ids: str | None
    is_active: int
    failures: int
    failing_since: int | None
    disabled_at: int | None
    disabled_reason: str | None
    delays_s: str | None
    created_at: int
    earlier_secret_until: int | None
    last_id: DeliveryId | None
    last_state: str | None
    last_at: int | None


class Part(NamedTuple):
    """Which deliveries of a webhook: those in one of *states*, of those that are looked through below `before`."""

    account_id: AccountId
    webhook_id: WebhookId
    states: Sequence[str]
    before: str

    @property
    def is_undelivered(self) -> bool:
        """Tell whether it is of what ended badly alone: that is few, and has an index of its own."""
        return set(self.states) <= {"failed", "cancelled"}

    def given(self) -> dict[str, Given]:
        """Return what is looked through, as statements take it."""
        whose = {"account_id": self.account_id} if self.is_undelivered else {"webhook_id": self.webhook_id}
        return {**whose, "before": self.before, "looked_through": LOOKED_THROUGH}


_d = deliveries.c
_last = select(func.max(_d.id)).where(_d.webhook_id == webhooks.c.id).correlate(webhooks).scalar_subquery()
_CARDS = (
    select(
        webhooks.c.id,
        webhooks.c.account_id,
        accounts.c.name.label("account"),
        *[webhooks.c[name] for name in WebhookCard._fields[3:14]],
        _d.id.label("last_id"),
        _d.state.label("last_state"),
        func.coalesce(_d.completed_at, _d.created_at).label("last_at"),
    )
    .join(accounts, accounts.c.id == webhooks.c.account_id)
    .outerjoin(deliveries, _d.id == _last)
)
_PAGE = Statement(
    _CARDS.where(webhooks.c.id < bindparam("before")).order_by(webhooks.c.id.desc()).limit(bindparam("limit"))
)
_PAGE_OF_ACCOUNT = Statement(
    _CARDS.where(webhooks.c.account_id == bindparam("account_id"), webhooks.c.id < bindparam("before"))
    .order_by(webhooks.c.id.desc())
    .limit(bindparam("limit"))
)
_CARD = Statement(_CARDS.where(webhooks.c.id == bindparam("id")))


def _log_of(looked_through: Select[tuple[str]]) -> Statement:
    """Return what of some deliveries a webhook's log shows."""
    found = looked_through.subquery("newest")
    return Statement(
        select(
            *[found.c[name] for name in DeliveryRow._fields[:3]],
            events.c.type,
            events.c.is_test,
            *[found.c[name] for name in DeliveryRow._fields[5:]],
        )
        .join(events, events.c.id == found.c.event_id)
        .where(found.c.webhook_id == bindparam("webhook_id"), among(found.c.state, "states"))
        .order_by(found.c.id.desc())
        .limit(bindparam("limit"))
    )


def _end_of(looked_through: Select[tuple[str]]) -> Statement:
    """Return the last of what is looked through."""
    found = looked_through.subquery("newest")
    return Statement(select(func.count(), func.min(found.c.id)))


_newest = (
    select(deliveries)
    .where(_d.webhook_id == bindparam("webhook_id"), _d.id < bindparam("before"))
    .order_by(_d.id.desc())
    .limit(bindparam("looked_through"))
)
_undelivered = (
    select(deliveries)
    .where(
        _d.account_id == bindparam("account_id"),
        text("deliveries.state IN ('failed', 'cancelled')"),  # as the index has it
        _d.id < bindparam("before"),
    )
    .order_by(_d.id.desc())
    .limit(bindparam("looked_through"))
)
_LOG = _log_of(_newest)
_LOG_OF_UNDELIVERED = _log_of(_undelivered)
_END = _end_of(_newest)
_END_OF_UNDELIVERED = _end_of(_undelivered)


class _End(NamedTuple):
    how_many: int
    id: str | None


def webhooks_of(tx: Tx, account_id: str | None, before: str, limit: int) -> list[WebhookCard]:
    """Return webhooks with lower ids than *before*, of an account or with None of all."""
    if account_id is None:
        return tx.all(WebhookCard, _PAGE, before=before, limit=limit)
    return tx.all(WebhookCard, _PAGE_OF_ACCOUNT, account_id=account_id, before=before, limit=limit)


def webhook(tx: Tx, webhook_id: str) -> WebhookCard | None:
    """Find a webhook."""
    return tx.one(WebhookCard, _CARD, id=webhook_id)


def log(tx: Tx, part: Part, limit: int) -> list[DeliveryRow]:
    """Return the newest deliveries of a part of the log."""
    statement, given = (_LOG_OF_UNDELIVERED if part.is_undelivered else _LOG), part.given()
    return tx.all(
        DeliveryRow, statement, **{**given, "webhook_id": part.webhook_id, "states": part.states, "limit": limit}
    )


def looked_to(tx: Tx, part: Part) -> str | None:
    """Return the last delivery that `log` looks at, None if there is nothing older."""
    end = tx.one(_End, _END_OF_UNDELIVERED if part.is_undelivered else _END, **part.given())
    return end.id if end is not None and end.how_many == LOOKED_THROUGH else None
