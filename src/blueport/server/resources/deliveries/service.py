"""Tells of deliveries, has them made again, and makes some for a test."""

from collections.abc import Sequence
from typing import NewType, cast

from blueport.server.auditing import service as auditing
from blueport.server.auditing.service import Actor
from blueport.server.authorizing.service import Key
from blueport.server.errors import ApiError
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_in_order, page_size
from blueport.server.ids import DeliveryId, WebhookId, lowest
from blueport.server.notifying import queries as notifying
from blueport.server.notifying import replaying
from blueport.server.notifying.queries import Logged, Span
from blueport.server.notifying.replaying import MISSED
from blueport.server.notifying.service import Visible, visible, webhook_of
from blueport.server.receiving.samples import sample_of
from blueport.server.resources.deliveries import queries
from blueport.server.resources.deliveries.queries import AttemptRow, Bounds, DeliveryRow
from blueport.server.resources.deliveries.schema import (
    Attempt,
    Delivery,
    ListAttempts,
    ListDeliveries,
    Replay,
    Replayed,
    Status,
    TestDelivery,
    TestWebhook,
)
from blueport.server.store.tx import Tx

Working = NewType("Working", Visible)  # a webhook that is not disabled

# Later than any.
_NEVER_MS = 2**50 - 1
UNDELIVERED = ["failed", "cancelled", MISSED]


def list_deliveries(tx: Tx, call: Call[ListDeliveries]) -> Page[Delivery]:
    """List deliveries, newest first."""
    asked = call.asked
    span = _span(asked)
    size = page_size(asked)
    webhook_ids = _webhook_ids(tx, call.key, asked.webhook_id)
    list_name = f"deliveries {call.key.id} {asked.webhook_id} {asked.status} {asked.since} {asked.until}"
    before = lowest("dlv", span.until)
    if asked.cursor is not None:
        before = call.terms.cursors.place(list_name, asked.cursor, str)
    bounds = Bounds(lowest("dlv", span.since), before)
    rows = queries.page(tx, call.key.account_id, webhook_ids, asked.status, bounds, size + 1)
    shown, next_cursor = call.terms.cursors.page(rows, size, list_name, lambda row: row.id)
    return Page([told_of(row, tx.now_ms) for row in shown], next_cursor is not None, next_cursor)


def list_attempts(tx: Tx, call: Call[ListAttempts]) -> Page[Attempt]:
    """List the tries of a delivery, the last one first."""
    page_size(call.asked)
    found = _found_delivery(tx, call.key, call.asked.delivery_id)
    attempts = [told_of_try(row) for row in queries.attempts_of(tx, found.id)]
    name, cursors = f"attempts {found.id}", call.terms.cursors
    return page_in_order(attempts, name, call.asked, cursors, lambda each: (each.number, ""), tuple[int, str])


def replay(tx: Tx, call: Call[Replay]) -> Replayed:
    """Have a delivery made again, or what a webhook did not get."""
    asked = call.asked
    if asked.delivery_id and asked.webhook_id:
        message = "`delivery_id` and `webhook_id` cannot be given together."
        raise ApiError("invalid_parameter_value", message, param="webhook_id")
    span = _span(asked)
    if asked.delivery_id:
        logged = _found_delivery(tx, call.key, asked.delivery_id)
        webhook = _working_webhook(tx, call.key, logged.webhook_id, param="delivery_id")
        replay_one(tx, call.actor, webhook, logged)
        return Replayed(1, has_more=False, next_since=None)
    webhook = _working_webhook(tx, call.key, asked.webhook_id or "", param="webhook_id")
    return replay_all(tx, call.actor, webhook, [asked.status] if asked.status else UNDELIVERED, span)


def replay_one(tx: Tx, actor: Actor, webhook: Working, logged: Logged) -> None:
    """Have a delivery of a webhook made again."""
    replaying.replay_one(tx, logged)
    _note_replay(tx, actor, webhook)


def replay_all(tx: Tx, actor: Actor, webhook: Working, states: list[str], span: Span) -> Replayed:
    """Have those deliveries of a webhook made again that ended in one of *states*, or were never made."""
    replayed = replaying.replay(tx, webhook.row, states, span)
    _note_replay(tx, actor, webhook)
    return Replayed(replayed.how_many, replayed.next_since is not None, replayed.next_since)


