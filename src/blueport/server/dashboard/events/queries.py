"""Events of all accounts, the newest first, and one with its deliveries."""

from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from blueport.server.ids import AccountId, ChatId, DeliveryId, EventId, LineId, WebhookId
from blueport.server.store.tables import accounts, chats, deliveries, events, lines, messages, webhooks
from blueport.server.store.tx import Statement, Tx, fits

# How many are looked through for those that are wanted, from a place on: a page is drawn again and again.
LOOKED_THROUGH = 1_000


class EventRow(NamedTuple):
    """An event as it is listed; a test is of no line and no chat."""

    seq: int
    id: EventId
    account_id: AccountId
    type: str
    is_test: int
    created_at: int
    line: str | None
    chat_id: ChatId | None
    chat: str | None
    chat_name: str | None


class EventStory(NamedTuple):
    """An event with what it tells; `data` and `attachments` are JSON."""

    id: EventId
    account_id: AccountId
    account: str
    type: str
    is_test: int
    created_at: int
    line_id: LineId | None
    line: str | None
    chat_id: ChatId | None
    chat: str | None
    chat_name: str | None
    subject_id: str
    data: str
    attachments: str | None


class ToldRow(NamedTuple):
    """A delivery of an event; without a URL its webhook was deleted."""

    id: DeliveryId
    webhook_id: WebhookId
    url: str | None
    state: str
    attempts: int
    reason: str | None
    available_at: int
    created_at: int
    completed_at: int | None


class Wanted(NamedTuple):
    """Which events: of a type and an account, each empty for any; `seq` below `before`."""

    type: str
    account: str
    before: int


_newest = (
    select(*[events.c[name] for name in (*EventRow._fields[:6], "line_id", "chat_id")])
    .where(events.c.seq < bindparam("before"))
    .order_by(events.c.seq.desc())
    .limit(bindparam("looked_through"))
    .subquery("newest")
)
_PAGE = Statement(
    select(
        *[_newest.c[name] for name in EventRow._fields[:6]],
        lines.c.handle,
        _newest.c.chat_id,
        chats.c.key,
        chats.c.name,
    )
    .outerjoin(lines, lines.c.id == _newest.c.line_id)
    .outerjoin(chats, chats.c.id == _newest.c.chat_id)
    .where(fits(_newest.c.type, "type"), fits(_newest.c.account_id, "account"))
    .order_by(_newest.c.seq.desc())
    .limit(bindparam("limit"))
)
_END = Statement(select(func.count(), func.min(_newest.c.seq)))
_STORY = Statement(
    select(
        events.c.id,
        events.c.account_id,
        accounts.c.name,
        events.c.type,
        events.c.is_test,
        events.c.created_at,
        events.c.line_id,
        lines.c.handle,
        events.c.chat_id,
        chats.c.key,
        chats.c.name,
        events.c.subject_id,
        events.c.data,
        messages.c.attachments,
    )
    .join(accounts, accounts.c.id == events.c.account_id)
    .outerjoin(lines, lines.c.id == events.c.line_id)
    .outerjoin(chats, chats.c.id == events.c.chat_id)
    .outerjoin(messages, messages.c.id == events.c.subject_id)
    .where(events.c.id == bindparam("id"))
)
_TOLD = Statement(
    select(
        deliveries.c.id,
        deliveries.c.webhook_id,
        webhooks.c.url,
        *[deliveries.c[name] for name in ToldRow._fields[3:]],
    )
    .outerjoin(webhooks, webhooks.c.id == deliveries.c.webhook_id)
    .where(deliveries.c.event_id == bindparam("event_id"))
    .order_by(deliveries.c.id.desc())
    .limit(bindparam("limit"))
)


class _End(NamedTuple):
    how_many: int
    seq: int | None


def page(tx: Tx, wanted: Wanted, limit: int) -> list[EventRow]:
    """Return the newest events that are wanted, of those that are looked through."""
    return tx.all(EventRow, _PAGE, **wanted._asdict(), limit=limit, looked_through=LOOKED_THROUGH)


def looked_to(tx: Tx, before: int) -> int | None:
    """Return the place of the last event that `page` looks at, None if there is nothing older."""
    end = tx.one(_End, _END, before=before, looked_through=LOOKED_THROUGH)
    return end.seq if end is not None and end.how_many == LOOKED_THROUGH else None


def story(tx: Tx, event_id: str) -> EventStory | None:
    """Find an event."""
    return tx.one(EventStory, _STORY, id=event_id)


def told(tx: Tx, event_id: EventId, limit: int) -> list[ToldRow]:
    """Return the deliveries of an event, the newest first."""
    return tx.all(ToldRow, _TOLD, event_id=event_id, limit=limit)
