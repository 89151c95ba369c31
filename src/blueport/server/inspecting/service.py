"""Puts together what happened in a conversation."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

import msgspec

from blueport.handles import canonical_handle, sendable_handle
from blueport.server.blobs.links import Links
from blueport.server.http.recording import Recorded
from blueport.server.ids import ChatId
from blueport.server.inspecting import queries
from blueport.server.inspecting.schema import (
    Delivered,
    DeliveryEntry,
    EventEntry,
    Exchanged,
    Happened,
    OutboxEntry,
    RequestEntry,
    Said,
    Told,
)
from blueport.server.notifying.delivering.failures import meaning_of as why_undelivered
from blueport.server.notifying.delivering.signing import Delivery
from blueport.server.notifying.log.queries import EventRow
from blueport.server.resources.deliveries import service as deliveries
from blueport.server.resources.deliveries.queries import AttemptRow, DeliveryRow
from blueport.server.resources.events import service as events
from blueport.server.resources.outbox import service as outbox
from blueport.server.resources.outbox.queries import ItemRow
from blueport.server.sending.failures import meaning_of as why_unsent
from blueport.server.store.tx import Tx

# Of each kind.
LIMIT = 100


class Place(NamedTuple):
    """A conversation: a line's handle, and the other side's or a group's identifier, both canonical."""

    line: str
    peer: str


class Asked(NamedTuple):
    """Of which conversation what is asked; `links` lead to files as the asker knows us."""

    place: Place
    region: str
    links: Links


class _Names(NamedTuple):
    """By what a request may name a conversation."""

    lines: frozenset[str]
    peers: frozenset[str]
    items: frozenset[str]


def place_of(line: str, peer: str, *, region: str) -> Place:
    """Return the conversation of those names."""
    return Place(canonical_handle(line, region=region), canonical_handle(peer, region=region))


def happened(tx: Tx, asked: Asked, requests: Sequence[Recorded]) -> Happened:
    """Return what happened in a conversation, the newest first; of *requests* those that are not about another one."""
    chats = queries.chats_with(tx, *asked.place)
    told = happened_in(tx, [chat.id for chat in chats], asked.links)
    line, peer = asked.place
    names = _Names(
        frozenset([line, *(chat.line_id for chat in chats)]),
        frozenset([peer, *(chat.id for chat in chats)]),
        frozenset(item.id for item in told.outbox),
    )
    about = [each for each in requests if is_about(each, names, asked.region)]
    return msgspec.structs.replace(told, requests=[_request(each) for each in about[:LIMIT]])


def happened_in(tx: Tx, chat_ids: Sequence[ChatId], links: Links, reach: int = queries.REACH) -> Happened:
    """Return what happened in chats, but for requests, the newest first, of the latest *reach* items and events."""
    found = queries.events_of(tx, chat_ids, LIMIT, reach)
    sent = queries.deliveries_of(tx, [event.id for event in found], LIMIT)
    urls = queries.urls_of(tx, {each.webhook_id for each in sent})
    tries = _by_delivery(queries.attempts_of(tx, [each.id for each in sent]))
    by_id = {event.id: event for event in found}
    return Happened(
        [],
        [_item(tx, item) for item in queries.items_of(tx, chat_ids, LIMIT, reach)],
        [_event(event, links, tx.now_ms) for event in found],
        [
            _delivery(each, urls.get(each.webhook_id), by_id[each.event_id], tries.get(each.id, []), links, tx.now_ms)
            for each in sent
        ],
    )


def is_about(recorded: Recorded, names: _Names, region: str) -> bool:
    """Tell whether a request is not about another conversation: a name that is none hides it from nobody."""
    said = recorded.names
    item = said.get("id", "")
    if item in names.items:
        return True
    if item.startswith("obx_") and "to" not in said:
        return False
    return _is_one_of(said.get("from"), names.lines, region) and _is_one_of(said.get("to"), names.peers, region)


def _is_one_of(name: str | None, names: frozenset[str], region: str) -> bool:
    if name is None or name in names:
        return True
    if name.startswith(("ln_", "cht_")):
        return False
    handle = sendable_handle(name, region=region)
    return handle is None or handle in names


def _by_delivery(tries: list[AttemptRow]) -> dict[str, list[AttemptRow]]:
    ordered = sorted(tries, key=lambda each: each.delivery_id)
    return {delivery: [*those] for delivery, those in groupby(ordered, key=lambda each: each.delivery_id)}


# One entry each


def _request(recorded: Recorded) -> RequestEntry:
    said = Said(recorded.method, recorded.path, recorded.query, recorded.body)
    told = Told(recorded.status, recorded.answer)
    return RequestEntry(
        id=recorded.id,
        number=recorded.number,
        at=_iso(recorded.at),
        json=_raw(Exchanged(said, told, recorded.id, recorded.duration_ms)),
        method=recorded.method,
        path=recorded.path,
        query=recorded.query,
        status=recorded.status,
        code=recorded.code,
        duration_ms=recorded.duration_ms,
    )


def _item(tx: Tx, item: ItemRow) -> OutboxEntry:
    return OutboxEntry(
        id=item.id,
        number=item.seq,
        at=_iso(item.created_at),
        json=_raw(outbox.told(tx, item)),
        type=item.kind,
        status=item.status,
        attempts=item.attempts,
        error=item.error,
        why=None if item.error is None else why_unsent(item.error).what,
    )


def _event(row: EventRow, links: Links, now_ms: int) -> EventEntry:
    told = _raw(events.told(row, links, now_ms))
    return EventEntry(id=row.id, at=_iso(row.created_at), number=row.seq, json=told, type=row.type)


def _delivery(
    sent: DeliveryRow, url: str | None, event: EventRow, tries: list[AttemptRow], links: Links, now_ms: int
) -> DeliveryEntry:
    told = deliveries.told_of(sent, now_ms)
    whole = Delivered(told, url, [deliveries.told_of_try(each) for each in tries])
    if tries:
        data = events.told(event, links, now_ms).data
        body = Delivery(event.type, data, tries[0].started_at, sent.id)
        whole = msgspec.structs.replace(whole, body=_raw(body))
    return DeliveryEntry(
        id=sent.id,
        number=sent.seq,
        at=_iso(sent.created_at),
        json=_raw(whole),
        type=sent.event,
        url=url,
        status=sent.state,
        attempts=sent.attempts,
        reason=sent.reason,
        why=None if sent.reason is None else why_undelivered(sent.reason).what,
    )


def _raw(told: msgspec.Struct) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(told))


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
