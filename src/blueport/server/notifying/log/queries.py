"""Statements on the log.

Its order is that of commits, so that nobody who reads on passes by what commits late. On SQLite that is `seq`. On
PostgreSQL numbers are handed out before the commit; there an event bears the number of its transaction, and is settled,
as everything before it is, once every transaction with a number up to that has ended. The price: one that stays open,
in whatever database of the same PostgreSQL, holds back all events that come after its beginning.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, bindparam, delete, exists, func, select, tuple_, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from blueport.server.ids import AccountId, ChatId, EventId, LineId
from blueport.server.notifying.service import EventType, ExtendedEventType
from blueport.server.store.lists import among
from blueport.server.store.tables import XIDS, accounts, deliveries, delivery_attempts, events, messages
from blueport.server.store.tx import Given, Statement, Tx

# Rows of one statement, where all of them are changed.
_AT_ONCE = 50_000


class Place(NamedTuple):
    """Where an event is in the log."""

    tx_id: int
    seq: int


BEFORE_ALL = Place(-(2**63), 0)


class Spot(NamedTuple):
    """An event and its place."""

    id: EventId
    line_id: LineId
    tx_id: int
    seq: int

    @property
    def place(self) -> Place:
        """Return its place."""
        return Place(self.tx_id, self.seq)


class Head(NamedTuple):
    """The numbers of an account's newest event that is settled, and of its newest of all; None if there is none."""

    account_id: AccountId
    settled: int | None
    newest: int | None


class Sought(NamedTuple):
    """Whose events are looked for: of these lines and types, or of all where that is None."""

    account_id: AccountId
    line_ids: list[str] | None
    types: list[str] | None


class EventRow(NamedTuple):
    """An event; `data` is JSON, and `attachments` that of its message, which may have changed since.

    One that is not settled may still come to stand behind others.
    """

    id: EventId
    tx_id: int
    seq: int
    type: EventType | ExtendedEventType
    data: str
    created_at: int
    line_id: LineId
    chat_id: ChatId
    attachments: str | None
    is_settled: int

    @property
    def place(self) -> Place:
        """Return its place in the log."""
        return Place(self.tx_id, self.seq)


class _OldestOpen(GenericFunction[int]):
    """The number of the oldest transaction that has not ended: all below it have."""

    name = "oldest_open"
    type = BigInteger()
    inherit_cache = True


class _NextOne(GenericFunction[int]):
    """The number that no transaction has had yet."""

    name = "next_one"
    type = BigInteger()
    inherit_cache = True


@compiles(_OldestOpen, "sqlite")
@compiles(_NextOne, "sqlite")
def _in_sqlite(_element: GenericFunction[int], _compiler: SQLCompiler, **_options: object) -> str:
    return "1"  # all have 0, or less


@compiles(_OldestOpen, "postgresql")
def _oldest_open(_element: _OldestOpen, _compiler: SQLCompiler, **_options: object) -> str:
    return "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


@compiles(_NextOne, "postgresql")
def _next_one(_element: _NextOne, _compiler: SQLCompiler, **_options: object) -> str:
    return "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


_is_settled = events.c.tx_id < _OldestOpen()
_place = tuple_(events.c.tx_id, events.c.seq)
EVENTS = select(*[events.c[name] for name in EventRow._fields[:8]], messages.c.attachments, _is_settled).outerjoin(
    messages, messages.c.id == events.c.subject_id
)
_SPOT_COLUMNS = (events.c.id, events.c.line_id, events.c.tx_id, events.c.seq)


@functools.cache
def _after(*, has_lines: bool, has_types: bool) -> Statement:
    found = (
        EVENTS.where(
            events.c.account_id == bindparam("account_id"),
            _place > tuple_(bindparam("tx_id"), bindparam("seq")),
            events.c.is_test == 0,
        )
        .order_by(events.c.tx_id, events.c.seq)
        .limit(bindparam("limit"))
    )
    if has_lines:
        found = found.where(among(events.c.line_id, "line_ids"))
    return Statement(found.where(among(events.c.type, "types")) if has_types else found)


@functools.cache
def _newest(*, has_lines: bool) -> Statement:
    found = (
        select(*_SPOT_COLUMNS)
        .where(events.c.account_id == bindparam("account_id"), _is_settled, events.c.is_test == 0)
        .order_by(events.c.tx_id.desc(), events.c.seq.desc())
        .limit(1)
    )
    return Statement(found.where(among(events.c.line_id, "line_ids")) if has_lines else found)


