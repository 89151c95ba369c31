"""PostgreSQL: units of work run in the event loop, each on a connection that it has for itself.

A unit is the same plain function as on SQLite; it runs in a greenlet that the loop goes on from, statement by statement
(`bridging.py`). Where SQLite has one writer, here units run beside each other, in this process and in others. So a unit
either has the database to itself (`write`), or says by a name whom it must not meet (`write_holding`): both are
advisory locks of the transaction, taken in the same round trip that begins it. A unit that runs into another's row
after all (a unique value, a deadlock) is run again.

What became of a transaction whose connection broke at its commit is not known. It is run again too: units find out by
what they wrote whether they were done, as they must for a caller who asks again.
"""

import asyncio
import contextlib
import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Concatenate, Final, ParamSpec, TypeVar

import asyncpg
from asyncpg import Connection
from sqlalchemy.dialects.postgresql.base import PGDialect

from blueport.failpoints import reached
from blueport.server.errors import StoreUnavailableError
from blueport.server.store.measuring import StoreTallies
from blueport.server.store.postgres.bridging import run_bridged, wait_for
from blueport.server.store.postgres.connecting import CONNECT_TIMEOUT_S, TROUBLE, Connector, expecting
from blueport.server.store.postgres.counts import CountFirst, PostgresCounts
from blueport.server.store.postgres.gathering import Gathering
from blueport.server.store.postgres.hints import NAMES, Hints
from blueport.server.store.postgres.pool import Pool
from blueport.server.store.postgres.timing import DatabaseClock
from blueport.server.store.tx import Given, Statement, Topic, Tx, Values
from blueport.server.store.wakeups import Wakeups

# How long to wait each time before a unit is run again: after a conflict, and after the connection broke.
AFTER_A_CONFLICT_S = (0.001, 0.01, 0.05)
AFTER_A_BREAK_S = (0.02, 0.1, 0.3, 0.6)

_DIALECT = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
# The name of the lock that a unit holds alone, and all others together.
_EVERYTHING: Final = 0x626C7565
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# Somebody else was faster, or the server is going away or coming back: another try may go through.
_CONFLICTS = (
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
_BREAKS = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalClientError,
    OSError,
)
# A unit asked for what cannot be: its caller's fault, or ours.
_FAULTS = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, ValueError)

_PLACE = re.compile(r"\$(\d+)")

Question = tuple[str, Sequence[Given]]
Shared = Gathering[Question, Question, asyncpg.Record | None]
P = ParamSpec("P")
T = TypeVar("T")
Row = TypeVar("Row")


