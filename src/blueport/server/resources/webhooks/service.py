"""Creates, lists and deletes webhooks, gives them other secrets, and enables them."""

from typing import get_args

import msgspec

from blueport.server.addressing import service as addressing
from blueport.server.auditing import service as auditing
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Key
from blueport.server.errors import ApiError
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_of_all, page_size
from blueport.server.ids import AccountId, LineId, WebhookId, mint
from blueport.server.notifying import queries as notifying
from blueport.server.notifying.delivering import queries as delivering
from blueport.server.notifying.delivering.signing import new_secret
from blueport.server.notifying.service import EventType, ExtendedEventType, Visible, is_extended, visible, webhook_of
from blueport.server.resources.webhooks.schema import (
    LONGEST_OVERLAP_S,
    CreatedWebhook,
    Deleted,
    DeleteWebhook,
    EnableWebhook,
    ListWebhooks,
    NewWebhook,
    RotatedWebhook,
    RotateWebhook,
    Webhook,
)
from blueport.server.store.tx import Tx

EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
EXTENDED_EVENT_TYPES: tuple[ExtendedEventType, ...] = get_args(ExtendedEventType)


MOST_DELAYS = 20
LONGEST_DELAY_S = 24 * 3600


def create(tx: Tx, call: Call[NewWebhook]) -> CreatedWebhook:
    """Send events of a line, or of every line, to a URL."""
    asked = call.asked
    name = addressing.line_name(asked.line_handle, region=call.terms.region) if asked.line_handle else None
    _judge_url(call)
    _judge_events(tx, call.key.account_id, asked.events)
    delays_s = _judged_delays(asked.retry_delays_s)
    line_ids = _line_ids(tx, call.key, name)
    is_for_all = name is None and call.key.line_ids is None
    webhook_id, secret = WebhookId(mint("wh", tx.now_ms)), new_secret()
    webhook = notifying.NewWebhook(
        id=webhook_id,
        account_id=call.key.account_id,
        url=asked.url,
        secret=call.terms.keyring.stored(secret, place=webhook_id),
        events=" ".join(dict.fromkeys(asked.events)),
        line_ids=None if is_for_all else " ".join(line_ids),
        delays_s=delays_s,
    )
    notifying.add_webhook(tx, webhook)
    auditing.note(tx, call.actor, "webhook.created", account_id=webhook.account_id, target=webhook.id)
    return CreatedWebhook(webhook.id, line_ids, webhook.url, webhook.events.split(), secret, is_active=True)


def list_webhooks(tx: Tx, call: Call[ListWebhooks]) -> Page[Webhook]:
    """List the webhooks of a line, or all of them."""
    handle = call.asked.line_handle
    name = addressing.line_name(handle, region=call.terms.region) if handle else None
    page_size(call.asked)  # values are judged before what they name
    wanted = None if name is None else authorizing.line_for(tx, call.key, name).id
    every = map(_shown, visible(tx, call.key.account_id, call.key.line_ids))
    webhooks = [webhook for webhook in every if wanted is None or wanted in webhook.line_ids]
    return page_of_all(webhooks, f"webhooks {call.key.id} {wanted}", call.asked, call.terms.cursors)


def delete(tx: Tx, call: Call[DeleteWebhook]) -> Deleted:
    """Delete a webhook; what it still waited for is called off."""
    found = _found(tx, call.key, call.asked.id)
    if not notifying.delete_webhook(tx, call.key.account_id, found.row.id):
        raise ApiError("webhook_not_found", "No such webhook.", param="id")
    auditing.note(tx, call.actor, "webhook.deleted", account_id=call.key.account_id, target=found.row.id)
    return Deleted(call.asked.id)


def rotate(tx: Tx, call: Call[RotateWebhook]) -> RotatedWebhook:
    """Give a webhook a new secret; for a while, the earlier one signs beside it."""
    if not 0 <= call.asked.overlap_s <= LONGEST_OVERLAP_S:
        message = f"`overlap_s` takes 0 to {LONGEST_OVERLAP_S}."
        raise ApiError("invalid_parameter_value", message, param="overlap_s")
    found = _found(tx, call.key, call.asked.id)
    secret, until = new_secret(), tx.now_ms + call.asked.overlap_s * 1000
    stored = call.terms.keyring.stored(secret, place=found.row.id)
    notifying.rotate_secret(tx, found.row.id, stored, until=until)
    auditing.note(tx, call.actor, "webhook.rotated", account_id=call.key.account_id, target=found.row.id)
    return RotatedWebhook(found.row.id, secret, until)


def enable(tx: Tx, call: Call[EnableWebhook]) -> Webhook:
    """Deliver again to a webhook that was disabled, first of all what has waited for it."""
    found = _found(tx, call.key, call.asked.id)
    if notifying.enable(tx, found.row.id):
        delivering.hasten(tx, found.row.id)
        tx.wake("deliveries")
        auditing.note(tx, call.actor, "webhook.enabled", account_id=call.key.account_id, target=found.row.id)
    return _shown(_found(tx, call.key, call.asked.id))


def _found(tx: Tx, key: Key, name: str) -> Visible:
    """Find a webhook that *key* may see."""
    return webhook_of(tx, key.account_id, key.line_ids, name, param="id")


def _shown(webhook: Visible) -> Webhook:
    row = webhook.row
    shown = Webhook(row.id, webhook.line_ids, row.url, row.events.split(), bool(row.is_active))
    if row.delays_s is not None:
        shown = msgspec.structs.replace(shown, retry_delays_s=[int(word) for word in row.delays_s.split()])
    if row.disabled_at is None:
        return shown
    return msgspec.structs.replace(shown, disabled_at=row.disabled_at, disabled_reason=row.disabled_reason)


def _line_ids(tx: Tx, key: Key, name: str | None) -> list[LineId]:
    """Return the line of that name; with none, every line that *key* may use."""
    if name is not None:
        return [authorizing.line_for(tx, key, name).id]
    lines = authorizing.lines_for(tx, key)
    if not lines and key.line_ids is not None:
        raise ApiError("line_not_accessible", "This API key is not allowed on any line.", param="from")
    return [line.id for line in lines]


def _judge_url(call: Call[NewWebhook]) -> None:
    fault = call.terms.guard.url_fault(call.asked.url)
    if fault is not None:
        raise ApiError("invalid_parameter_value", f"`url` {fault}.", param="url")


def _judged_delays(delays_s: list[int] | None) -> str | None:
    if delays_s is None:
        return None
    if len(delays_s) > MOST_DELAYS or not all(1 <= delay_s <= LONGEST_DELAY_S for delay_s in delays_s):
        message = f"`retry_delays_s` takes up to {MOST_DELAYS} times of 1 to {LONGEST_DELAY_S} seconds."
        raise ApiError("invalid_parameter_value", message, param="retry_delays_s")
    return " ".join(map(str, delays_s))


def _judge_events(tx: Tx, account_id: AccountId, events: list[str]) -> None:
    if events and set(events).issubset(EVENT_TYPES):
        return
    types = (*EVENT_TYPES, *EXTENDED_EVENT_TYPES) if is_extended(tx, account_id) else EVENT_TYPES
    if not events or not set(events).issubset(types):
        allowed = ", ".join(f"`{event}`" for event in types)
        raise ApiError("invalid_parameter_value", f"`events` takes one or more of {allowed}.", param="events")
