"""How webhooks stand, what happened within a day, and what failed lately."""

from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from blueport.server.ids import lowest
from blueport.server.store.tables import chats, events, lines, messages, outbox, webhooks
from blueport.server.store.tx import Statement, Tx


class FailingWebhook(NamedTuple):
    """A webhook whose last tries failed, or that was disabled for that."""

    id: str
    url: str
    failures: int
    failing_since: int | None
    disabled_at: int | None


class Failure(NamedTuple):
    """An outbox item that came to nothing."""

    id: str
    kind: str
    line: str
    chat: str
    error: str | None
    completed_at: int


class Happening(NamedTuple):
    """One of the latest events, in which chat of which line."""

    id: str
    type: str
    chat_id: str | None
    chat: str | None
    chat_name: str | None
    created_at: int


class Day(NamedTuple):
    """How many messages came in and went out since a moment."""

    received: int
    sent: int


class _Counted(NamedTuple):
    is_from_me: int
    how_many: int


_FAILING = Statement(
    select(webhooks.c.id, webhooks.c.url, webhooks.c.failures, webhooks.c.failing_since, webhooks.c.disabled_at)
    .where(webhooks.c.failing_since.is_not(None) | webhooks.c.disabled_at.is_not(None))
    .order_by(webhooks.c.id)
)
# Ids sort by when they were minted: what is older than a day is not looked at.
_DAY = Statement(
    select(messages.c.is_from_me, func.count())
    .where(messages.c.id >= bindparam("since_id"))
    .group_by(messages.c.is_from_me)
)
_FAILURES = Statement(
    select(
        outbox.c.id,
        outbox.c.kind,
        lines.c.handle.label("line"),
        chats.c.key.label("chat"),
        outbox.c.error,
        outbox.c.completed_at,
    )
    .join(lines, lines.c.id == outbox.c.line_id)
    .join(chats, chats.c.id == outbox.c.chat_id)
    .where(outbox.c.id >= bindparam("since_id"), outbox.c.status == "failed", outbox.c.part_of.is_(None))
    .order_by(outbox.c.id.desc())
    .limit(bindparam("limit"))
)
_HAPPENINGS = Statement(
    select(
        events.c.id,
        events.c.type,
        events.c.chat_id,
        chats.c.key.label("chat"),
        chats.c.name.label("chat_name"),
        events.c.created_at,
    )
    .outerjoin(chats, chats.c.id == events.c.chat_id)
    .order_by(events.c.seq.desc())
    .limit(bindparam("limit"))
)


def failing_webhooks(tx: Tx) -> list[FailingWebhook]:
    """Return the webhooks that do not hear what they should."""
    return tx.all(FailingWebhook, _FAILING)


def day(tx: Tx, since: int) -> Day:
    """Count the messages of the time since *since* (Unix milliseconds)."""
    counted = dict(tx.all(_Counted, _DAY, since_id=lowest("msg", since)))
    return Day(counted.get(0, 0), counted.get(1, 0))


def latest_failures(tx: Tx, since: int, limit: int) -> list[Failure]:
    """Return what failed last of what was accepted since *since* (Unix milliseconds)."""
    return tx.all(Failure, _FAILURES, since_id=lowest("obx", since), limit=limit)


def latest_events(tx: Tx, limit: int) -> list[Happening]:
    """Return the newest events."""
    return tx.all(Happening, _HAPPENINGS, limit=limit)