class PostgresTx:
    """A transaction on one connection; see `Tx`."""

    def __init__(self, connection: Connection, now_ms: int, process: str = "", shared: Shared | None = None) -> None:
        """Begin at *now_ms*; *shared* answers what many ask at once, until something is changed here."""
        self.connection = connection
        self.now_ms = now_ms
        self._process = process
        self._shared = shared
        self._later: list[tuple[str, Sequence[Given]]] = []
        self._filled: set[object] = set()
        self.topics: set[Topic] = set()

    def all(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> list[Row]:
        """See `Tx.all`."""
        text, values = statement.text_and_values(_DIALECT, given)
        self.flush()
        return [shape(*row) for row in wait_for(self.connection.fetch(text, *values))]

    def one(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> Row | None:
        """See `Tx.one`."""
        text, values = statement.text_and_values(_DIALECT, given)
        if self._shared is not None and statement.kept_of is not None:
            row = self._shared.ask((text, values), (text, values))
        else:
            self.flush()
            row = wait_for(self.connection.fetchrow(text, *values))
        return None if row is None else shape(*row)

    def change(self, statement: Statement, **given: Given) -> int:
        """See `Tx.change`."""
        self._shared = None
        text, values = statement.text_and_values(_DIALECT, given)
        self.flush()
        status = wait_for(self.connection.execute(text, *values))
        return int(status.rpartition(" ")[2])

    def change_each(self, statement: Statement, each: Iterable[Values]) -> None:
        """See `Tx.change_each`."""
        self._shared = None
        told = [statement.text_and_values(_DIALECT, values) for values in each]
        if statement.is_insert and len(told) == 1:
            if statement.changes in self._filled:
                self.flush()  # the parts of one statement are done in no order, and rows are numbered
            self._later += told
            self._filled.add(statement.changes)
        elif told:
            self.flush()
            wait_for(self.connection.executemany(told[0][0], [values for _, values in told]))

    def flush(self) -> None:
        """Do what was to be done later: inserts into several tables are one statement, on one way to the server."""
        later, self._later = self._later, []
        self._filled.clear()
        if later:
            text = _together(tuple(text for text, _ in later))
            wait_for(self.connection.execute(text, *(value for _, values in later for value in values)))

    def whole(self, unit: Callable[[Tx], T]) -> T:
        """Do a unit, with what it leaves for later."""
        result = unit(self)
        self.flush()
        return result

    def processes(self) -> frozenset[str] | None:
        """See `Tx.processes`."""
        self.flush()
        names = frozenset(f"{number}" for (number,) in wait_for(self.connection.fetch(NAMES)))
        # Where we are not seen ourselves, others may not be either.
        return names if self._process in names else None

    def wake(self, topic: Topic) -> None:
        """See `Tx.wake`."""
        self.topics.add(topic)


class PostgresStore:
    """A database of a PostgreSQL server; see `Store`."""

    def __init__(
        self, connector: Connector, now_ms: Callable[[], int], connections: int, *, follows_clock: bool = False
    ) -> None:
        """Work in a migrated database, over up to *connections* at a time; nothing is opened before it is needed."""
        clock = DatabaseClock(now_ms) if follows_clock else None
        self.wakeups = Wakeups()
        self.tallies = StoreTallies()
        self.now_ms: Callable[[], int] = clock or now_ms
        self.counts = PostgresCounts(connector)
        self._connector = connector
        self._pool = Pool(connector.connect, connections)
        self._shared: Shared = Gathering(connector, _first_row)
        self._hints = Hints(connector.connect_past_poolers, self.wakeups.wake, clock)
        self.process = self._hints.name
        self._running = 0
        self._done = asyncio.Event()

    async def join(self) -> None:
        """See `Store.join`."""
        await self._hints.join()

    async def write(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Store.write`."""
        return await self.tallies.writes.measured(self._run(_alone(), lambda tx: unit(tx, *args, **kwargs)))

    async def write_holding(
        self, name: str | None, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Store.write_holding`."""
        work = self._run(_holding(name), lambda tx: unit(tx, *args, **kwargs), self._shared)
        return await self.tallies.writes.measured(work)

    async def read(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Store.read`."""
        return await self.tallies.reads.measured(self._run(_READ, lambda tx: unit(tx, *args, **kwargs)))

    async def close(self) -> None:
        """See `Store.close`."""
        while self._running:
            self._done.clear()
            await self._done.wait()
        await self._hints.leave()
        await self.counts.close()
        await self._shared.close()
        await self._pool.close()

    async def _run(self, begin: str, unit: Callable[[Tx], T], shared: Shared | None = None) -> T:
        self._running += 1
        try:
            return await self._run_until_done(begin, unit, shared)
        finally:
            self._running -= 1
            if not self._running:
                self._done.set()

    async def _run_until_done(self, begin: str, unit: Callable[[Tx], T], shared: Shared | None) -> T:
        conflicts, breaks = list(AFTER_A_CONFLICT_S), list(AFTER_A_BREAK_S)
        while True:
            try:
                return await self._run_once(begin, unit, shared)
            except CountFirst as first:
                await self.counts.count_first(first)
                continue
            except TROUBLE as error:
                pauses = conflicts if isinstance(error, _CONFLICTS) else breaks
                if not pauses or not isinstance(error, (*_CONFLICTS, *_BREAKS)):
                    raise _told(error) from error
            await asyncio.sleep(pauses.pop(0))

    async def _run_once(self, begin: str, unit: Callable[[Tx], T], shared: Shared | None) -> T:
        connection = await self._pool.lend()
        try:
            # Who waits with a pooler's connection for another one may wait for himself.
            beside = None if self._connector.is_only_pooled else shared
            tx = PostgresTx(connection, self.now_ms(), self.process, beside)
            with expecting(connection):
                result = await _transacted(tx, self._connector.preface(begin), unit)
        finally:
            self._pool.take_back(connection)
        if tx.topics:
            self.wakeups.wake(tx.topics)
            self._hints.hint(tx.topics)
        return result


async def once(url: str, now_ms: Callable[[], int], unit: Callable[[Tx], T]) -> T:
    """Run one unit on a connection of its own, alone, whether or not servers work on the database.

    Raises:
        StoreUnavailableError: The database did not take it; nothing was done.
    """
    try:
        connector = Connector(url)
        connection = await connector.connect()
        try:
            return await _transacted(PostgresTx(connection, now_ms()), connector.preface(_alone()), unit)
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)
    except TROUBLE as error:
        raise _told(error) from error


async def _transacted(tx: PostgresTx, begin: str, unit: Callable[[Tx], T]) -> T:
    """Run *unit* between *begin* and its commit; whatever goes wrong, the connection is left clean, or closed."""
    try:
        await tx.connection.execute(begin)
        result = await run_bridged(lambda: tx.whole(unit))
        reached("server.commit")
        await tx.connection.execute("COMMIT")
    except Exception:
        with contextlib.suppress(*TROUBLE):
            await tx.connection.execute("ROLLBACK")
        raise
    except BaseException:
        tx.connection.terminate()
        raise
    reached("server.committed")
    return result


@functools.cache
def _together(inserts: tuple[str, ...]) -> str:
    """Return one statement for several inserts, whose values follow each other."""
    if len(inserts) == 1:
        return inserts[0]
    parts, before = [], 0
    for number, text in enumerate(inserts):
        parts.append(f"insert_{number} AS ({_PLACE.sub(functools.partial(_moved, before), text)})")
        before += len(set(_PLACE.findall(text)))
    return f"WITH {', '.join(parts)} SELECT 1"


def _moved(by: int, place: re.Match[str]) -> str:
    return f"${int(place[1]) + by}"


async def _first_row(connection: Connection, asked: Sequence[Question]) -> list[asyncpg.Record | None]:
    """Ask once what all ask."""
    text, values = asked[0]
    row = await connection.fetchrow(text, *values)
    return [row] * len(asked)


def _alone() -> str:
    return f"BEGIN; SELECT pg_advisory_xact_lock({_EVERYTHING})"


def _holding(name: str | None) -> str:
    if name is None:
        return f"BEGIN; SELECT pg_advisory_xact_lock_shared({_EVERYTHING})"
    lock = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
    return f"BEGIN; SELECT pg_advisory_xact_lock_shared({_EVERYTHING}), pg_advisory_xact_lock({lock})"


def _told(error: Exception) -> Exception:
    """Return what is told of an error: the fault of a unit as it is, all else as a database that cannot be had."""
    return error if isinstance(error, _FAULTS) else StoreUnavailableError(f"{type(error).__name__}: {error}")
