"""Counts in a table of PostgreSQL that is not logged, on a connection of their own.

What waits when the connection comes free goes in one statement for each name: a busy key costs a row's update for a
group of its calls, not for each of them. After a crash of the database the counts are gone, and all begins anew.

Where all connections lead through a pooler, which has few to the server, who waits with one of them for a second one
may wait for himself. There a unit that has to be counted ends, is counted, and is run again.
"""

import asyncio
from contextvars import ContextVar
from typing import NamedTuple

from asyncpg import Connection

from blueport.server.errors import StoreUnavailableError
from blueport.server.store.bridging import wait_for
from blueport.server.store.connecting import Connector
from blueport.server.store.counting import Asked, Counted

_IS_OLD = "$3 >= found.began_at + $2"
# The row is locked, and read, as it is now; then as many are counted as the limit leaves.
_COUNT = f"""
WITH found AS (SELECT began_at, calls FROM call_counts WHERE name = $1 FOR UPDATE),
now AS (
  SELECT CASE WHEN {_IS_OLD} THEN $3 ELSE least(found.began_at, $3) END AS began_at,
    CASE WHEN {_IS_OLD} THEN 0 ELSE found.calls END AS calls
  FROM found
)
UPDATE call_counts SET began_at = now.began_at, calls = now.calls + least($5, greatest($4 - now.calls, 0))
FROM now WHERE call_counts.name = $1 RETURNING now.began_at, now.calls
"""
_FIRST = "INSERT INTO call_counts (name, began_at, calls) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING"


# What became of the call that the unit of this task ended for, until it has come to it again.
_before: ContextVar[Counted | None] = ContextVar("before", default=None)


class CountFirst(Exception):  # noqa: N818 - it is no error
    """A unit has to end before it can be counted, and be run again then."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.name)
        self.asked = asked


class _Waiting(NamedTuple):
    asked: Asked
    done: asyncio.Future[Counted]


class PostgresCounts:
    """See `Counts`."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._connection: Connection | None = None
        self._waiting: dict[str, list[_Waiting]] = {}
        self._counting: asyncio.Task[None] | None = None

    def count(self, asked: Asked) -> Counted:
        """See `Counts.count`."""
        if self._connector.is_only_pooled:
            return wait_for(_counted_before(asked))
        return wait_for(self._enqueued(asked))

    async def count_first(self, first: CountFirst) -> None:
        """Count what a unit has ended for; this task's next unit will find it."""
        _before.set(await self._enqueued(first.asked))

    def _enqueued(self, asked: Asked) -> asyncio.Future[Counted]:
        waiting = _Waiting(asked, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(asked.name, []).append(waiting)
        if self._counting is None:
            self._counting = asyncio.create_task(self._count_all())
        return waiting.done

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close(timeout=1)

    async def _count_all(self) -> None:
        while self._waiting:
            name = next(iter(self._waiting))
            group = self._waiting.pop(name)
            try:
                _tell(group, await self._counted(group))
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who waits
                _fail(group, error)
        self._counting = None

    async def _counted(self, group: list[_Waiting]) -> Counted:
        """Count a group's calls under their name; return what was counted before them."""
        if self._connection is None or self._connection.is_closed():
            past_poolers = await self._connector.connect_past_poolers()
            self._connection = past_poolers or await self._connector.connect()
        async with self._connector.together(self._connection):
            return await _counted(self._connection, group)


async def _counted_before(asked: Asked) -> Counted:
    counted = _before.get()
    if counted is None:
        raise CountFirst(asked)
    _before.set(None)
    return counted


async def _counted(connection: Connection, group: list[_Waiting]) -> Counted:
    asked = group[-1].asked
    given = (asked.name, asked.length_ms, asked.now_ms, asked.limit, len(group))
    row = await connection.fetchrow(_COUNT, *given)
    if row is None:
        await connection.execute(_FIRST, asked.name, asked.now_ms)
        row = await connection.fetchrow(_COUNT, *given)
    return Counted._make((*(row or ()), False))


def _tell(group: list[_Waiting], before: Counted) -> None:
    for number, (asked, done) in enumerate(group, before.calls + 1):
        is_over = number > asked.limit
        if not done.done():
            done.set_result(Counted(before.began_at, max(before.calls, min(number, asked.limit)), is_over))


def _fail(group: list[_Waiting], error: Exception) -> None:
    for _, done in group:
        if not done.done():
            done.set_exception(StoreUnavailableError(f"calls cannot be counted: {type(error).__name__}"))
