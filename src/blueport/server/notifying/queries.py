"""Statements on webhooks, events and deliveries."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, func, or_, select, update

from blueport.server.ids import AccountId, ChatId, DeliveryId, EventId, LineId, WebhookId
from blueport.server.store.tables import deliveries, events, messages, webhooks
from blueport.server.store.tx import Statement, Tx, Values, add_row, insert_into


class WebhookRow(NamedTuple):
    """A webhook; events and line ids are words, `line_ids` None means every line of the account."""

    id: WebhookId
    account_id: AccountId
    url: str
    events: str
    line_ids: str | None
    is_active: int


class NewWebhook(NamedTuple):
    """A webhook as it is made."""

    id: WebhookId
    account_id: AccountId
    url: str
    secret: str
    events: str
    line_ids: str | None


class NewEvent(NamedTuple):
    """A fact for the outside; `data` is the JSON that its deliveries carry."""

    id: EventId
    account_id: AccountId
    line_id: LineId
    chat_id: ChatId
    type: str
    subject_id: str
    data: str


class Due(NamedTuple):
    """A delivery that may be tried now, with all that a try needs; `attachments` is JSON of those of its message."""

    id: DeliveryId
    webhook_id: WebhookId
    attempts: int
    event_type: str
    data: str
    url: str
    secret: str
    attachments: str | None = None
    running: int = 0  # tries under way for its webhook


class Holder(NamedTuple):
    """Who tries a delivery: a process, by which token."""

    process: str
    token: str


_INSERT_WEBHOOK = Statement(insert_into(webhooks))

_OF_ACCOUNT = (
    select(
        webhooks.c.id,
        webhooks.c.account_id,
        webhooks.c.url,
        webhooks.c.events,
        webhooks.c.line_ids,
        webhooks.c.is_active,
    )
    .where(webhooks.c.account_id == bindparam("account_id"))
    .order_by(webhooks.c.id.desc())
)
_WEBHOOKS = Statement(_OF_ACCOUNT)
# One that is deleted meanwhile waits until what it is to hear is there to be called off.
_LISTENING = Statement(_OF_ACCOUNT.with_for_update(read=True, key_share=True))
_DELETE_WEBHOOK = Statement(
    delete(webhooks).where(webhooks.c.account_id == bindparam("account_id"), webhooks.c.id == bindparam("id"))
)
_CANCEL = Statement(
    update(deliveries)
    .where(deliveries.c.webhook_id == bindparam("webhook"), deliveries.c.completed_at.is_(None))
    .values(state="cancelled", completed_at=bindparam("completed"))
)

_earlier = deliveries.alias("earlier")
_running = deliveries.alias("running")
# A chat's first tries go out one after the other, so that an agent hears things in their order; what failed once holds
# nobody back. Asked for as the first that was not tried in vain: whether an earlier one exists PostgreSQL would find
# out for all pairs of a backlog.
_first_of_chat = (
    select(_earlier.c.seq)
    .where(
        _earlier.c.webhook_id == deliveries.c.webhook_id,
        _earlier.c.chat_id == deliveries.c.chat_id,
        _earlier.c.completed_at.is_(None),
        _earlier.c.reason.is_(None),
    )
    .order_by(_earlier.c.seq)
    .limit(1)
    .scalar_subquery()
)
_how_many_run = (
    select(func.count())
    .where(
        _running.c.webhook_id == deliveries.c.webhook_id,
        _running.c.completed_at.is_(None),
        _running.c.state == "running",
        _running.c.lease_until > bindparam("now_ms"),
    )
    .scalar_subquery()
)
_DUE = Statement(
    select(
        deliveries.c.id,
        deliveries.c.webhook_id,
        deliveries.c.attempts,
        events.c.type,
        events.c.data,
        webhooks.c.url,
        webhooks.c.secret,
        messages.c.attachments,
        _how_many_run,
    )
    .join(events, events.c.id == deliveries.c.event_id)
    .join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
    .outerjoin(messages, messages.c.id == events.c.subject_id)
    .where(
        deliveries.c.completed_at.is_(None),
        deliveries.c.available_at <= bindparam("now_ms"),
        webhooks.c.is_active == 1,
        or_(
            deliveries.c.state == "pending",
            and_(deliveries.c.state == "running", deliveries.c.lease_until <= bindparam("now_ms")),
        ),
        _how_many_run < bindparam("running_limit"),
        func.coalesce(_first_of_chat, deliveries.c.seq) >= deliveries.c.seq,
    )
    .order_by(deliveries.c.available_at, deliveries.c.seq)
    .limit(bindparam("limit"))
    .with_for_update(of=deliveries, skip_locked=True)
)
# By its state: an index of what is open must not tempt a database to find one row by walking through all of them.
_is_open = or_(deliveries.c.state == "pending", deliveries.c.state == "running")
_CLAIM = Statement(
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"), _is_open)
    .values(
        state="running",
        attempts=deliveries.c.attempts + 1,
        claim_token=bindparam("token"),
        claimed_by=bindparam("process"),
        lease_until=bindparam("until"),
    )
)
_HELD = update(deliveries).where(
    deliveries.c.id == bindparam("delivery_id"),
    deliveries.c.claim_token == bindparam("token"),
    deliveries.c.state == "running",
)
_END = Statement(
    _HELD.values(state=bindparam("new_state"), reason=bindparam("word"), completed_at=bindparam("completed"))
)
_POSTPONE = Statement(
    _HELD.values(state="pending", reason=bindparam("word"), available_at=bindparam("available"), lease_until=None)
)
_HASTEN = Statement(
    update(deliveries)
    .where(
        deliveries.c.completed_at.is_(None),
        deliveries.c.attempts == bindparam("failed_attempts"),
        deliveries.c.available_at > bindparam("latest"),
    )
    .values(available_at=0)
)
_MAKE_DUE = Statement(
    update(deliveries)
    .where(
        deliveries.c.event_id.in_(select(events.c.id).where(events.c.subject_id == bindparam("subject"))),
        deliveries.c.completed_at.is_(None),
        deliveries.c.attempts == 0,
    )
    .values(available_at=0)
)
_RELEASED = (
    update(deliveries)
    .where(deliveries.c.state == "running", deliveries.c.completed_at.is_(None))
    .values(state="pending", lease_until=None, claim_token=None, claimed_by=None)
)
_RELEASE = Statement(_RELEASED.where(deliveries.c.claimed_by == bindparam("process")))
_RELEASE_GONE = Statement(
    _RELEASED.where(
        or_(deliveries.c.claimed_by.is_(None), deliveries.c.claimed_by.not_in(bindparam("alive", expanding=True)))
    )
)
_NEXT_DUE = Statement(
    select(deliveries.c.available_at)
    .where(deliveries.c.completed_at.is_(None), deliveries.c.available_at > bindparam("now_ms"))
    .order_by(deliveries.c.available_at)
    .limit(1)
)


def add_webhook(tx: Tx, webhook: NewWebhook) -> None:
    """Create an active webhook."""
    tx.change(_INSERT_WEBHOOK, **webhook._asdict(), is_active=1, created_at=tx.now_ms)


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


def add_event(tx: Tx, event: NewEvent) -> None:
    """Keep a fact; a second one of the same type and subject is an error of ours."""
    add_row(tx, events, {**event._asdict(), "created_at": tx.now_ms})


def add_delivery(tx: Tx, delivery_id: DeliveryId, event: NewEvent, webhook_id: WebhookId, *, available_at: int) -> None:
    """Make an event due for a webhook at that moment (Unix milliseconds); 0 is now, whatever the clock does."""
    row: Values = {
        "id": delivery_id,
        "account_id": event.account_id,
        "event_id": event.id,
        "webhook_id": webhook_id,
        "chat_id": event.chat_id,
        "state": "pending",
        "attempts": 0,
        "available_at": available_at,
        "created_at": tx.now_ms,
    }
    add_row(tx, deliveries, row)


def due(tx: Tx, *, running_limit: int, limit: int) -> list[Due]:
    """Return deliveries to try now, of webhooks that run fewer than *running_limit*."""
    return tx.all(Due, _DUE, now_ms=tx.now_ms, running_limit=running_limit, limit=limit)


def claim(tx: Tx, delivery_id: DeliveryId, holder: Holder, lease_until: int) -> None:
    """Count a try, and lease the delivery for it."""
    tx.change(_CLAIM, delivery_id=delivery_id, **holder._asdict(), until=lease_until)


def end(tx: Tx, delivery_id: DeliveryId, token: str, state: str, reason: str) -> bool:
    """End a delivery; False if *token* no longer holds it."""
    return tx.change(_END, delivery_id=delivery_id, token=token, new_state=state, word=reason, completed=tx.now_ms) == 1


def postpone(tx: Tx, delivery_id: DeliveryId, token: str, reason: str, available_at: int) -> bool:
    """Plan the next try; False if *token* no longer holds the delivery."""
    return tx.change(_POSTPONE, delivery_id=delivery_id, token=token, word=reason, available=available_at) == 1


def hasten(tx: Tx, latest_by_attempts: dict[int, int]) -> None:
    """Make due what waits for longer than until the moment that is latest for so many failed attempts (Unix ms)."""
    tx.change_each(_HASTEN, [{"failed_attempts": n, "latest": at} for n, at in latest_by_attempts.items()])


def make_due(tx: Tx, subject_id: str) -> None:
    """Let what was announced of a subject go out now, where it was not tried yet."""
    tx.change(_MAKE_DUE, subject=subject_id)


def release(tx: Tx, process: str) -> bool:
    """Free what a process was trying; False if that is nothing."""
    return tx.change(_RELEASE, process=process) > 0


def release_gone(tx: Tx, alive: Iterable[str]) -> bool:
    """Free what processes were trying that are none of those who are alive; False if that is nothing."""
    return tx.change(_RELEASE_GONE, alive=[*alive]) > 0


def next_due_at(tx: Tx) -> int | None:
    """Return when the next delivery falls due (Unix milliseconds), None if none waits for its time."""
    return tx.one(int, _NEXT_DUE, now_ms=tx.now_ms)
