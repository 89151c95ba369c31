"""Counts in a file beside the database.

In the database itself a refused call would have to be written and flushed, and a reader could count nothing. What is
counted is not worth a flush: it outlives every process, and a power cut may forget it.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

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
_READ = "SELECT began_at, calls FROM calls WHERE name = ?"
_KEEP = (
    "INSERT INTO calls VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET began_at = excluded.began_at, calls = excluded.calls"
)
_OVER = f"UPDATE calls SET began_at = {_BEGAN_AT} WHERE name = :name RETURNING began_at, calls"


class _Window(msgspec.Struct):
    """The calls under one name; changed in place, since every request does."""

    began_at: int
    calls: int


class SqliteCounts:
    """See `Counts`; each thread has a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def count(self, asked: Asked) -> Counted:
        """See `Counts.count`."""
        try:
            gathered: dict[str, _Window] | None = getattr(self._local, "gathered", None)
            return self._counted(asked) if gathered is None else self._counted_with_others(asked, gathered)
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(str(error)) from error
        except sqlite3.DatabaseError:
            self._begin_anew()
            return self.count(asked)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Write what this thread counts meanwhile all at once: for each name what it comes to."""
        gathered: dict[str, _Window] = {}
        self._local.gathered = gathered
        try:
            yield
        finally:
            self._local.gathered = None
            if gathered:
                connection = self._connection()
                connection.executemany(_KEEP, [(name, each.began_at, each.calls) for name, each in gathered.items()])
                connection.execute("COMMIT")

    def _counted(self, asked: Asked) -> Counted:
        connection, given = self._connection(), asked._asdict()
        for statement in (_COUNT, _FIRST):
            row = connection.execute(statement, given).fetchone()
            if row is not None:
                return Counted._make((*row, False))
        return Counted._make((*connection.execute(_OVER, given).fetchone(), True))

    def _counted_with_others(self, asked: Asked, gathered: dict[str, _Window]) -> Counted:
        window = gathered.get(asked.name)
        if window is None:
            window = gathered[asked.name] = self._window(asked)
        if asked.now_ms >= window.began_at + asked.length_ms:
            window.began_at, window.calls = asked.now_ms, 0
        elif asked.now_ms < window.began_at:
            window.began_at = asked.now_ms  # the clock was set back, or another process was a little faster
        is_over = window.calls >= asked.limit
        if not is_over:
            window.calls += 1
        return Counted(window.began_at, window.calls, is_over)

    def _window(self, asked: Asked) -> _Window:
        """Read what was counted; from the first on, nobody else counts until it is written."""
        connection = self._connection()
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        row = connection.execute(_READ, (asked.name,)).fetchone()
        return _Window(*row) if row else _Window(asked.now_ms, 0)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._opened()
        return connection

    def _opened(self) -> sqlite3.Connection:
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(_TABLE)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _begin_anew(self) -> None:
        """Put away a file that a power cut has broken: it held nothing that could not be lost."""
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._path.with_name(f"{self._path.name}{suffix}").unlink()
