"""An empty database of a test's own: a file, or one of a PostgreSQL's."""

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import Table

from blueport.server.settings import is_postgres
from blueport.server.store.schema import NEWEST
from blueport.server.store.tables import metadata
from tests.postgres import Postgres, Psql, binary

Json = Any

# Without triggers and keys, in a moment; then how many of the tables are there, and of which schema.
_EMPTIED = f"""
SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '2s';
{"; ".join(f"DELETE FROM {table}" for table in [*metadata.tables, "call_counts"])};
{"; ".join(f"ALTER SEQUENCE {name}_seq_seq RESTART" for name, table in metadata.tables.items() if "seq" in table.c)};
SELECT (SELECT count(*) FROM pg_tables WHERE schemaname = 'public') - 2 || ' ' || version_num FROM alembic_version
"""
# What a database says of a row that breaks a rule.
BROKEN_RULES = (sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError, asyncpg.UniqueViolationError)

_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 2**30

# What engines and housekeeping write in their own time, whatever is asked of the server meanwhile.
WRITTEN_ASIDE = ("unanswered", "api_keys.last_used_at", "deliveries", "delivery_attempts")


class Database(NamedTuple):
    """What `BLUEPORT_DATABASE` names, and a folder for files beside it."""

    named: str
    folder: Path

    @property
    def is_postgres(self) -> bool:
        return is_postgres(self.named)

    @property
    def path(self) -> Path:
        """Return the file of SQLite's."""
        assert not self.is_postgres
        return Path(self.named)

    def sql(self, statement: str, *values: Json) -> list[tuple[Json, ...]]:
        """Look into it, or do there what no command of ours does yet; a value takes the place of each `?`."""
        if self.is_postgres:
            # In a thread: a test may be asked for it by a server that runs in its own.
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(asyncio.run, _on_postgres(self.named, statement, values)).result()
        with contextlib.closing(sqlite3.connect(self.named, timeout=5, isolation_level=None)) as connection:
            return connection.execute(statement, values).fetchall()

    def content(self) -> str:
        """Return all that is kept, in whatever form."""
        if not self.is_postgres:
            files = [self.path, self.path.with_name(f"{self.path.name}-wal")]
            return "".join(path.read_bytes().decode("latin-1") for path in files)
        return str([self.sql(f"SELECT kept::text FROM {table} kept") for table in metadata.tables])

    def rows_of_all(self, *, but: Collection[str]) -> list[str]:
        """Return every row, in an order that is always the same, *but* those of some tables and `table.column`s."""
        return sorted(row for (row,) in self.sql(_rows_of_all(but)))

    @contextlib.contextmanager
    def watched(self, *, but: Collection[str]) -> Iterator[Callable[[], list[str]]]:
        """Give what returns `rows_of_all`, for whoever asks often: a connection to PostgreSQL takes long."""
        if not self.is_postgres:
            yield lambda: self.rows_of_all(but=but)
            return
        psql = Psql(self.named)
        yield lambda: sorted(psql.run(_rows_of_all(but)).splitlines())
        psql.close()

    @contextlib.contextmanager
    def refusing(self, table: str) -> Iterator[None]:
        """Have a table take no row."""
        if self.is_postgres:
            self.sql(f"ALTER TABLE {table} ADD CONSTRAINT refusing CHECK (false) NOT VALID")
        else:
            self.sql(f"CREATE TRIGGER refusing BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'refused'); END")
        yield
        self.sql(f"ALTER TABLE {table} DROP CONSTRAINT refusing" if self.is_postgres else "DROP TRIGGER refusing")

    @contextlib.contextmanager
    def keeping_all(self, table: str) -> Iterator[None]:
        """Have the rows of a table stay, as if whoever deletes them had died before."""
        if self.is_postgres:
            self.sql(f"CREATE RULE keeping AS ON DELETE TO {table} DO INSTEAD NOTHING")
        else:
            self.sql(f"CREATE TRIGGER keeping BEFORE DELETE ON {table} BEGIN SELECT RAISE(IGNORE); END")
        yield
        self.sql(f"DROP RULE keeping ON {table}" if self.is_postgres else "DROP TRIGGER keeping")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Have every write wait, as another program could."""
        if self.is_postgres:
            tables = ", ".join(metadata.tables)
            with open_transaction(self.named, f"LOCK TABLE {tables} IN EXCLUSIVE MODE"):  # they can still be read
                yield
            return
        with contextlib.closing(sqlite3.connect(self.named, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")


def _rows_of_all(but: Collection[str]) -> str:
    return " UNION ALL ".join(_rows_of(table, but) for table in metadata.sorted_tables if table.name not in but)


def _rows_of(table: Table, but: Collection[str]) -> str:
    """Return the statement that tells each row of a table as one text."""
    columns = [column for column in table.columns if str(column) not in but]
    cells = " || ' ' || ".join(f"coalesce(CAST({column.name} AS TEXT), 'NULL')" for column in columns)
    return f"SELECT '{table.name} ' || {cells} FROM {table.name}"


async def _on_postgres(url: str, statement: str, values: tuple[Json, ...]) -> list[tuple[Json, ...]]:
    numbers = itertools.count(1)
    connection = await asyncpg.connect(url)
    try:
        numbered = re.sub(r"\?", lambda _: f"${next(numbers)}", statement)
        return [tuple(row) for row in await connection.fetch(numbered, *values)]
    finally:
        await connection.close()


@contextlib.contextmanager
def open_transaction(url: str, statement: str) -> Iterator[Callable[[str], None]]:
    """Have a transaction of somebody else's on a PostgreSQL begin with a statement, and undo it in the end.

    It takes further ones meanwhile, as COMMIT; each is done once that returns.
    """
    command = [str(binary("psql")), "--no-psqlrc", "--quiet", "--dbname", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:

        def do(statement: str) -> None:
            print(f"{statement} \\g /dev/null\n\\echo done", file=other.stdin, flush=True)
            assert other.stdout.readline() == "done\n"

        do("SET client_min_messages = error")  # to undo what was committed is worth a warning
        do(f"BEGIN; {statement}")
        yield do
        do("ROLLBACK")  # that of a client that merely goes away ends some time after it is gone


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Return a folder in memory, where that can be.

    A test waits for the disk at every commit, of which it has dozens; none of them takes the power away from the disk.
    """
    has_room = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES
    with tempfile.TemporaryDirectory(prefix="blueport-", dir=_MEMORY if has_room else None) as name:
        yield Path(name)


