"""Statements on what happened in a conversation.

Neither outbox nor log has an index by chat, which each accept and each event would pay for. So they are looked through
from the newest on, and no further than so many rows: REACH, or less.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Select, Table, bindparam, func, select

from blueport.server.ids import ChatId, DeliveryId, EventId, LineId, WebhookId
from blueport.server.notifying.log.queries import EVENTS, EventRow
from blueport.server.resources.deliveries.queries import ATTEMPTS, DELIVERIES, AttemptRow, DeliveryRow
from blueport.server.resources.outbox.queries import ITEMS, SIGNALS, ItemRow
from blueport.server.store.lists import among
from blueport.server.store.tables import (
    chats,
    deliveries,
    delivery_attempts,
    events,
    lines,
    outbox,
    signals,
    webhooks,
)
from blueport.server.store.tx import Statement, Tx

REACH = 10_000


class _Url(NamedTuple):
    id: WebhookId
    url: str


class ChatRow(NamedTuple):
    """A chat, and the line that it is on."""

    id: ChatId
    line_id: LineId


_CHATS = Statement(
    select(chats.c.id, chats.c.line_id)
    .join(lines, lines.c.id == chats.c.line_id)
    .where(lines.c.handle == bindparam("line"), chats.c.identifier == bindparam("peer"))
)


def _latest(found: Select[*tuple[object, ...]], table: Table) -> Statement:
    """Return what is *found* in chats among the last rows of a table."""
    last = select(func.coalesce(func.max(table.alias().c.seq), 0)).scalar_subquery()
    return Statement(
        found.where(table.c.seq > last - bindparam("reach"), among(table.c.chat_id, "chat_ids"))
        .order_by(table.c.seq.desc())
        .limit(bindparam("limit"))
    )


_ITEMS = _latest(ITEMS, outbox)
_SIGNALS = _latest(SIGNALS, signals)
_EVENTS = _latest(EVENTS, events)
_DELIVERIES = Statement(
    DELIVERIES.where(among(deliveries.c.event_id, "event_ids"))
    .order_by(deliveries.c.seq.desc())
    .limit(bindparam("limit"))
)
_ATTEMPTS = Statement(ATTEMPTS.where(among(delivery_attempts.c.delivery_id, "delivery_ids")))
_URLS = Statement(select(webhooks.c.id, webhooks.c.url).where(among(webhooks.c.id, "webhook_ids")))


def chats_with(tx: Tx, line: str, peer: str) -> list[ChatRow]:
    """Return the chats of a line with a person, or a group by its identifier: on a shared line of any account."""
    return tx.all(ChatRow, _CHATS, line=line, peer=peer)


def items_of(tx: Tx, chat_ids: Sequence[ChatId], limit: int, reach: int) -> list[ItemRow]:
    """Return outbox items, signals among them, the newest first."""
    found = [
        item
        for each in (_ITEMS, _SIGNALS)
        for item in tx.all(ItemRow, each, chat_ids=chat_ids, limit=limit, reach=reach)
    ]
    return sorted(found, key=lambda item: (item.created_at, item.seq, item.id), reverse=True)[:limit]


def events_of(tx: Tx, chat_ids: Sequence[ChatId], limit: int, reach: int) -> list[EventRow]:
    """Return events, the newest first."""
    return tx.all(EventRow, _EVENTS, chat_ids=chat_ids, limit=limit, reach=reach)


def deliveries_of(tx: Tx, event_ids: Sequence[EventId], limit: int) -> list[DeliveryRow]:
    """Return deliveries of events, the newest first."""
    return tx.all(DeliveryRow, _DELIVERIES, event_ids=event_ids, limit=limit)


def attempts_of(tx: Tx, delivery_ids: Sequence[DeliveryId]) -> list[AttemptRow]:
    """Return all tries of deliveries, of each the last first."""
    return tx.all(AttemptRow, _ATTEMPTS, delivery_ids=delivery_ids)


def urls_of(tx: Tx, webhook_ids: Collection[WebhookId]) -> dict[WebhookId, str]:
    """Return where webhooks deliver to; those that are gone, nowhere."""
    return {found.id: found.url for found in tx.all(_Url, _URLS, webhook_ids=sorted(webhook_ids))}
