"""Turns facts into deliveries, and the outcome of each try into what happens next."""

import random
from typing import Literal, NamedTuple

import msgspec

from blueport.server.blobs.links import Links
from blueport.server.ids import AccountId, ChatId, DeliveryId, EventId, LineId, mint
from blueport.server.notifying import queries
from blueport.server.notifying.queries import Due, Holder, NewEvent, WebhookRow
from blueport.server.notifying.schedule import DELAYS_S, JITTER, next_attempt_at
from blueport.server.shapes import StoredAttachment
from blueport.server.store.tx import Tx

EventType = Literal["message.received", "message.sent", "reaction.added", "reaction.removed"]
RUNNING_LIMIT = 4
CLAIM_LIMIT = 32
# How long news of a message waits for its files.
FILES_WAIT_MS = 10_000

next_due_at = queries.next_due_at
_stored = msgspec.json.Decoder(tuple[StoredAttachment, ...])
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Fact(NamedTuple):
    """What happened, and where; `data` is the JSON of the event's payload."""

    account_id: AccountId
    line_id: LineId
    chat_id: ChatId
    type: EventType
    subject_id: str
    data: str


class Try(NamedTuple):
    """A claimed delivery; its outcome must carry the token. `started_at` is Unix milliseconds."""

    due: Due
    token: str
    started_at: int


class Claimed(NamedTuple):
    """Tries to begin now, and how many milliseconds it is until more falls due, None if nothing waits for its time."""

    tries: list[Try]
    next_in_ms: int | None


class Outcome(NamedTuple):
    """How a try ended: a 2xx, or a reason why not."""

    is_delivered: bool
    reason: str


def announce(tx: Tx, fact: Fact, *, waits_for_files: bool = False) -> None:
    """Keep *fact* as an event, due at every webhook that asked for it: now, or once its files are there."""
    event = NewEvent(EventId(mint("evt", tx.now_ms)), *fact)
    queries.add_event(tx, event)
    available_at = tx.now_ms + FILES_WAIT_MS if waits_for_files else 0
    for webhook in queries.listening_webhooks(tx, fact.account_id):
        if _wants(webhook, fact):
            delivery_id = DeliveryId(mint("dlv", tx.now_ms))
            queries.add_delivery(tx, delivery_id, event, webhook.id, available_at=available_at)
    tx.wake("deliveries")


def files_are_there(tx: Tx, subject_id: str) -> None:
    """Let the news of a message go that waited for its files."""
    queries.make_due(tx, subject_id)
    tx.wake("deliveries")


def hasten(tx: Tx) -> None:
    """Make due what a clock that was set back since would have wait for longer than its retry can be away."""
    latest_of = {n: tx.now_ms + round(delay_s * (1 + JITTER) * 1000) for n, delay_s in enumerate(DELAYS_S, start=1)}
    queries.hasten(tx, {0: tx.now_ms + FILES_WAIT_MS, **latest_of})
    tx.wake("deliveries")


def claim(tx: Tx, links: Links, process: str, *, lease_s: float) -> Claimed:
    """Lease what is due to a process, fairly: no webhook has more than RUNNING_LIMIT tries under way."""
    tries: list[Try] = []
    for due in queries.due(tx, running_limit=RUNNING_LIMIT, limit=CLAIM_LIMIT):
        if due.running + sum(taken.due.webhook_id == due.webhook_id for taken in tries) < RUNNING_LIMIT:
            token = mint("tok", tx.now_ms)
            queries.claim(tx, due.id, Holder(process, token), tx.now_ms + round(lease_s * 1000))
            tries.append(Try(_rendered(due, links, tx.now_ms), token, tx.now_ms))
    # Asked at the same moment: what falls due between two questions would be overslept.
    next_at = queries.next_due_at(tx)
    return Claimed(tries, None if next_at is None else next_at - tx.now_ms)


def release(tx: Tx, process: str) -> None:
    """Free what a process was trying, for others to try at once."""
    if queries.release(tx, process):
        tx.wake("deliveries")


def release_gone(tx: Tx) -> None:
    """Free what processes were trying that are gone; where that cannot be known, leases run out."""
    alive = tx.processes()
    if alive is not None and queries.release_gone(tx, alive):
        tx.wake("deliveries")


def settle(tx: Tx, tried: Try, outcome: Outcome) -> bool:
    """Write down how a try ended; False if the lease was lost, and with it the say."""
    tx.wake("deliveries")
    if outcome.is_delivered:
        return queries.end(tx, tried.due.id, tried.token, "delivered", outcome.reason)
    jitter = random.uniform(-1, 1)  # noqa: S311 - spreads load, keeps no secret
    available_at = next_attempt_at(tried.due.attempts + 1, tx.now_ms, jitter=jitter)
    if available_at is None:
        return queries.end(tx, tried.due.id, tried.token, "failed", outcome.reason)
    return queries.postpone(tx, tried.due.id, tried.token, outcome.reason, available_at)


def _rendered(due: Due, links: Links, now_ms: int) -> Due:
    """Put in what is known of the message's files by now, with links that outlive the tries."""
    if due.attachments in (None, "[]"):
        return due
    shown = [links.attachment(each, now_ms) for each in _stored.decode(due.attachments or "[]")]
    fields = {**_fields_of.decode(due.data), "attachments": shown}
    return due._replace(data=msgspec.json.encode(fields).decode())


def _wants(webhook: WebhookRow, fact: Fact) -> bool:
    hears_line = webhook.line_ids is None or fact.line_id in webhook.line_ids.split()
    return bool(webhook.is_active) and hears_line and fact.type in webhook.events.split()
