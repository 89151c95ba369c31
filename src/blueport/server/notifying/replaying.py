"""Deliveries that are made again, and those that are made for a test."""

from typing import NamedTuple

from blueport.server.ids import DeliveryId, EventId, mint
from blueport.server.notifying import queries, service
from blueport.server.notifying.queries import Missed, NewEvent, Span, WebhookRow
from blueport.server.store.tx import Tx

# Deliveries that one call replays.
REPLAY_LIMIT = 1_000
MISSED = "missed"


class Replayed(NamedTuple):
    """How many deliveries will be tried again, and when the first of those was made that are left (Unix ms)."""

    how_many: int
    next_since: int | None


def replay(tx: Tx, webhook: WebhookRow, states: list[str], span: Span) -> Replayed:
    """Have a webhook's deliveries of that time tried again that ended in one of *states*, or that were never made."""
    ended = queries.ended(tx, webhook, states, span, REPLAY_LIMIT + 1)
    missed = queries.missed(tx, webhook, span, REPLAY_LIMIT + 1) if MISSED in states else []
    if ended:
        queries.replay(tx, [each.id for each in ended[:REPLAY_LIMIT]])
    made = [_make_up(tx, webhook, each) for each in missed[:REPLAY_LIMIT]]
    tx.wake("deliveries")
    left = [each.created_at for each in ended[REPLAY_LIMIT:]] + [each.created_at for each in missed[REPLAY_LIMIT:]]
    return Replayed(len(ended[:REPLAY_LIMIT]) + sum(made), min(left, default=None))


def replay_one(tx: Tx, logged: queries.Logged) -> None:
    """Have a delivery tried again: at once, if it was to be tried again in any case."""
    if logged.is_open:
        queries.make_one_due(tx, logged.id)
    else:
        queries.replay(tx, [logged.id])
    tx.wake("deliveries")


def test(tx: Tx, webhook: WebhookRow, event_type: str, data: str) -> DeliveryId:
    """Have an example delivered, once."""
    event_id = EventId(mint("evt", tx.now_ms))
    event = NewEvent(event_id, webhook.account_id, None, None, event_type, event_id, data, 0)
    queries.add_event(tx, event, is_test=True)
    tx.wake("deliveries")
    return service.deliver(tx, event, webhook.id, 0)


def _make_up(tx: Tx, webhook: WebhookRow, missed: Missed) -> bool:
    if not service.hears(webhook, missed.line_id):
        return False
    event = NewEvent(*missed[:-1])
    service.deliver(tx, event, webhook.id, tx.now_ms)
    return True
