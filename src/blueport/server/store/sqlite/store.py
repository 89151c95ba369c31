"""One SQLite file: one thread that writes, in groups, and a few that read.

Why a writer thread: SQLite has one writer at a time anyway, and a queue in front of it turns waiting into *group
commit*. While one group is being flushed to the disk the next one gathers, so that full durability (`synchronous=FULL`)
costs a flush for each group instead of one for each request. A unit that raises undoes only itself: if it had changed
something, the group is undone and the others are run again, each under a savepoint then. Nobody hears of a result
before the commit behind it.
"""

import asyncio
import functools
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import zip_longest
from pathlib import Path
from time import perf_counter
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import msgspec
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from blueport.failpoints import reached
from blueport.server.errors import StoreUnavailableError
from blueport.server.store.measuring import StoreTallies
from blueport.server.store.sqlite.counts import SqliteCounts
from blueport.server.store.sqlite.neighbours import Neighbours
from blueport.server.store.tx import Given, Statement, Topic, Tx, Value, Values
from blueport.server.store.wakeups import Wakeups

GROUP_LIMIT = 256
BUSY_TIMEOUT_S = 5
# Rows that one statement inserts where there are so many.
TOGETHER = 8
READERS = 2
# Of each table that is kept.
KEPT_ROWS = 10_000

_DIALECT = SQLiteDialect_pysqlite(paramstyle="qmark")

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")
Row = TypeVar("Row")


class SqliteTx:
    """A transaction on one connection; see `Tx`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        now_ms: int,
        *,
        processes: Callable[[], frozenset[str]] = frozenset,
        kept: "_Kept | None" = None,
    ) -> None:
        """Begin at *now_ms*; *kept* are rows that are known to be what would be read."""
        self._kept = kept
        self.processes = processes
        # One for all: to make a cursor for each statement costs a fifth of a short one.
        self._cursor = connection.cursor()
        self.now_ms = now_ms
        self.topics: set[Topic] = set()
        self.has_changed = False

    def all(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> list[Row]:
        """See `Tx.all`."""
        rows = self._cursor.execute(*statement.text_and_values(_DIALECT, given)).fetchall()
        return list(map(_making(shape), rows)) if rows else []

    def one(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> Row | None:
        """See `Tx.one`."""
        if self._kept is None or statement.kept_of is None:
            return self._read_one(shape, statement, given)
        asked = (statement, *given.items())
        kept: Row | None = self._kept.row(statement.kept_of, asked)
        return kept or self._kept.keep(statement.kept_of, asked, self._read_one(shape, statement, given))

    def change(self, statement: Statement, **given: Given) -> int:
        """See `Tx.change`."""
        self._note_change(statement)
        return self._cursor.execute(*statement.text_and_values(_DIALECT, given)).rowcount

    def change_each(self, statement: Statement, each: Iterable[Values]) -> None:
        """See `Tx.change_each`."""
        bound = [statement.text_and_values(_DIALECT, values) for values in each]
        if bound:
            self._note_change(statement)
            text, rows = bound[0][0], [values for _, values in bound]
            if statement.is_insert:
                rows = self._inserted_together(text, rows)
            self._cursor.executemany(text, rows)

    def _inserted_together(self, text: str, rows: list[Sequence[Given]]) -> list[Sequence[Given]]:
        """Insert rows, TOGETHER at a time, and return those that are left: each statement lets other threads in."""
        head, values, row = text.rpartition(" VALUES ")
        if len(rows) < TOGETHER or not values:
            return rows
        whole = len(rows) - len(rows) % TOGETHER
        many = f"{head} VALUES {', '.join([row] * TOGETHER)}"
        together = [rows[at : at + TOGETHER] for at in range(0, whole, TOGETHER)]
        self._cursor.executemany(many, [[value for values in each for value in values] for each in together])
        return rows[whole:]

    def close(self) -> None:
        """Let go of what was not read to its end: it would keep the next transaction in this one's moment."""
        self._cursor.close()

    def mark(self) -> None:
        """From here on, what is done can be undone."""
        self._cursor.execute("SAVEPOINT mark")

    def undo(self) -> None:
        """Undo what was done since the last mark, of those that are left, and take that mark away."""
        self._cursor.execute("ROLLBACK TO mark")
        self._cursor.execute("RELEASE mark")
        if self._kept is not None:
            self._kept.forget_all()

    def keep(self) -> None:
        """Keep what was done since the last mark, and take that mark away."""
        self._cursor.execute("RELEASE mark")

    def _read_one(self, shape: Callable[..., Row], statement: Statement, given: Mapping[str, Given]) -> Row | None:
        row = self._cursor.execute(*statement.text_and_values(_DIALECT, given)).fetchone()
        return None if row is None else _making(shape)(row)

    def _note_change(self, statement: Statement) -> None:
        self.has_changed = True
        if self._kept is not None:
            self._kept.forget(statement.changes)

    def wake(self, topic: Topic) -> None:
        """See `Tx.wake`."""
        self.topics.add(topic)


