"""Statements on webhooks, events and deliveries."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, exists, func, literal_column, select, text, union, update

from blueport.server.ids import AccountId, ChatId, DeliveryId, EventId, LineId, Prefix, WebhookId, lowest
from blueport.server.sealing import HEAD_LENGTH, MARK, key_id_in
from blueport.server.store.lists import among
from blueport.server.store.tables import deliveries, events, webhooks
from blueport.server.store.tx import Statement, Tx, Value, Values, add_row


class WebhookRow(NamedTuple):
    """A webhook; events and line ids are words, `line_ids` None means every line of the account."""

    id: WebhookId
    account_id: AccountId
    url: str
    events: str
    line_ids: str | None
    is_active: int
    disabled_at: int | None
    disabled_reason: str | None
    delays_s: str | None


class NewWebhook(NamedTuple):
    """A webhook as it is made."""

    id: WebhookId
    account_id: AccountId
    url: str
    secret: str
    events: str
    line_ids: str | None
    delays_s: str | None


class NewEvent(NamedTuple):
    """A fact for the outside; `data` is the JSON that its deliveries carry."""

    id: EventId
    account_id: AccountId
    line_id: LineId | None
    chat_id: ChatId | None
    type: str
    subject_id: str
    data: str
    occasion: int


class Span(NamedTuple):
    """A time, from `since` to before `until` (Unix milliseconds)."""

    since: int
    until: int


class Ended(NamedTuple):
    """A delivery that has ended, made at that moment (Unix milliseconds)."""

    id: DeliveryId
    created_at: int


class Missed(NamedTuple):
    """An event of which there is no delivery; the fields of NewEvent, and when it was made (Unix milliseconds)."""

    id: EventId
    account_id: AccountId
    line_id: LineId | None
    chat_id: ChatId | None
    type: str
    subject_id: str
    data: str
    occasion: int
    created_at: int


class Logged(NamedTuple):
    """A delivery that may be replayed; `is_open` while it has not ended."""

    id: DeliveryId
    webhook_id: WebhookId
    is_open: int


_OF_ACCOUNT = (
    select(
        webhooks.c.id,
        webhooks.c.account_id,
        webhooks.c.url,
        webhooks.c.events,
        webhooks.c.line_ids,
        webhooks.c.is_active,
        webhooks.c.disabled_at,
        webhooks.c.disabled_reason,
        webhooks.c.delays_s,
    )
    .where(webhooks.c.account_id == bindparam("account_id"))
    .order_by(webhooks.c.id.desc())
)
_WEBHOOKS = Statement(_OF_ACCOUNT)
# One that is deleted meanwhile waits until what it is to hear is there to be called off.
_LISTENING = Statement(_OF_ACCOUNT.with_for_update(read=True, key_share=True))
_ROTATE = Statement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("webhook"))
    .values(earlier_secret=webhooks.c.secret, earlier_secret_until=bindparam("until"), secret=bindparam("new_secret"))
)
_SECRETS = (webhooks.c.secret, webhooks.c.earlier_secret)
_HEADS_OF_SECRETS = Statement(
    union(*[select(func.substr(each, 1, HEAD_LENGTH)).where(each.startswith(MARK)) for each in _SECRETS])
)
_ENABLE = Statement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("webhook"), webhooks.c.is_active == 0)
    .values(is_active=1, failures=0, failing_since=None, disabled_at=None, disabled_reason=None)
)
_DELETE_WEBHOOK = Statement(
    delete(webhooks).where(webhooks.c.account_id == bindparam("account_id"), webhooks.c.id == bindparam("id"))
)
_EVENT = Statement(
    select(events.c.id).where(
        events.c.subject_id == bindparam("subject_id"),
        events.c.type == bindparam("type"),
        events.c.occasion == bindparam("occasion"),
    )
)
_CANCEL = Statement(
    update(deliveries)
    .where(deliveries.c.webhook_id == bindparam("webhook"), deliveries.c.completed_at.is_(None))
    .values(state="cancelled", completed_at=bindparam("completed"))
)

_MAKE_DUE = Statement(
    update(deliveries)
    .where(
        deliveries.c.event_id.in_(select(events.c.id).where(events.c.subject_id == bindparam("subject"))),
        deliveries.c.completed_at.is_(None),
        deliveries.c.attempts == 0,
    )
    .values(available_at=literal_column("CASE WHEN state = 'waiting' THEN -1 ELSE 0 END"))
)


_d = deliveries.c
_LOGGED = Statement(
    select(_d.id, _d.webhook_id, _d.completed_at.is_(None)).where(
        _d.account_id == bindparam("account_id"), _d.id == bindparam("delivery_id")
    )
)
_is_in_span = and_(_d.id >= bindparam("first"), _d.id < bindparam("last"))
_UNDELIVERED_OF = Statement(
    select(_d.id, _d.created_at)
    .where(
        _d.account_id == bindparam("account_id"),
        _d.webhook_id == bindparam("webhook_id"),
        text("deliveries.state IN ('failed', 'cancelled')"),  # as the index has it
        among(_d.state, "states"),
        _is_in_span,
    )
    .order_by(_d.id)
    .limit(bindparam("limit"))
)
_DELIVERED_TO = Statement(
    select(_d.id, _d.created_at)
    .where(
        _d.webhook_id == bindparam("webhook_id"),
        _d.state == "delivered",
        _is_in_span,
    )
    .order_by(_d.id)
    .limit(bindparam("limit"))
)
_MISSED_BY = Statement(
    select(*[events.c[name] for name in NewEvent._fields], events.c.created_at)
    .where(
        events.c.account_id == bindparam("account_id"),
        events.c.is_test == 0,
        among(events.c.type, "types"),
        events.c.id >= bindparam("first"),
        events.c.id < bindparam("last"),
        ~exists().where(_d.event_id == events.c.id, _d.webhook_id == bindparam("webhook_id")),
    )
    .order_by(events.c.id)
    .limit(bindparam("limit"))
)
_REPLAY = Statement(
    update(deliveries)
    .where(among(_d.id, "ids"), _d.completed_at.is_not(None))
    .values(
        state="pending",
        completed_at=None,
        available_at=bindparam("now"),
        replayed_after=_d.attempts,
        claim_token=None,
        lease_until=None,
    )
)
_MAKE_ONE_DUE = Statement(
    update(deliveries)
    .where(_d.id == bindparam("delivery_id"), _d.state == "pending", _d.available_at > bindparam("now"))
    .values(available_at=bindparam("now"))
)


def add_webhook(tx: Tx, webhook: NewWebhook) -> None:
    """Create an active webhook."""
    add_row(tx, webhooks, {**webhook._asdict(), "is_active": 1, "created_at": tx.now_ms})


def webhooks_of(tx: Tx, account_id: AccountId) -> list[WebhookRow]:
    """Return the account's webhooks, newest first."""
    return tx.all(WebhookRow, _WEBHOOKS, account_id=account_id)


