"""The file itself: opened by one daemon only, written with every commit on disk.

All of it happens on the event loop's thread, where a transaction is a plain block without an await inside: nobody ever
sees half of one. Loops that wait for what others write here wait for an event, which the writing functions set.
"""

import asyncio
import fcntl
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

Cell = str | bytes | int | None
_Found = TypeVar("_Found")


class JournalInUseError(Exception):
    """Another daemon holds this journal."""


class Journal:
    """An open journal.

    `work`, `outcomes` and `news` are set when there is something to do, to report or to tell, `told` when some of that
    was told, `let_go` when items were dropped that the server may offer again, `fetches` and `uploads` when a file is
    to be brought from the server or to it. `performing` is the id of the item that Messages is being asked for.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
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
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk may have ended it already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def find(self, kind: type[_Found], query: str, *parameters: Cell) -> list[_Found]:
        """Return what *query* finds, each row as a *kind*: a tuple type, or a Struct of the same columns."""
        return [msgspec.convert(row, kind) for row in self._connection.execute(query, parameters)]

    def change(self, statement: str, *parameters: Cell) -> int:
        """Run *statement* and return how many rows it changed; outside of a transaction it is one of its own."""
        return self._connection.execute(statement, parameters).rowcount


@contextmanager
def opened_journal(path: Path) -> Iterator[Journal]:
    """Open the journal at *path*, a new one if there is none.

    Raises:
        JournalInUseError: Another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with held(path):
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            _prepare(connection)
            yield Journal(connection)
        finally:
            connection.close()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Have the journal at *path* for this process alone, whether there is one or not.

    Raises:
        JournalInUseError: Another process holds it.
    """
    # The lock has a file of its own: SQLite drops all locks on its file when any descriptor of it is closed.
    lock = path.with_name(path.name + ".lock")
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise JournalInUseError(f"Another daemon is running on this journal (it holds {lock}).") from error
    finally:
        os.close(descriptor)


def _prepare(connection: sqlite3.Connection) -> None:
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
