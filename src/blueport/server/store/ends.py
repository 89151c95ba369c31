"""The two ends of a copy: a file of SQLite's or a PostgreSQL, each in one transaction in which nobody else writes."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

import asyncpg
from asyncpg import Connection
from sqlalchemy import Dialect, Select, Table, func, insert, select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from blueport.server.errors import StoreUnavailableError
from blueport.server.settings import is_postgres, name_without_secret
from blueport.server.store.postgres.connecting import TROUBLE
from blueport.server.store.schema import connect_to_postgres
from blueport.server.store.tables import metadata
from blueport.server.store.tx import Value

BATCH = 2_000
LOCK_TIMEOUT_S = 2

_CLOSE_TIMEOUT_S = 5
_POSTGRES: Final = PGDialect()  # type: ignore[no-untyped-call]
_SQLITE: Final = SQLiteDialect_pysqlite(paramstyle="qmark")
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
# We have the database to ourselves for as long as it takes, and wait for nobody who has it.
_BEGIN = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0;"
    f" SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"
)
_SERVERS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name = 'blueport' AND datname = current_database() AND pid <> pg_backend_pid()"
)
_REFERENCES = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY($1::text[]::regclass[])
"""
_LOOK_EVERY_S = 0.1

Row = tuple[Value, ...]


class End(Protocol):
    """A database that is copied from or into; what goes wrong is a StoreUnavailableError that names it."""

    name: str

    async def holds(self, table: Table) -> bool:
        """Tell whether there is such a table with a row in it."""

    async def begin(self) -> None:
        """Have one view of the database from here on, in which nobody else writes."""

    async def count(self, table: Table) -> int:
        """Count the rows of a table."""

    def rows(self, table: Table) -> AsyncIterator[list[Row]]:
        """Return all rows in the order of their primary key, some at a time; half characters become surrogates."""

    def filling(self) -> AbstractAsyncContextManager[None]:
        """Return the time of filling: that a row's references lead somewhere need not be sure before its end."""

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Put rows into a table."""

    async def last_number(self, table: Table) -> int:
        """Return the last number that was given to a row, or that one has."""

    async def count_on_from(self, table: Table, number: int) -> None:
        """Have the next row get a number above *number*."""

    async def commit(self) -> None:
        """Keep what was put there."""


@contextlib.asynccontextmanager
async def end_of(database: str) -> AsyncIterator[End]:
    """Open a database; what was not committed when the block ends is undone.

    Raises:
        MisconfiguredError: The URL is none.
        StoreUnavailableError: It cannot be had.
    """
    name = name_without_secret(database)
    if not is_postgres(database):
        with contextlib.closing(_opened(database)) as connection:
            yield SqliteEnd(connection, name)
        return
    postgres = await connect_to_postgres(database)
    try:
        yield PostgresEnd(postgres, name)
    finally:
        with contextlib.suppress(*TROUBLE):
            await postgres.close(timeout=_CLOSE_TIMEOUT_S)


class SqliteEnd:
    """A file of SQLite's; see `End`."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self.name = name

    async def holds(self, table: Table) -> bool:
        """See `End.holds`."""
        with _told_of(self.name):
            known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
            if not self._connection.execute(known, (table.name,)).fetchone():
                return False
            return self._connection.execute(_sql(select(1).select_from(table).limit(1), _SQLITE)).fetchone() is not None

    async def begin(self) -> None:
        """See `End.begin`.

        In this mode nobody else can even have the file open: a server that has nothing to do just now is noticed.
        """
        with _told_of(self.name):
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("BEGIN EXCLUSIVE")

    async def count(self, table: Table) -> int:
        """See `End.count`."""
        return self._number(_sql(select(func.count()).select_from(table), _SQLITE))

    async def rows(self, table: Table) -> AsyncIterator[list[Row]]:
        """See `End.rows`."""
        with _told_of(self.name):
            cursor = self._connection.execute(_all_of(table, _SQLITE))
            while rows := cursor.fetchmany(BATCH):
                yield rows
                await asyncio.sleep(0)  # who wants to end us is heard here

    def filling(self) -> AbstractAsyncContextManager[None]:
        """See `End.filling`: it looks up each."""
        return contextlib.nullcontext()

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """See `End.add`."""
        with _told_of(self.name):
            self._connection.executemany(str(insert(table).compile(dialect=_SQLITE)), rows)

    async def last_number(self, table: Table) -> int:
        """See `End.last_number`."""
        column = table.autoincrement_column
        return 0 if column is None else self._number(_sql(select(func.coalesce(func.max(column), 0)), _SQLITE))

    async def count_on_from(self, table: Table, number: int) -> None:
        """See `End.count_on_from`: SQLite goes on from the highest number that a row has."""

    async def commit(self) -> None:
        """See `End.commit`."""
        with _told_of(self.name):
            self._connection.execute("COMMIT")

    def _number(self, statement: str) -> int:
        with _told_of(self.name):
            return int(self._connection.execute(statement).fetchone()[0])