def listening_webhooks(tx: Tx, account_id: AccountId) -> list[WebhookRow]:
    """Return the account's webhooks, none of which goes away before this transaction ends."""
    return tx.all(WebhookRow, _LISTENING, account_id=account_id)


def delete_webhook(tx: Tx, account_id: AccountId, webhook_id: str) -> bool:
    """Delete a webhook and call off what it still waits for; False if the account has none of that id."""
    if tx.change(_DELETE_WEBHOOK, account_id=account_id, id=webhook_id) == 0:
        return False
    tx.change(_CANCEL, webhook=webhook_id, completed=tx.now_ms)
    return True


def rotate_secret(tx: Tx, webhook_id: WebhookId, secret: str, *, until: int) -> None:
    """Give a webhook another secret; the one that it had is good until that moment too (Unix milliseconds)."""
    tx.change(_ROTATE, webhook=webhook_id, new_secret=secret, until=until)


def key_ids_of_secrets(tx: Tx) -> set[str]:
    """Return the ids of the keys that secrets are sealed under."""
    found = map(key_id_in, tx.all(str, _HEADS_OF_SECRETS))
    return {key_id for key_id in found if key_id is not None}


def enable(tx: Tx, webhook_id: WebhookId) -> bool:
    """Deliver again to a webhook that was disabled; False if it was not."""
    return tx.change(_ENABLE, webhook=webhook_id) == 1


