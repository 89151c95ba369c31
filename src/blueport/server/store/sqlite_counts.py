"""Counts in a file beside the database.

In the database itself a refused call would have to be written and flushed, and a reader could count nothing. What is
counted is not worth a flush: it outlives every process, and a power cut may forget it.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blueport.server.errors import StoreUnavailableError
from blueport.server.store.counting import Asked, Counted

BUSY_TIMEOUT_S = 5

_TABLE = (
    "CREATE TABLE IF NOT EXISTS calls"
    " (name TEXT PRIMARY KEY, began_at INTEGER NOT NULL, calls INTEGER NOT NULL) WITHOUT ROWID"
)
_IS_OLD = ":now_ms >= began_at + :length_ms"
# Before its beginning: the clock was set back, or another process was a little faster.
_BEGAN_AT = f"CASE WHEN {_IS_OLD} THEN :now_ms ELSE min(began_at, :now_ms) END"
_COUNT = (
    f"UPDATE calls SET calls = CASE WHEN {_IS_OLD} THEN 1 ELSE calls + 1 END, began_at = {_BEGAN_AT}"
    f" WHERE name = :name AND ({_IS_OLD} OR calls < :limit) RETURNING began_at, calls"
)
_FIRST = "INSERT INTO calls VALUES (:name, :now_ms, 1) ON CONFLICT DO NOTHING RETURNING began_at, calls"
_OVER = f"UPDATE calls SET began_at = {_BEGAN_AT} WHERE name = :name RETURNING began_at, calls"


class SqliteCounts:
    """See `Counts`; each thread has a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def count(self, asked: Asked) -> Counted:
        """See `Counts.count`."""
        try:
            connection = self._connection()
            given = asked._asdict()
            for statement in (_COUNT, _FIRST):
                row = connection.execute(statement, given).fetchone()
                if row is not None:
                    return Counted._make((*row, False))
            return Counted._make((*connection.execute(_OVER, given).fetchone(), True))
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(str(error)) from error
        except sqlite3.DatabaseError:
            self._begin_anew()
            return self.count(asked)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Write what this thread counts meanwhile all at once."""
        self._local.gathers = True
        try:
            yield
        finally:
            self._local.gathers = False
            connection = self._local.__dict__.get("connection")
            if connection is not None and connection.in_transaction:
                connection.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = self._local.__dict__.get("connection")
        if connection is None:
            connection = self._local.connection = self._opened()
        if self._local.__dict__.get("gathers") and not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        return connection

    def _opened(self) -> sqlite3.Connection:
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_TABLE)
        return connection

    def _begin_anew(self) -> None:
        """Put away a file that a power cut has broken: it held nothing that could not be lost."""
        self._local.__dict__.pop("connection").close()
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._path.with_name(f"{self._path.name}{suffix}").unlink()
