"""Runs units of work past the server and takes it all back, so that each can be done again and again."""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from benchmarks import filling
from benchmarks.measuring import Figure
from blueport import clock
from blueport.server import provisioning
from blueport.server.settings import Settings
from blueport.server.store.postgres import store as postgres
from blueport.server.store.postgres.bridging import run_bridged
from blueport.server.store.postgres.connecting import Connector
from blueport.server.store.schema import upgrade
from blueport.server.store.sqlite import store as sqlite
from blueport.server.store.tx import Tx

# How often a unit is repeated at least.
REPEATED_LEAST = 10

Result = TypeVar("Result")
Unit = Callable[[Tx], Result]


class Database(Protocol):
    """A database with the server's tables, on one connection."""

    def done(self, unit: Unit[Result]) -> Result:
        """Run *unit* for good."""

    def undone(self, unit: Unit[object]) -> float:
        """Run *unit*, take it back, and return how long it took (seconds), without beginning and end."""

    def close(self) -> None:
        """Leave it."""


class Sqlite:
    """An SQLite file, which is made."""

    def __init__(self, path: Path) -> None:
        upgrade(str(path))
        self._connection = sqlite.connect(path)

    def done(self, unit: Unit[Result]) -> Result:
        """See `Database`."""
        result, _ = self._timed(unit, "COMMIT")
        return result

    def undone(self, unit: Unit[object]) -> float:
        """See `Database`."""
        _, took_s = self._timed(unit, "ROLLBACK")
        return took_s

    def close(self) -> None:
        """See `Database`."""
        self._connection.close()

    def _timed(self, unit: Unit[Result], end: str) -> tuple[Result, float]:
        self._connection.execute("BEGIN IMMEDIATE")
        tx = sqlite.SqliteTx(self._connection, clock.now_ms())
        began_at = time.perf_counter()
        result = unit(tx)
        took_s = time.perf_counter() - began_at
        tx.close()
        self._connection.execute(end)
        return result, took_s


class Postgresql:
    """An empty PostgreSQL database, which gets the tables."""

    def __init__(self, url: str) -> None:
        upgrade(url)
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(Connector(url).connect())

    def done(self, unit: Unit[Result]) -> Result:
        """See `Database`."""
        result, _ = self._loop.run_until_complete(self._timed(unit, "COMMIT"))
        return result

    def undone(self, unit: Unit[object]) -> float:
        """See `Database`."""
        _, took_s = self._loop.run_until_complete(self._timed(unit, "ROLLBACK"))
        return took_s

    def close(self) -> None:
        """See `Database`."""
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()

    async def _timed(self, unit: Unit[Result], end: str) -> tuple[Result, float]:
        await self._connection.execute("BEGIN")
        tx = postgres.PostgresTx(self._connection, clock.now_ms())
        began_at = time.perf_counter()
        result = await run_bridged(lambda: tx.whole(unit))
        took_s = time.perf_counter() - began_at
        await self._connection.execute(end)
        return result, took_s


class Case(NamedTuple):
    """A unit of work in a database; `name` is that of its figure."""

    name: str
    database: Database
    unit: Unit[object]


def compared(cases: Sequence[Case], repeated_s: float) -> list[Figure]:
    """Return how long each takes (milliseconds, median), in turns for *repeated_s* each, against the first."""
    took_s: list[list[float]] = [[] for _ in cases]
    ends_at = time.perf_counter() + repeated_s * len(cases)
    while len(took_s[-1]) < REPEATED_LEAST or time.perf_counter() < ends_at:
        for case, took in zip(cases, took_s, strict=True):
            took.append(case.database.undone(case.unit))
    first = cases[0].name
    return [
        Figure(case.name, statistics.median(took) * 1000, "ms", None if case.name == first else first)
        for case, took in zip(cases, took_s, strict=True)
    ]


def provide(tx: Tx, *, key: str, daemon_token: str) -> None:
    """Make an account with a key, a daemon and a line."""
    settings = Settings(
        first_key=key,
        first_line=filling.LINE,
        first_daemon_token=daemon_token,
        pace_ms=0,
        line_hourly_limit=0,
        loop_limit=0,
    )
    provisioning.prepare(tx, settings)
