"""Creates, lists and deletes webhooks, gives them other secrets, and enables them."""

from collections.abc import Sequence
from typing import NamedTuple, get_args

import msgspec

from blueport.server.addressing import service as addressing
from blueport.server.auditing import service as auditing
from blueport.server.auditing.service import Actor
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Key
from blueport.server.errors import ApiError
from blueport.server.http.endpoint import Call, Terms
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
from blueport.server.sealing import Keyring
from blueport.server.store.tx import Tx

EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
EXTENDED_EVENT_TYPES: tuple[ExtendedEventType, ...] = get_args(ExtendedEventType)


MOST_DELAYS = 20
LONGEST_DELAY_S = 24 * 3600


class Wish(NamedTuple):
    """What a webhook is asked to be; without waits it is tried again by the usual plan."""

    url: str
    events: Sequence[str]
    delays_s: Sequence[int] | None = None


class Judged(NamedTuple):
    """What a webhook may be: a fit URL, words of events, and waits, None for the usual ones."""

    url: str
    events: str
    delays_s: str | None


class Made(NamedTuple):
    """A new webhook with the secret that signs its deliveries: nobody can show it again."""

    id: WebhookId
    secret: str


def create(tx: Tx, call: Call[NewWebhook]) -> CreatedWebhook:
    """Send events of a line, or of every line, to a URL."""
    asked, account_id = call.asked, call.key.account_id
    name = addressing.line_name(asked.line_handle, region=call.terms.region) if asked.line_handle else None
    judged = judge(tx, call.terms, account_id, Wish(asked.url, asked.events, asked.retry_delays_s))
    line_ids = _line_ids(tx, call.key, name)
    is_for_all = name is None and call.key.line_ids is None
    made = make(tx, call.actor, account_id, judged, None if is_for_all else line_ids, call.terms.keyring)
    return CreatedWebhook(made.id, line_ids, judged.url, judged.events.split(), made.secret, is_active=True)


def judge(tx: Tx, terms: Terms, account_id: AccountId, wish: Wish) -> Judged:
    """Judge what a webhook of an account is asked to be.

    Raises:
        ApiError: `invalid_parameter_value`.
    """
    _judge_url(terms, wish.url)
    _judge_events(tx, account_id, wish.events)
    return Judged(wish.url, " ".join(dict.fromkeys(wish.events)), _judged_delays(wish.delays_s))


def make(
    tx: Tx,
    actor: Actor,
    account_id: AccountId,
    judged: Judged,
    line_ids: Sequence[LineId] | None,
    keyring: Keyring,
) -> Made:
    """Make a webhook that gets the events of some lines of its account, or with None of all, later ones too."""
    webhook_id, secret = WebhookId(mint("wh", tx.now_ms)), new_secret()
    webhook = notifying.NewWebhook(
        id=webhook_id,
        account_id=account_id,
        url=judged.url,
        secret=keyring.stored(secret, place=webhook_id),
        events=judged.events,
        line_ids=None if line_ids is None else " ".join(line_ids),
        delays_s=judged.delays_s,
    )
    notifying.add_webhook(tx, webhook)
    auditing.note(tx, actor, "webhook.created", account_id=account_id, target=webhook_id)
    return Made(webhook_id, secret)


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
    remove(tx, call.actor, _found(tx, call.key, call.asked.id))
    return Deleted(call.asked.id)


def remove(tx: Tx, actor: Actor, webhook: Visible) -> None:
    """Delete a webhook.

    Raises:
        ApiError: `webhook_not_found`: it was deleted meanwhile.
    """
    row = webhook.row
    if not notifying.delete_webhook(tx, row.account_id, row.id):
        raise ApiError("webhook_not_found", "No such webhook.", param="id")
    auditing.note(tx, actor, "webhook.deleted", account_id=row.account_id, target=row.id)


def rotate(tx: Tx, call: Call[RotateWebhook]) -> RotatedWebhook:
    """Give a webhook a new secret; for a while, the earlier one signs beside it."""
    if not 0 <= call.asked.overlap_s <= LONGEST_OVERLAP_S:
        message = f"`overlap_s` takes 0 to {LONGEST_OVERLAP_S}."
        raise ApiError("invalid_parameter_value", message, param="overlap_s")
    webhook = _found(tx, call.key, call.asked.id)
    made = renew_secret(tx, call.actor, webhook, call.terms.keyring, overlap_s=call.asked.overlap_s)
    return RotatedWebhook(made.id, made.secret, tx.now_ms + call.asked.overlap_s * 1000)


def renew_secret(tx: Tx, actor: Actor, webhook: Visible, keyring: Keyring, *, overlap_s: int) -> Made:
    """Give a webhook a new secret; for *overlap_s*, the earlier one signs beside it."""
    row, secret = webhook.row, new_secret()
    stored = keyring.stored(secret, place=row.id)
    notifying.rotate_secret(tx, row.id, stored, until=tx.now_ms + overlap_s * 1000)
    auditing.note(tx, actor, "webhook.rotated", account_id=row.account_id, target=row.id)
    return Made(row.id, secret)


def enable(tx: Tx, call: Call[EnableWebhook]) -> Webhook:
    """Deliver again to a webhook that was disabled, first of all what has waited for it."""
    switch_on(tx, call.actor, _found(tx, call.key, call.asked.id))
    return _shown(_found(tx, call.key, call.asked.id))


def switch_on(tx: Tx, actor: Actor, webhook: Visible) -> None:
    """Deliver again to a webhook; nothing happens to one that was not disabled."""
    row = webhook.row
    if notifying.enable(tx, row.id):
        delivering.hasten(tx, row.id)
        tx.wake("deliveries")
        auditing.note(tx, actor, "webhook.enabled", account_id=row.account_id, target=row.id)


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


def _judge_url(terms: Terms, url: str) -> None:
    fault = terms.guard.url_fault(url)
    if fault is not None:
        raise ApiError("invalid_parameter_value", f"`url` {fault}.", param="url")


def _judged_delays(delays_s: Sequence[int] | None) -> str | None:
    if delays_s is None:
        return None
    if len(delays_s) > MOST_DELAYS or not all(1 <= delay_s <= LONGEST_DELAY_S for delay_s in delays_s):
        message = f"`retry_delays_s` takes up to {MOST_DELAYS} times of 1 to {LONGEST_DELAY_S} seconds."
        raise ApiError("invalid_parameter_value", message, param="retry_delays_s")
    return " ".join(map(str, delays_s))


def _judge_events(tx: Tx, account_id: AccountId, events: Sequence[str]) -> None:
    if events and set(events).issubset(EVENT_TYPES):
        return
    types = (*EVENT_TYPES, *EXTENDED_EVENT_TYPES) if is_extended(tx, account_id) else EVENT_TYPES
    if not events or not set(events).issubset(types):
        allowed = ", ".join(f"`{event}`" for event in types)
        raise ApiError("invalid_parameter_value", f"`events` takes one or more of {allowed}.", param="events")
