"""Turns facts into events, and events into deliveries."""

from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

from blueport.server.addressing import service as addressing
from blueport.server.customizing import queries as customizing
from blueport.server.errors import ApiError
from blueport.server.ids import AccountId, ChatId, DeliveryId, EventId, LineId, WebhookId, mint
from blueport.server.notifying import queries
from blueport.server.notifying.delivering import queries as delivering
from blueport.server.notifying.delivering.schedule import FILES_WAIT_MS
from blueport.server.notifying.queries import NewEvent, WebhookRow
from blueport.server.store.tx import Tx

EventType = Literal["message.received", "message.sent", "reaction.added", "reaction.removed"]
# Made only for accounts that have switched them on.
ExtendedEventType = Literal[
    "message.failed",
    "message.delivered",
    "message.read",
    "message.edited",
    "message.unsent",
    "typing.started",
    "typing.stopped",
    "receipt.read",
]


class Fact(NamedTuple):
    """What happened, and where; `data` is the JSON of the event's payload.

    What can happen again to the same subject is told apart by its `occasion`: when it happened (Unix milliseconds).
    """

    account_id: AccountId
    line_id: LineId
    chat_id: ChatId
    type: EventType | ExtendedEventType
    subject_id: str
    data: str
    occasion: int = 0


class Visible(NamedTuple):
    """A webhook, and the lines whose events it gets."""

    row: WebhookRow
    line_ids: list[LineId]


def visible(tx: Tx, account_id: AccountId, allowed: AbstractSet[LineId] | None) -> list[Visible]:
    """Return the account's webhooks, newest first: of one whose lines are not all *allowed* nothing is seen."""
    every_line = [line.id for line in addressing.lines_of(tx, account_id)]
    found = [
        Visible(row, every_line if row.line_ids is None else [LineId(word) for word in row.line_ids.split()])
        for row in queries.webhooks_of(tx, account_id)
    ]
    return [each for each in found if allowed is None or allowed >= {*each.line_ids}]


def webhook_of(tx: Tx, account_id: AccountId, allowed: AbstractSet[LineId] | None, name: str, *, param: str) -> Visible:
    """Find the webhook that the parameter *param* names, among those that may be seen.

    Raises:
        ApiError: `invalid_parameter_value` or `webhook_not_found`.
    """
    if not name.startswith("wh_"):
        raise ApiError("invalid_parameter_value", f"`{param}` takes `wh_...`.", param=param)
    for each in visible(tx, account_id, allowed):
        if each.row.id == name:
            return each
    raise ApiError("webhook_not_found", "No such webhook.", param=param)


def announce(tx: Tx, fact: Fact, *, waits_for_files: bool = False) -> None:
    """Keep *fact* as an event, due at every webhook that asked for it: now, or once its files are there."""
    event = NewEvent(EventId(mint("evt", tx.now_ms)), *fact)
    queries.add_event(tx, event)
    available_at = tx.now_ms + FILES_WAIT_MS if waits_for_files else 0
    for webhook in queries.listening_webhooks(tx, fact.account_id):
        if _wants(webhook, fact):
            deliver(tx, event, webhook.id, available_at)
    tx.wake("deliveries")
    tx.wake("events")


def deliver(tx: Tx, event: NewEvent, webhook_id: WebhookId, available_at: int) -> DeliveryId:
    """Have an event delivered, once those before it in its chat were tried: an agent hears things in their order."""
    delivery_id = DeliveryId(mint("dlv", tx.now_ms))
    is_behind = event.chat_id is not None and delivering.is_behind_another(tx, webhook_id, event.chat_id)
    state = "waiting" if is_behind else "pending"
    queries.add_delivery(tx, delivery_id, event, webhook_id, state=state, available_at=available_at)
    return delivery_id


def announce_extended(tx: Tx, fact: Fact) -> None:
    """Keep a fact that goes only to whom it is extended to; one that is told again is known already."""
    if is_extended(tx, fact.account_id) and not queries.is_event(tx, fact.subject_id, fact.type, fact.occasion):
        announce(tx, fact)


def is_extended(tx: Tx, account_id: AccountId) -> bool:
    """Say whether an account has switched on the events beyond the usual ones."""
    return bool(customizing.preferences_of(tx, account_id).extended_events)


def is_announced(tx: Tx, subject_id: str, kind: EventType) -> bool:
    """Say whether that was told of a subject; of history nothing was."""
    return queries.is_event(tx, subject_id, kind, 0)


def files_are_there(tx: Tx, subject_id: str) -> None:
    """Let the news of a message go that waited for its files."""
    queries.make_due(tx, subject_id)
    tx.wake("deliveries")
    tx.wake("events")


def _wants(webhook: WebhookRow, fact: Fact) -> bool:
    return bool(webhook.is_active) and hears(webhook, fact.line_id) and fact.type in webhook.events.split()


def hears(webhook: WebhookRow, line_id: LineId | None) -> bool:
    """Tell whether a webhook gets the events of a line."""
    return webhook.line_ids is None or line_id in webhook.line_ids.split()