@contextlib.contextmanager
def file_like(migrated: Path) -> Iterator[Database]:
    """Return a copy of the migrated file, in a folder of its own."""
    with folder() as own:
        yield Database(shutil.copy(migrated, own), own)


class Reused:
    """A database of a PostgreSQL's that test after test has for itself: to empty it is faster than to make another."""

    def __init__(self, server: Postgres, migrated: str) -> None:
        self._server = server
        self._migrated = migrated
        self._begin()

    @contextlib.contextmanager
    def lent(self) -> Iterator[Database]:
        """Lend it, and a folder of the test's own; one that cannot be emptied is replaced."""
        with folder() as own:
            yield Database(self._url, own)
        if self._psql.run(_EMPTIED) != f"{len(metadata.tables)} {NEWEST}":
            self.close()
            self._begin()

    def close(self) -> None:
        self._psql.close()
        self._server.drop(self._url)

    def _begin(self) -> None:
        self._url = self._server.new_database(self._migrated)
        self._psql = Psql(self._url)


@contextlib.contextmanager
def database_like(server: Postgres, migrated: str) -> Iterator[Database]:
    """Return a copy of the database of that name, and a folder of its own."""
    url = server.new_database(migrated)
    try:
        with folder() as own:
            yield Database(url, own)
    finally:
        server.drop(url)
