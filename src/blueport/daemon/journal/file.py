"""The file itself: opened by one daemon only, written with every commit on disk.

It says what may be in Messages and what the server was told. So a journal that is damaged is not replaced by a new one,
which would know of nothing: the daemon ends.

All of it happens on the event loop's thread, where a transaction is a plain block without an await inside: nobody ever
sees half of one. Loops that wait for what others write here wait for an event, which the writing functions set.
"""

import asyncio
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from blueport.clock import now_ms
from blueport.daemon.journal.migrations import MIGRATIONS
from blueport.lock_files import LockedError, locked

Cell = str | bytes | int | None
# The lower bits of an error of SQLite say what it is, the others more of it.
_PRIMARY = 0xFF
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_Found = TypeVar("_Found")


class JournalInUseError(Exception):
    """Another daemon holds this journal."""


class JournalDamagedError(Exception):
    """What is in the file is no journal, or no longer a whole one."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The journal {path} is damaged. It knows what was handed over to Messages and what the server was told:"
            " put back the newest copy of it that there is. Without one, move it away, and all files that are named"
            " after it: what was handed over and not told yet ends as `outcome_unknown` then, and what came in since"
            " is not told."
        )


class Journal:
    """An open journal; all its methods raise JournalDamagedError if it is one.

    `work`, `outcomes` and `news` are set when there is something to do, to report or to tell, `told` when some of that
    was told, `let_go` when items were dropped that the server may offer again, `fetches` and `uploads` when a file is
    to be brought from the server or to it. `performing` is the id of the item that Messages is being asked for.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self.work = asyncio.Event()
        self.outcomes = asyncio.Event()
        self.news = asyncio.Event()
        self.told = asyncio.Event()
        self.let_go = asyncio.Event()
        self.fetches = asyncio.Event()
        self.uploads = asyncio.Event()
        self.performing: str | None = None
        [(self.id, self.created_at)] = self.find(tuple[str, int], "SELECT journal, created_at FROM identity")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all that is written inside durable at once, or none of it."""
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            # A full disk may have ended it already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def find(self, kind: type[_Found], query: str, *parameters: Cell) -> list[_Found]:
        """Return what *query* finds, each row as a *kind*: a tuple type, or a Struct of the same columns."""
        with _damage_told(self._path):
            return [msgspec.convert(row, kind) for row in self._connection.execute(query, parameters)]

    def change(self, statement: str, *parameters: Cell) -> int:
        """Run *statement* and return how many rows it changed; outside of a transaction it is one of its own."""
        return self._execute(statement, *parameters).rowcount

    def _execute(self, statement: str, *parameters: Cell) -> sqlite3.Cursor:
        with _damage_told(self._path):
            return self._connection.execute(statement, parameters)


@contextmanager
def opened_journal(path: Path) -> Iterator[Journal]:
    """Open the journal at *path*, a new one if there is none.

    Raises:
        JournalInUseError: Another process holds it.
        JournalDamagedError: It is no journal any more.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with held(path) as lock:
        _require_content(path, lock)
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            with _damage_told(path):
                _prepare(connection, path)
            journal = Journal(connection, path)
            _write_name(lock, journal.id)
            yield journal
        finally:
            connection.close()


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & _PRIMARY in _DAMAGE:
            raise JournalDamagedError(path) from error
        raise


def _require_content(path: Path, lock: int) -> None:
    """Refuse a file that lost all it had: SQLite would take it for a new one."""
    if os.pread(lock, 1, 0) and path.exists() and path.stat().st_size == 0:
        raise JournalDamagedError(path)


def _write_name(lock: int, name: str) -> None:
    """Leave in the file that is locked which journal it was for; who cannot write it has no disk for more either."""
    os.pwrite(lock, name.encode(), 0)


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Have the journal at *path* for this process alone, whether there is one or not; the lock's file is yielded.

    Raises:
        JournalInUseError: Another process holds it.
    """
    # The lock has a file of its own: SQLite drops all locks on its file when any descriptor of it is closed.
    lock = path.with_name(path.name + ".lock")
    try:
        with locked(lock) as descriptor:
            yield descriptor
    except LockedError as error:
        raise JournalInUseError(f"Another daemon is running on this journal (it holds {lock}).") from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise JournalDamagedError(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    for version in range(_version(connection) + 1, len(MIGRATIONS) + 1):
        statements = MIGRATIONS[version - 1]
        connection.executescript(f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {version}; COMMIT;")
    if not connection.execute("SELECT 1 FROM identity").fetchone():
        connection.execute("INSERT INTO identity VALUES (?, ?)", (f"jrn_{secrets.token_hex(16)}", now_ms()))


def _version(connection: sqlite3.Connection) -> int:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    # The first journals did not say which version they are.
    is_first = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'identity'").fetchone()
    return int(version or bool(is_first))
