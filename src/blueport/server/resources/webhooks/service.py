"""Creates, lists and deletes webhooks."""

from typing import get_args

from blueport.server.addressing import service as addressing
from blueport.server.auditing import service as auditing
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Key
from blueport.server.errors import ApiError
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_of_all, page_size
from blueport.server.ids import LineId, WebhookId, mint
from blueport.server.notifying import queries as notifying
from blueport.server.notifying.service import EventType
from blueport.server.notifying.signing import new_secret
from blueport.server.resources.webhooks.schema import (
    CreatedWebhook,
    Deleted,
    DeleteWebhook,
    ListWebhooks,
    NewWebhook,
    Webhook,
)
from blueport.server.store.tx import Tx

EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
URL_LIMIT = 2048


def create(tx: Tx, call: Call[NewWebhook]) -> CreatedWebhook:
    """Send events of a line, or of every line, to a URL."""
    asked = call.asked
    name = addressing.line_name(asked.line_handle, region=call.terms.region) if asked.line_handle else None
    _judge_url(call)
    _judge_events(asked.events)
    line_ids = _line_ids(tx, call.key, name)
    is_for_all = name is None and call.key.line_ids is None
    webhook = notifying.NewWebhook(
        id=WebhookId(mint("wh", tx.now_ms)),
        account_id=call.key.account_id,
        url=asked.url,
        secret=new_secret(),
        events=" ".join(dict.fromkeys(asked.events)),
        line_ids=None if is_for_all else " ".join(line_ids),
    )
    notifying.add_webhook(tx, webhook)
    auditing.note(tx, call.actor, "webhook.created", account_id=webhook.account_id, target=webhook.id)
    return CreatedWebhook(webhook.id, line_ids, webhook.url, webhook.events.split(), webhook.secret, is_active=True)


def list_webhooks(tx: Tx, call: Call[ListWebhooks]) -> Page[Webhook]:
    """List the webhooks of a line, or all of them."""
    handle = call.asked.line_handle
    name = addressing.line_name(handle, region=call.terms.region) if handle else None
    page_size(call.asked)  # values are judged before what they name
    wanted = None if name is None else authorizing.line_for(tx, call.key, name).id
    webhooks = [hook for hook in _visible(tx, call.key) if wanted is None or wanted in hook.line_ids]
    return page_of_all(webhooks, f"webhooks {call.key.id} {wanted}", call.asked, call.terms.cursors)


def delete(tx: Tx, call: Call[DeleteWebhook]) -> Deleted:
    """Delete a webhook; what it still waited for is called off."""
    if not call.asked.id.startswith("wh_"):
        raise ApiError("invalid_parameter_value", "`id` takes `wh_...`.", param="id")
    is_visible = any(hook.id == call.asked.id for hook in _visible(tx, call.key))
    if not is_visible or not notifying.delete_webhook(tx, call.key.account_id, call.asked.id):
        raise ApiError("webhook_not_found", "No such webhook.", param="id")
    auditing.note(tx, call.actor, "webhook.deleted", account_id=call.key.account_id, target=call.asked.id)
    return Deleted(call.asked.id)


def _line_ids(tx: Tx, key: Key, name: str | None) -> list[LineId]:
    """Return the line of that name; with none, every line that *key* may use."""
    if name is not None:
        return [authorizing.line_for(tx, key, name).id]
    lines = authorizing.lines_for(tx, key)
    if not lines and key.line_ids is not None:
        raise ApiError("line_not_accessible", "This API key is not allowed on any line.", param="from")
    return [line.id for line in lines]


def _visible(tx: Tx, key: Key) -> list[Webhook]:
    """Return the webhooks that *key* may see: for a restricted key, those of its lines alone."""
    every_line = [line.id for line in addressing.lines_of(tx, key.account_id)]
    webhooks: list[Webhook] = []
    for row in notifying.webhooks_of(tx, key.account_id):
        line_ids = every_line if row.line_ids is None else [LineId(word) for word in row.line_ids.split()]
        if key.line_ids is None or key.line_ids.issuperset(line_ids):
            webhooks.append(Webhook(row.id, line_ids, row.url, row.events.split(), bool(row.is_active)))
    return webhooks


def _judge_url(call: Call[NewWebhook]) -> None:
    fault = call.terms.guard.url_fault(call.asked.url)
    if fault is None and len(call.asked.url) > URL_LIMIT:
        fault = f"may have at most {URL_LIMIT} characters"
    if fault is not None:
        raise ApiError("invalid_parameter_value", f"`url` {fault}.", param="url")


def _judge_events(events: list[str]) -> None:
    if not events or not set(events).issubset(EVENT_TYPES):
        allowed = ", ".join(f"`{event}`" for event in EVENT_TYPES)
        raise ApiError("invalid_parameter_value", f"`events` takes one or more of {allowed}.", param="events")