class _Kept:
    """Rows that the writer has read, table by table: whoever calls, the same few are asked for by every request.

    They are what would be read: while the writer is in a transaction nobody else can commit, SQLite tells at its begin
    whether another connection has since the last one, and what the writer itself changes or undoes it forgets.
    """

    def __init__(self) -> None:
        self._rows: dict[object, dict[object, Any]] = {}
        self._version = 0

    def begin(self, connection: sqlite3.Connection) -> None:
        """Forget all if somebody else has written; the transaction has begun, so that nobody does from here on."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self.forget_all()

    def row(self, table: object, asked: object) -> Any | None:
        """Return the row that was kept, if one was."""
        return self._rows[table].get(asked) if table in self._rows else None

    def keep(self, table: object, asked: object, row: Row | None) -> Row | None:
        """Keep *row* and return it; that there is none is not kept, since anybody can ask for what is not there."""
        rows = self._rows.setdefault(table, {})
        if len(rows) >= KEPT_ROWS:
            rows.clear()
        if row is not None:
            rows[asked] = row
        return row

    def forget(self, table: object) -> None:
        """Forget what was read of *table*."""
        if table in self._rows:
            del self._rows[table]

    def forget_all(self) -> None:
        """Forget everything."""
        self._rows.clear()


@functools.cache
def _making(shape: Callable[..., object]) -> Callable[[tuple[Value, ...]], Any]:
    """Return what makes a row into a *shape*; a NamedTuple's own constructor is a function of Python, and slower."""
    if isinstance(shape, type) and issubclass(shape, tuple):
        return functools.partial(tuple.__new__, shape)
    return lambda row: shape(*row)


class _Work(msgspec.Struct, Generic[T]):
    """A unit that waits for its turn, since when, and the future that waits for its result."""

    unit: Callable[[Tx], T]
    done: asyncio.Future[T]
    asked_s: float


class _Outcome(msgspec.Struct, Generic[T]):
    """What became of a unit."""

    work: _Work[T]
    result: T | None
    error: Exception | None


