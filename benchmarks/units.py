"""Runs units of work past the server and takes it all back, so that each can be done again and again."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncpg
from sqlalchemy import create_mock_engine
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from benchmarks import filling
from blueport import clock
from blueport.server import provisioning
from blueport.server.settings import Settings
from blueport.server.store import sqlite
from blueport.server.store.schema import upgrade
from blueport.server.store.tables import metadata
from blueport.server.store.tx import Given, Statement, Topic, Tx, Values

# How often a unit is repeated at least.
REPEATED_LEAST = 10

Row = TypeVar("Row")
Result = TypeVar("Result")
Unit = Callable[[Tx], Result]

_DIALECT = PGDialect_asyncpg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class Database(Protocol):
    """A database with the server's tables."""

    def done(self, unit: Unit[Result]) -> Result:
        """Run *unit* for good."""

    def undone(self, unit: Unit[object]) -> float:
        """Run *unit*, take it back, and return how long it took (seconds), flushing left out."""

    def close(self) -> None:
        """Leave it."""


class Sqlite:
    """An SQLite file, which is made."""

    def __init__(self, path: Path) -> None:
        upgrade(path)
        self._connection = sqlite.connect(path)

    def done(self, unit: Unit[Result]) -> Result:
        """See `Database`."""
        self._connection.execute("BEGIN IMMEDIATE")
        result = unit(self._tx())
        self._connection.execute("COMMIT")
        return result

    def undone(self, unit: Unit[object]) -> float:
        """See `Database`."""
        began_at = time.perf_counter()
        self._connection.execute("BEGIN IMMEDIATE")
        unit(self._tx())
        took_s = time.perf_counter() - began_at
        self._connection.execute("ROLLBACK")
        return took_s

    def close(self) -> None:
        """See `Database`."""
        self._connection.close()

    def _tx(self) -> Tx:
        return sqlite.SqliteTx(self._connection, clock.now_ms())


class Postgresql:
    """An empty PostgreSQL database, which gets the tables."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection: asyncpg.Connection[asyncpg.Record] = self._run(asyncpg.connect(url))
        if not self._run(self._connection.fetch("SELECT to_regclass('outbox')"))[0][0]:
            self._run(self._connection.execute(_schema()))

    def done(self, unit: Unit[Result]) -> Result:
        """See `Database`."""
        self._run(self._connection.execute("BEGIN"))
        result = unit(self._tx())
        self._run(self._connection.execute("COMMIT"))
        return result

    def undone(self, unit: Unit[object]) -> float:
        """See `Database`."""
        began_at = time.perf_counter()
        self._run(self._connection.execute("BEGIN"))
        unit(self._tx())
        took_s = time.perf_counter() - began_at
        self._run(self._connection.execute("ROLLBACK"))
        return took_s

    def close(self) -> None:
        """See `Database`."""
        self._run(self._connection.close())
        self._loop.close()

    def _tx(self) -> Tx:
        return _PostgresTx(self._run, self._connection, clock.now_ms())

    def _run(self, what: Awaitable[Result]) -> Result:
        return self._loop.run_until_complete(what)


class _PostgresTx:
    """The server's statements on one connection that waits for each of them."""

    def __init__(
        self,
        run: Callable[[Awaitable[Any]], Any],
        connection: "asyncpg.Connection[asyncpg.Record]",
        now_ms: int,
    ) -> None:
        self._run = run
        self._connection = connection
        self.now_ms = now_ms

    def all(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> list[Row]:
        text, values = statement.text_and_values(_DIALECT, given)
        return [shape(*row) for row in self._run(self._connection.fetch(text, *values))]

    def one(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> Row | None:
        rows = self.all(shape, statement, **given)
        return rows[0] if rows else None

    def change(self, statement: Statement, **given: Given) -> int:
        text, values = statement.text_and_values(_DIALECT, given)
        return int(self._run(self._connection.execute(text, *values)).split()[-1])

    def change_each(self, statement: Statement, each: Iterable[Values]) -> None:
        for values in each:
            self.change(statement, **values)

    def wake(self, _topic: Topic) -> None:
        pass


def median_ms(database: Database, unit: Unit[object], repeated_s: float) -> float:
    """Return how long *unit* takes (milliseconds) in the median of the times that it is done in *repeated_s*."""
    took_s: list[float] = []
    ends_at = time.perf_counter() + repeated_s
    while len(took_s) < REPEATED_LEAST or time.perf_counter() < ends_at:
        took_s.append(database.undone(unit))
    return statistics.median(took_s) * 1000


def provide(tx: Tx, *, key: str, daemon_token: str) -> None:
    """Make an account with a key, a daemon and a line."""
    settings = Settings(first_key=key, first_line=filling.LINE, first_daemon_token=daemon_token)
    provisioning.prepare(tx, settings)


def _schema() -> str:
    """Return what makes the tables, as they are written down."""
    said: list[str] = []

    def note(statement: Any, *_: object, **__: object) -> None:
        said.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine("postgresql+asyncpg://", note)
    metadata.create_all(engine, checkfirst=False)
    return ";".join(said)