def _note_replay(tx: Tx, actor: Actor, webhook: Working) -> None:
    row = webhook.row
    auditing.note(tx, actor, "webhook.replayed", account_id=row.account_id, target=row.id)


def test(tx: Tx, call: Call[TestWebhook]) -> TestDelivery:
    """Have an example of an event delivered, once."""
    webhook = _working_webhook(tx, call.key, call.asked.id, param="id")
    return TestDelivery(send_example(tx, webhook, call.asked.event))


def send_example(tx: Tx, webhook: Working, asked: str | None) -> DeliveryId:
    """Have a webhook get an example of the event that is *asked* for, None for its first.

    Raises:
        ApiError: `invalid_parameter_value`: it does not get such events.
    """
    events = webhook.row.events.split()
    event = events[0] if asked is None else asked
    _judge_event(event, events)
    return replaying.test(tx, webhook.row, event, sample_of(event, webhook.line_ids, tx.now_ms))


def _webhook_ids(tx: Tx, key: Key, name: str | None) -> list[WebhookId] | None:
    """Return whose deliveries are asked for; None: those of any webhook that there is or was."""
    if name is not None:
        return [webhook_of(tx, key.account_id, key.line_ids, name, param="webhook_id").row.id]
    if key.line_ids is None:
        return None
    return [webhook.row.id for webhook in visible(tx, key.account_id, key.line_ids)]


def _working_webhook(tx: Tx, key: Key, name: str, *, param: str) -> Working:
    """Find a webhook that *key* may see, and that is not disabled."""
    return working(webhook_of(tx, key.account_id, key.line_ids, name, param=param), param=param)


def working(webhook: Visible, *, param: str) -> Working:
    """Return *webhook*, which is not disabled.

    Raises:
        ApiError: `invalid_parameter_value`: it is.
    """
    if not webhook.row.is_active:
        raise ApiError("invalid_parameter_value", "This webhook is disabled: enable it first.", param=param)
    return Working(webhook)


def _found_delivery(tx: Tx, key: Key, name: str) -> Logged:
    if not name.startswith("dlv_"):
        raise ApiError("invalid_parameter_value", "`delivery_id` takes `dlv_...`.", param="delivery_id")
    found = notifying.logged(tx, key.account_id, name)
    if found is not None and key.line_ids is not None:
        seen = [webhook.row.id for webhook in visible(tx, key.account_id, key.line_ids)]
        found = found if found.webhook_id in seen else None
    if found is None:
        raise ApiError("delivery_not_found", "No such delivery.", param="delivery_id")
    return found


def _judge_event(given: str, allowed: Sequence[str]) -> None:
    if given not in allowed:
        words = ", ".join(f"`{word}`" for word in allowed)
        raise ApiError("invalid_parameter_value", f"`event` takes one of {words}.", param="event")


def _span(asked: ListDeliveries | Replay) -> Span:
    for name, moment in (("since", asked.since), ("until", asked.until)):
        if moment is not None and not 0 <= moment < _NEVER_MS:
            raise ApiError("invalid_parameter_value", f"`{name}` takes Unix milliseconds.", param=name)
    return Span(asked.since or 0, _NEVER_MS if asked.until is None else asked.until)


def told_of(row: DeliveryRow, now_ms: int) -> Delivery:
    """Return a delivery as its account is told of it."""
    is_open = row.completed_at is None
    return Delivery(
        id=row.id,
        webhook_id=row.webhook_id,
        event_id=row.event_id,
        event=row.event,
        is_test=bool(row.is_test),
        status="pending" if is_open else cast("Status", row.state),
        attempts=row.attempts,
        reason=row.reason,
        next_attempt_at=row.available_at if is_open and row.available_at > now_ms else None,
        created_at=row.created_at,
        completed_at=row.completed_at,
    )


def told_of_try(row: AttemptRow) -> Attempt:
    """Return a try as its account is told of it."""
    return Attempt(row.number, row.started_at, row.duration_ms, row.status, row.reason, row.address, row.response)