_newest_seq = (
    select(events.c.seq)
    .where(events.c.account_id == accounts.c.id)
    .order_by(events.c.tx_id.desc(), events.c.seq.desc())
    .limit(1)
)
_HEADS = Statement(
    select(
        accounts.c.id,
        _newest_seq.where(_is_settled).correlate(accounts).scalar_subquery(),
        _newest_seq.correlate(accounts).scalar_subquery(),
    ).where(among(accounts.c.id, "account_ids"))
)
_SPOT = Statement(
    select(*_SPOT_COLUMNS).where(
        events.c.id == bindparam("id"), events.c.account_id == bindparam("account_id"), events.c.is_test == 0
    )
)

# The newest row stays, whatever its age: SQLite counts on from the highest number that there is.
_ENDED = Statement(
    select(deliveries.c.id)
    .where(
        deliveries.c.id < bindparam("before"),
        deliveries.c.completed_at.is_not(None),
        deliveries.c.seq < select(func.max(deliveries.alias().c.seq)).scalar_subquery(),
    )
    .order_by(deliveries.c.id)
    .limit(bindparam("limit"))
)
_TOLD = Statement(
    select(events.c.id)
    .where(
        events.c.id < bindparam("before"),
        ~exists().where(deliveries.c.event_id == events.c.id),
        events.c.seq < select(func.max(events.alias().c.seq)).scalar_subquery(),
    )
    .order_by(events.c.id)
    .limit(bindparam("limit"))
)
_DROP_ATTEMPTS = Statement(delete(delivery_attempts).where(among(delivery_attempts.c.delivery_id, "ids")))
_DROP_DELIVERIES = Statement(delete(deliveries).where(among(deliveries.c.id, "ids")))
_DROP_EVENTS = Statement(delete(events).where(among(events.c.id, "ids")))

_STRANGE = Statement(
    select(accounts.c.id)
    .where(exists().where(events.c.account_id == accounts.c.id, events.c.tx_id >= _NextOne()))
    .limit(1)
)
_LAST_NUMBER = Statement(select(func.coalesce(func.max(events.c.seq), 0)))
_LOWER = Statement(
    update(events)
    .where(events.c.seq > bindparam("after"), events.c.seq <= bindparam("up_to"))
    .values(tx_id=events.c.tx_id - XIDS)
)


def after(tx: Tx, sought: Sought, place: Place, limit: int) -> list[EventRow]:
    """Return what was *sought* behind *place*, the oldest first; what is not settled comes last."""
    given: dict[str, Given] = {"account_id": sought.account_id, **place._asdict(), "limit": limit}
    if sought.line_ids is not None:
        given["line_ids"] = sought.line_ids
    if sought.types is not None:
        given["types"] = sought.types
    statement = _after(has_lines=sought.line_ids is not None, has_types=sought.types is not None)
    return tx.all(EventRow, statement, **given)


def newest(tx: Tx, account_id: AccountId, line_ids: list[str] | None = None) -> Spot | None:
    """Return the last settled event of an account, or of some of its lines."""
    if line_ids is None:
        return tx.one(Spot, _newest(has_lines=False), account_id=account_id)
    return tx.one(Spot, _newest(has_lines=True), account_id=account_id, line_ids=line_ids)


def heads(tx: Tx, account_ids: Sequence[AccountId]) -> list[Head]:
    """Return how far the logs of these accounts go."""
    return tx.all(Head, _HEADS, account_ids=[*account_ids])


def spot_of(tx: Tx, account_id: AccountId, event_id: str) -> Spot | None:
    """Find an event of the account."""
    return tx.one(Spot, _SPOT, account_id=account_id, id=event_id)


def ended_deliveries(tx: Tx, before: str, limit: int) -> list[str]:
    """Return some deliveries with lower ids than *before* that have ended."""
    return tx.all(str, _ENDED, before=before, limit=limit)


def drop_deliveries(tx: Tx, ids: list[str]) -> None:
    """Drop deliveries, and what is known of their tries."""
    tx.change(_DROP_ATTEMPTS, ids=ids)
    tx.change(_DROP_DELIVERIES, ids=ids)


def told_events(tx: Tx, before: str, limit: int) -> list[str]:
    """Return some events with lower ids than *before* that no delivery needs any more."""
    return tx.all(str, _TOLD, before=before, limit=limit)


def drop_events(tx: Tx, ids: list[str]) -> None:
    """Drop events."""
    tx.change(_DROP_EVENTS, ids=ids)


def has_strange_numbers(tx: Tx) -> bool:
    """Tell whether there are events whose transactions have not been yet: they are from another PostgreSQL."""
    return tx.one(str, _STRANGE) is not None


def lower_numbers(tx: Tx) -> None:
    """Put all events into the past, in their order."""
    for first in range(0, tx.one(int, _LAST_NUMBER) or 0, _AT_ONCE):
        tx.change(_LOWER, after=first, up_to=first + _AT_ONCE)