class SqliteStore:
    """A database file; see `Store`."""

    def __init__(self, path: Path, now_ms: Callable[[], int]) -> None:
        """Open the migrated file at *path*; *now_ms* is the clock of all its transactions."""
        self.wakeups = Wakeups()
        self.counts = SqliteCounts(path.with_name(f"{path.name}.calls"))
        self.tallies = StoreTallies()
        self.now_ms = now_ms
        self._path = path
        self._neighbours = Neighbours(path.with_name(f"{path.name}.processes"), self.wakeups.wake)
        self.process = self._neighbours.name
        self._gathered: list[_Work[object]] = []
        self._groups: queue.SimpleQueue[list[_Work[object]] | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(READERS, "sqlite-reader")
        self._kept = _Kept()
        # Opened here: a file that cannot be opened ends the start, not the thread that everybody would wait for.
        self._writer = threading.Thread(
            target=self._write_groups, args=(connect(path),), name="sqlite-writer", daemon=True
        )
        self._writer.start()

    async def join(self) -> None:
        """See `Store.join`."""
        self._neighbours.join()

    def write(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """See `Store.write`."""
        loop = asyncio.get_running_loop()
        work: _Work[T] = _Work(lambda tx: unit(tx, *args, **kwargs), loop.create_future(), perf_counter())
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append(work)  # type: ignore[arg-type]  # works of any result
        return work.done

    def write_holding(
        self,
        name: str | None,  # noqa: ARG002 - there is one writer anyway
        unit: Callable[Concatenate[Tx, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> asyncio.Future[T]:
        """See `Store.write_holding`."""
        return self.write(unit, *args, **kwargs)

    async def read(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Store.read`."""
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._readers, lambda: self._read(lambda tx: unit(tx, *args, **kwargs)))
        return await self.tallies.reads.measured(work)

    async def close(self) -> None:
        """See `Store.close`."""
        self._hand_over()
        self._groups.put(None)
        self._writer.join()
        self._readers.shutdown()
        self._neighbours.leave()

    def _hand_over(self) -> None:
        """Give the writer what one turn of the loop gathered: to wake it for each would cost more than the work."""
        gathered, self._gathered = self._gathered, []
        self._groups.put(gathered)

    def _read(self, unit: Callable[[Tx], T]) -> T:
        try:
            connection = self._reader()
            connection.execute("BEGIN")
            try:
                with closing(self._tx(connection)) as tx:
                    return unit(tx)
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
            outcomes = self._write_group(connection, group)
            _tell_the_loop(outcomes, self._settle, outcomes)
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
            self._kept.begin(connection)
            with closing(self._tx(connection, self._kept)) as tx, self.counts.gathering():
                outcomes = _outcomes(tx, group)
            reached("server.commit")
            connection.execute("COMMIT")
            reached("server.committed")
        except sqlite3.Error as error:
            self._kept.forget_all()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return [_Outcome(work, None, StoreUnavailableError(str(error))) for work in group]
        if tx.topics:
            _tell_the_loop(outcomes, self._wake, tx.topics)
        return outcomes

    def _tx(self, connection: sqlite3.Connection, kept: "_Kept | None" = None) -> SqliteTx:
        return SqliteTx(connection, self.now_ms(), processes=self._neighbours.alive, kept=kept)

    def _settle(self, outcomes: list[_Outcome[object]]) -> None:
        now_s = perf_counter()
        for outcome in outcomes:
            self.tallies.writes.note(now_s - outcome.work.asked_s, outcome.error)
            _settle_one(outcome.work.done, outcome)

    def _wake(self, topics: set[Topic]) -> None:
        self.wakeups.wake(topics)
        self._neighbours.hint(topics)


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
    # What a savepoint might have to bring back would go to a file that is made for it, in every second group of 30.
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def once(path: Path, now_ms: Callable[[], int], unit: Callable[[Tx], T]) -> T:
    """Run one unit on a connection of its own, whether or not a server works on the file, and return its result.

    Raises:
        StoreUnavailableError: The database did not take it; nothing was done.
    """
    try:
        with closing(connect(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with closing(SqliteTx(connection, now_ms())) as tx:
                result = unit(tx)
            connection.execute("COMMIT")
            return result
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"{path}: {error}") from error


def _outcomes(tx: SqliteTx, group: list[_Work[object]]) -> list[_Outcome[object]]:
    """Do the units of *group*, as if each that raises had not been done."""
    tx.mark()
    outcomes: list[_Outcome[object]] = []
    for work in group:
        tx.has_changed = False
        outcome = _outcome(tx, work)
        outcomes.append(outcome)
        if outcome.error is not None and tx.has_changed:
            tx.undo()
            return [_outcome_alone(tx, work, outcome) for work, outcome in zip_longest(group, outcomes)]
    return outcomes


def _outcome_alone(tx: SqliteTx, work: _Work[object], earlier: _Outcome[object] | None) -> _Outcome[object]:
    """Do a unit that is undone if it raises; one that has raised *earlier* is not asked again."""
    if earlier is not None and earlier.error is not None:
        return earlier
    tx.mark()
    outcome = _outcome(tx, work)
    if outcome.error is None:
        tx.keep()
    else:
        tx.undo()
    return outcome


def _outcome(tx: SqliteTx, work: _Work[object]) -> _Outcome[object]:
    try:
        return _Outcome(work, work.unit(tx), None)
    except sqlite3.OperationalError:
        raise  # the file itself is at fault: nothing of the group can be kept
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who asked
        return _Outcome(work, None, error)


def _settle_one(done: asyncio.Future[object], outcome: _Outcome[object]) -> None:
    if done.cancelled():
        return
    if outcome.error is None:
        done.set_result(outcome.result)
    else:
        done.set_exception(outcome.error)
