"""One SQLite file: one thread that writes, in groups, and a few that read.

Why a writer thread: SQLite has one writer at a time anyway, and a queue in front of it turns waiting into *group
commit*. While one group is being flushed to the disk the next one gathers, so that full durability (`synchronous=FULL`)
costs a flush for each group instead of one for each request. Each unit runs under a savepoint: one that raises undoes
only itself. Nobody hears of a result before the commit behind it.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from time import perf_counter
from typing import Concatenate, Generic, NamedTuple, ParamSpec, TypeVar

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from blueport.failpoints import reached
from blueport.server.errors import StoreUnavailableError
from blueport.server.store.tx import Given, Statement, Topic, Tx, Values
from blueport.server.store.wakeups import Wakeups
from blueport.server.tallies import StoreTallies

GROUP_LIMIT = 256
BUSY_TIMEOUT_S = 5
READERS = 2

_DIALECT = SQLiteDialect_pysqlite(paramstyle="qmark")

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")
Row = TypeVar("Row")


class SqliteTx:
    """A transaction on one connection; see `Tx`."""

    def __init__(self, connection: sqlite3.Connection, now_ms: int) -> None:
        self._connection = connection
        self.now_ms = now_ms
        self.topics: set[Topic] = set()

    def all(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> list[Row]:
        """See `Tx.all`."""
        return [shape(*row) for row in self._run(statement, given)]

    def one(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> Row | None:
        """See `Tx.one`."""
        row = self._run(statement, given).fetchone()
        return None if row is None else shape(*row)

    def change(self, statement: Statement, **given: Given) -> int:
        """See `Tx.change`."""
        return self._run(statement, given).rowcount

    def change_each(self, statement: Statement, each: Iterable[Values]) -> None:
        """See `Tx.change_each`."""
        for values in each:
            self._run(statement, values)

    def wake(self, topic: Topic) -> None:
        """See `Tx.wake`."""
        self.topics.add(topic)

    def _run(self, statement: Statement, given: Values | dict[str, Given]) -> sqlite3.Cursor:
        text, values = statement.text_and_values(_DIALECT, given)
        return self._connection.execute(text, values)


class _Work(NamedTuple, Generic[T]):
    """A unit that waits for its turn, and the future that waits for its result."""

    unit: Callable[[Tx], T]
    done: asyncio.Future[T]


class _Outcome(NamedTuple, Generic[T]):
    """What became of a unit; *settle* is to be called in the event loop."""

    work: _Work[T]
    result: T | None = None
    error: Exception | None = None

    def settle(self) -> None:
        if self.work.done.cancelled():
            return
        if self.error is not None:
            self.work.done.set_exception(self.error)
        else:
            self.work.done.set_result(self.result)  # type: ignore[arg-type]  # a result may well be None


class SqliteStore:
    """A database file; `write` and `read` run units of work in it."""

    def __init__(self, path: Path, now_ms: Callable[[], int]) -> None:
        """Open the migrated file at *path*; *now_ms* is the clock of all its transactions."""
        self.wakeups = Wakeups()
        self.tallies = StoreTallies()
        self.now_ms = now_ms
        self._path = path
        self._gathered: list[_Work[object]] = []
        self._groups: queue.SimpleQueue[list[_Work[object]] | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(READERS, "sqlite-reader")
        # Opened here: a file that cannot be opened ends the start, not the thread that everybody would wait for.
        self._writer = threading.Thread(
            target=self._write_groups, args=(connect(path),), name="sqlite-writer", daemon=True
        )
        self._writer.start()

    async def write(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *unit* in a transaction and return its result once that is on the disk.

        Raises:
            StoreUnavailableError: The database did not take it; nothing was done.
        """
        began_s = perf_counter()
        loop = asyncio.get_running_loop()
        work: _Work[T] = _Work(lambda tx: unit(tx, *args, **kwargs), loop.create_future())
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append(work)  # type: ignore[arg-type]  # works of any result
        try:
            return await work.done
        except StoreUnavailableError:
            self.tallies.failed_writes += 1
            raise
        finally:
            self.tallies.writes.add(perf_counter() - began_s)

    async def read(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *unit* on one consistent view of what is committed; it cannot write.

        Raises:
            StoreUnavailableError: The database could not be read.
        """
        began_s = perf_counter()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._readers, lambda: self._read(lambda tx: unit(tx, *args, **kwargs)))
        except StoreUnavailableError:
            self.tallies.failed_reads += 1
            raise
        finally:
            self.tallies.reads.add(perf_counter() - began_s)

    def close(self) -> None:
        """Finish what was accepted, then close the file."""
        self._hand_over()
        self._groups.put(None)
        self._writer.join()
        self._readers.shutdown()

    def _hand_over(self) -> None:
        """Give the writer what one turn of the loop gathered: to wake it for each would cost more than the work."""
        gathered, self._gathered = self._gathered, []
        self._groups.put(gathered)

    def _read(self, unit: Callable[[Tx], T]) -> T:
        try:
            connection = self._reader()
            connection.execute("BEGIN")
            try:
                return unit(SqliteTx(connection, self.now_ms()))
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(str(error)) from error

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path)
            connection.execute("PRAGMA query_only = 1")
        return connection

    def _write_groups(self, connection: sqlite3.Connection) -> None:
        while group := self._next_group():
            _settle(self._write_group(connection, group))
        connection.close()

    def _next_group(self) -> list[_Work[object]]:
        """Wait for work, and take all that waits; an empty group means that the store is closing."""
        group: list[_Work[object]] = []
        while gathered := self._groups.get():
            group += gathered
            if len(group) >= GROUP_LIMIT or self._groups.empty():
                return group
        self._groups.put(None)  # found behind the last works: end after them
        return group

    def _write_group(self, connection: sqlite3.Connection, group: list[_Work[object]]) -> list[_Outcome[object]]:
        try:
            connection.execute("BEGIN IMMEDIATE")
            tx = SqliteTx(connection, self.now_ms())
            outcomes = [_outcome(connection, tx, work) for work in group]
            reached("server.commit")
            connection.execute("COMMIT")
            reached("server.committed")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return [_Outcome(work, error=StoreUnavailableError(str(error))) for work in group]
        if tx.topics:
            _tell_the_loop(outcomes, self.wakeups.wake, tx.topics)
        return outcomes


def _settle(outcomes: list[_Outcome[object]]) -> None:
    _tell_the_loop(outcomes, _settle_each, outcomes)


def _tell_the_loop(outcomes: list[_Outcome[object]], call: Callable[[S], None], what: S) -> None:
    """Call in the loop of those who asked; once it is closed nobody is left to hear."""
    with suppress(RuntimeError):
        outcomes[0].work.done.get_loop().call_soon_threadsafe(call, what)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file as every connection of ours does: autocommit, WAL, durable, waiting for locks."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def once(path: Path, now_ms: Callable[[], int], unit: Callable[[Tx], T]) -> T:
    """Run one unit on a connection of its own, whether or not a server works on the file, and return its result.

    Raises:
        StoreUnavailableError: The database did not take it; nothing was done.
    """
    try:
        with closing(connect(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            result = unit(SqliteTx(connection, now_ms()))
            connection.execute("COMMIT")
            return result
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"{path}: {error}") from error


def _outcome(connection: sqlite3.Connection, tx: SqliteTx, work: _Work[object]) -> _Outcome[object]:
    connection.execute("SAVEPOINT unit")
    try:
        result = work.unit(tx)
    except sqlite3.OperationalError:
        raise  # the file itself is at fault: nothing of the group can be kept
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who asked
        connection.execute("ROLLBACK TO unit")
        connection.execute("RELEASE unit")
        return _Outcome(work, error=error)
    connection.execute("RELEASE unit")
    return _Outcome(work, result=result)


def _settle_each(outcomes: list[_Outcome[object]]) -> None:
    for outcome in outcomes:
        outcome.settle()