def add_event(tx: Tx, event: NewEvent, *, is_test: bool = False) -> None:
    """Keep a fact; a second one of the same type, subject and occasion is an error of ours."""
    add_row(tx, events, {**event._asdict(), "created_at": tx.now_ms, "is_test": int(is_test)})


def logged(tx: Tx, account_id: AccountId, delivery_id: str) -> Logged | None:
    """Find a delivery of the account."""
    return tx.one(Logged, _LOGGED, account_id=account_id, delivery_id=delivery_id)


def ended(tx: Tx, webhook: WebhookRow, states: Sequence[str], span: Span, limit: int) -> list[Ended]:
    """Return a webhook's deliveries of that time that have ended in one of *states*, the oldest first."""
    given: dict[str, Value] = {"webhook_id": webhook.id, "limit": limit, **_ids_in("dlv", span)}
    if "delivered" in states:
        return tx.all(Ended, _DELIVERED_TO, **given)
    return tx.all(Ended, _UNDELIVERED_OF, **given, account_id=webhook.account_id, states=states)


def missed(tx: Tx, webhook: WebhookRow, span: Span, limit: int) -> list[Missed]:
    """Return the events of that time that the webhook asks for and was never to get, the oldest first; of any line."""
    given: dict[str, Value] = {"account_id": webhook.account_id, "webhook_id": webhook.id, **_ids_in("evt", span)}
    return tx.all(Missed, _MISSED_BY, **given, types=webhook.events.split(), limit=limit)


def replay(tx: Tx, ids: Sequence[DeliveryId]) -> None:
    """Have deliveries that have ended tried again, by the whole plan."""
    tx.change(_REPLAY, ids=ids, now=tx.now_ms)


def make_one_due(tx: Tx, delivery_id: DeliveryId) -> None:
    """Have a delivery that waits for its time tried now."""
    tx.change(_MAKE_ONE_DUE, delivery_id=delivery_id, now=tx.now_ms)


def _ids_in(prefix: Prefix, span: Span) -> dict[str, str]:
    return {"first": lowest(prefix, span.since), "last": lowest(prefix, span.until)}


def is_event(tx: Tx, subject_id: str, kind: str, occasion: int) -> bool:
    """Say whether a fact is kept already."""
    return tx.one(EventId, _EVENT, subject_id=subject_id, type=kind, occasion=occasion) is not None


def add_delivery(
    tx: Tx, delivery_id: DeliveryId, event: NewEvent, webhook_id: WebhookId, *, state: str, available_at: int
) -> None:
    """Make an event due for a webhook at that moment (Unix milliseconds); 0 is now, whatever the clock does."""
    row: Values = {
        "id": delivery_id,
        "account_id": event.account_id,
        "event_id": event.id,
        "webhook_id": webhook_id,
        "chat_id": event.chat_id or event.id,  # it follows nothing
        "state": state,
        "attempts": 0,
        "available_at": -1 - available_at if state == "waiting" else available_at,
        "created_at": tx.now_ms,
    }
    add_row(tx, deliveries, row)


def make_due(tx: Tx, subject_id: str) -> None:
    """Let what was announced of a subject go out now, where it was not tried yet."""
    tx.change(_MAKE_DUE, subject=subject_id)
