"""Counts in a file beside the database.

In the database itself a refused call would have to be written and flushed, and a reader could count nothing. What is
counted is not worth a flush: it outlives every process, and a power cut may forget it.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blueport.server.errors import StoreUnavailableError
from blueport.server.store.counting import Asked, Counted, Window

BUSY_TIMEOUT_S = 5
_AGAIN_AFTER_S = 0.005

_TABLE = (
    "CREATE TABLE IF NOT EXISTS calls"
    " (name TEXT PRIMARY KEY, began_at INTEGER NOT NULL, calls INTEGER NOT NULL) WITHOUT ROWID"
)
_READ = "SELECT began_at, calls FROM calls WHERE name = ?"
_KEEP = (
    "INSERT INTO calls VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET began_at = excluded.began_at, calls = excluded.calls"
)


class SqliteCounts:
    """See `Counts`; each thread has a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def count(self, asked: Asked) -> Counted:
        """See `Counts.count`."""
        try:
            gathered: dict[str, Window] | None = getattr(self._local, "gathered", None)
            if gathered is not None:
                return self._counted(asked, gathered)
            with self.gathering():
                return self._counted(asked, self._local.gathered)
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(str(error)) from error
        except sqlite3.DatabaseError:
            self._begin_anew()
            return self.count(asked)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Write what this thread counts meanwhile all at once: for each name what it comes to."""
        gathered: dict[str, Window] = {}
        self._local.gathered = gathered
        try:
            yield
        finally:
            self._local.gathered = None
            self._keep(gathered)

    def _counted(self, asked: Asked, gathered: dict[str, Window]) -> Counted:
        window = (gathered.get(asked.name) or self._read(asked)).at(asked.now_ms, asked.length_ms)
        is_over = window.calls >= asked.limit
        calls = window.calls if is_over else window.calls + 1
        gathered[asked.name] = Window(window.began_at, calls)
        return Counted(window.began_at, calls, is_over)

    def _read(self, asked: Asked) -> Window:
        """Return what was counted; from the first that is read on, nobody else counts until all is written."""
        connection = self._connection()
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        row = connection.execute(_READ, (asked.name,)).fetchone()
        return Window(*row) if row else Window(asked.now_ms, 0)

    def _keep(self, gathered: dict[str, Window]) -> None:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None or not connection.in_transaction:
            return  # nothing was counted
        try:
            connection.executemany(_KEEP, [(name, each.began_at, each.calls) for name, each in gathered.items()])
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")  # else nobody could count any more
            raise

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._opened()
        return connection

    def _opened(self) -> sqlite3.Connection:
        """Open the file; who makes it at the same time as others is not made to wait by SQLite, and has to himself."""
        until = time.monotonic() + BUSY_TIMEOUT_S
        self._path.touch(mode=0o600)
        while True:
            try:
                return _connected(self._path)
            except sqlite3.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(_AGAIN_AFTER_S)

    def _begin_anew(self) -> None:
        """Put away a file that a power cut has broken: it held nothing that could not be lost."""
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._path.with_name(f"{self._path.name}{suffix}").unlink()


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_TABLE)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
