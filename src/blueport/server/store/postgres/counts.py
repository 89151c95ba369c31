"""Counts in a table of PostgreSQL that is not logged: after a crash of the database they are gone, and begin anew.

Where all connections lead through a pooler, which has few to the server, who waits with one of them for a second one
may wait for himself. There a unit that has to be counted ends, is counted, and is run again.
"""

from collections.abc import Sequence
from contextvars import ContextVar

from asyncpg import Connection

from blueport.server.store.counting import Asked, Counted
from blueport.server.store.postgres.bridging import wait_for
from blueport.server.store.postgres.connecting import Connector
from blueport.server.store.postgres.gathering import Gathering

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


class PostgresCounts:
    """See `Counts`."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._gathering: Gathering[str, Asked, Counted] = Gathering(connector, _counted)

    def count(self, asked: Asked) -> Counted:
        """See `Counts.count`."""
        if self._connector.is_only_pooled:
            return wait_for(_counted_before(asked))
        return wait_for(self._gathering.enqueued(asked.name, asked))

    async def count_first(self, first: CountFirst) -> None:
        """Count what a unit has ended for; this task's next unit will find it."""
        _before.set(await self._gathering.enqueued(first.asked.name, first.asked))

    async def close(self) -> None:
        """Let go of the database."""
        await self._gathering.close()


async def _counted_before(asked: Asked) -> Counted:
    counted = _before.get()
    if counted is None:
        raise CountFirst(asked)
    _before.set(None)
    return counted


async def _counted(connection: Connection, group: Sequence[Asked]) -> list[Counted]:
    """Count a group of calls under one name."""
    asked = group[-1]
    given = (asked.name, asked.length_ms, asked.now_ms, asked.limit, len(group))
    row = await connection.fetchrow(_COUNT, *given)
    if row is None:
        await connection.execute(_FIRST, asked.name, asked.now_ms)
        row = await connection.fetchrow(_COUNT, *given)
    began_at, before = row or (asked.now_ms, 0)
    return [_of_one(began_at, before, number, each.limit) for number, each in enumerate(group, before + 1)]


def _of_one(began_at: int, before: int, number: int, limit: int) -> Counted:
    return Counted(began_at, max(before, min(number, limit)), number > limit)