class PostgresEnd:
    """A database of a PostgreSQL server; see `End`."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self.name = name

    async def holds(self, table: Table) -> bool:
        """See `End.holds`."""
        with _told_of(self.name):
            if await self._connection.fetchval("SELECT to_regclass($1)::text", table.name) is None:
                return False
            found = await self._connection.fetchval(_sql(select(1).select_from(table).limit(1), _POSTGRES))
            return found is not None

    async def begin(self) -> None:
        """See `End.begin`: to lock is no query, so that the view begins when all tables are ours."""
        with _told_of(self.name):
            await self._wait_until_alone()
            tables = ", ".join(table.name for table in metadata.sorted_tables)
            await self._connection.execute(f"{_BEGIN}; LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")

    async def count(self, table: Table) -> int:
        """See `End.count`."""
        return await self._number(_sql(select(func.count()).select_from(table), _POSTGRES))

    async def rows(self, table: Table) -> AsyncIterator[list[Row]]:
        """See `End.rows`."""
        with _told_of(self.name):
            cursor = await self._connection.cursor(_all_of(table, _POSTGRES))
            while rows := await cursor.fetch(BATCH):
                yield [tuple(row) for row in rows]

    @contextlib.asynccontextmanager
    async def filling(self) -> AsyncIterator[None]:
        """See `End.filling`: to look up each would take as long as all else; to look at all takes seconds."""
        with _told_of(self.name):
            tables = [table.name for table in metadata.sorted_tables]
            references = await self._connection.fetch(_REFERENCES, tables)
            for leave, _ in references:
                await self._connection.execute(leave)
        yield
        with _told_of(self.name):
            for _, come_back in references:
                await self._connection.execute(come_back)
            # Its plans would be those of an empty database until it looked by itself, within a minute.
            await self._connection.execute(f"ANALYZE {', '.join(tables)}")

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """See `End.add`."""
        with _told_of(self.name):
            columns = [column.name for column in table.columns]
            await self._connection.copy_records_to_table(table.name, records=rows, columns=columns)

    async def last_number(self, table: Table) -> int:
        """See `End.last_number`: its row may be gone, and no other may have it."""
        column, sequence = table.autoincrement_column, await self._sequence_of(table)
        if column is None or sequence is None:
            return 0
        highest = await self._number(_sql(select(func.coalesce(func.max(column), 0)), _POSTGRES))
        given = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"
        return max(highest, await self._number(given))

    async def count_on_from(self, table: Table, number: int) -> None:
        """See `End.count_on_from`: unlike `setval`, this is undone with all else."""
        sequence = await self._sequence_of(table)
        if sequence is not None:
            with _told_of(self.name):
                await self._connection.execute(f"ALTER SEQUENCE {sequence} RESTART WITH {number + 1}")

    async def commit(self) -> None:
        """See `End.commit`."""
        try:
            await self._connection.execute("COMMIT")
        except TROUBLE as error:
            why = f"{self.name} did not say whether it kept the copy: if a second try finds rows there, all are there"
            raise StoreUnavailableError(why) from error

    async def _wait_until_alone(self) -> None:
        """Wait until servers and commands are gone: those that just ended are still seen for a moment."""
        for _ in range(int(LOCK_TIMEOUT_S / _LOOK_EVERY_S)):
            if not await self._connection.fetchval(_SERVERS):
                return
            await asyncio.sleep(_LOOK_EVERY_S)
        raise _in_use(self.name)

    async def _sequence_of(self, table: Table) -> str | None:
        column = table.autoincrement_column
        if column is None:
            return None
        with _told_of(self.name):
            found = await self._connection.fetchval("SELECT pg_get_serial_sequence($1, $2)", table.name, column.name)
            return None if found is None else str(found)

    async def _number(self, statement: str) -> int:
        with _told_of(self.name):
            return int(await self._connection.fetchval(statement))


def _opened(named: str) -> sqlite3.Connection:
    """Open a file that is there, in whatever mode it is."""
    place = f"file:{quote(str(Path(named).expanduser()))}?mode=rw"
    with _told_of(named):
        connection = sqlite3.connect(place, uri=True, timeout=LOCK_TIMEOUT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # What is no UTF-8 must not end the reading: it is to be told where it is.
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        return connection


def _all_of(table: Table, dialect: Dialect) -> str:
    """Return the statement that reads a table; text is ordered by its bytes on both kinds of database."""
    return _sql(select(table).order_by(*table.primary_key.columns), dialect)


def _sql(statement: Select[Any], dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


@contextlib.contextmanager
def _told_of(name: str) -> Iterator[None]:
    """Tell in one line what a database refuses, and which it was."""
    try:
        yield
    except sqlite3.Error as error:
        raise (_in_use(name) if _is_busy(error) else _refused(name, error)) from error
    except asyncpg.LockNotAvailableError as error:
        raise _in_use(name) from error
    except TROUBLE as error:
        raise _refused(name, error) from error


def _is_busy(error: sqlite3.Error) -> bool:
    # Only errors of SQLite's own have a name.
    return getattr(error, "sqlite_errorname", "").startswith(_BUSY)


def _in_use(name: str) -> StoreUnavailableError:
    return StoreUnavailableError(f"{name} is in use: stop the server, and whatever else has it open")


def _refused(name: str, error: Exception) -> StoreUnavailableError:
    return StoreUnavailableError(f"{name}: {type(error).__name__}: {' '.join(str(error).split())}")
