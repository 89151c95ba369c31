"""What SQLite itself can do: a plain loop of the very statements that accepting a message writes with."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from benchmarks import filling
from benchmarks.measuring import Bench, Figure, Probe
from benchmarks.rates import POST
from benchmarks.units import Sqlite, provide
from blueport import clock
from blueport.server.addressing import queries as addressing
from blueport.server.authorizing import keys
from blueport.server.authorizing import queries as authorizing
from blueport.server.http import queries as answers
from blueport.server.ids import ChatId, OutboxId
from blueport.server.sending import queries as sending
from blueport.server.store.sqlite import store as sqlite
from blueport.server.store.tx import Given, Statement, Topic, Tx, Values

GROUP = 64
# What the ids of an accept are in the statements, until each has its own.
_OUTBOX_ID, _FINGERPRINT, _REQUEST_ID = "obx_id", "fingerprint", "req_id"
_TEXT = '{"from":"+15555550100","to":"+15550100001","text":"message 12345"}'
_DIALECT = SQLiteDialect_pysqlite(paramstyle="qmark")
_Written = tuple[str, list[Given]]
Row = TypeVar("Row")


def probes(bench: Bench) -> Sequence[Probe]:
    """Commit one accept at a time, and many."""
    path = bench.folder / "commits.db"
    writes = _writes(path)
    seconds = bench.options.seconds
    return [
        partial(_measured, f"SQLite's own writes of an accept, {count} a commit", path, writes, count, seconds)
        for count in (1, GROUP)
    ]


def _measured(name: str, path: Path, writes: list[_Written], count: int, seconds: float) -> list[Figure]:
    with closing(sqlite.connect(path)) as connection:
        began_at, done = time.perf_counter(), 0
        while time.perf_counter() - began_at < seconds:
            _commit(connection, writes, count)
            done += count
        return [Figure(name, done / (time.perf_counter() - began_at), "1/s", POST)]


def _commit(connection: sqlite3.Connection, writes: list[_Written], count: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(count):
        number = str(time.perf_counter_ns())
        for text, values in writes:
            connection.execute(text, [_own(value, number) for value in values])
    connection.execute("COMMIT")


def _own(value: Given, number: str) -> Given:
    return value + number if value in (_OUTBOX_ID, _FINGERPRINT, _REQUEST_ID) else value


def _writes(path: Path) -> list[_Written]:
    """Return the statements of one accept in a new file, each with its values."""
    key = keys.new_key()
    with closing(Sqlite(path)) as database:
        database.done(partial(provide, key=key, daemon_token=keys.new_daemon_token()))
        filling.add_messages(filling.sqlite(path, is_in_use=False), 1)
        item = database.done(partial(_item, key=key))
    recording = _Recording()
    sending.add(recording, item, 5)
    answers.note_unanswered(
        recording,
        account_id=item.account_id,
        fingerprint=_FINGERPRINT,
        request_id=_REQUEST_ID,
        process="a process",
        body=_TEXT,
    )
    answers.forget(recording, [(_FINGERPRINT, _REQUEST_ID)])
    return recording.written


def _item(tx: Tx, *, key: str) -> sending.Accepted:
    line, row = addressing.any_line(tx, filling.LINE), authorizing.live_key(tx, keys.digest(key))
    assert line is not None
    assert row is not None
    chat_id = ChatId(filling.BIG_CHAT)
    return sending.Accepted(OutboxId(_OUTBOX_ID), line.account_id, line.id, chat_id, row.id, "text", _TEXT)


class _Recording:
    """A transaction that changes nothing, and keeps what it was asked to change."""

    def __init__(self) -> None:
        self.now_ms = clock.now_ms()
        self.written: list[_Written] = []

    def all(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> list[Row]:  # noqa: ARG002 - a Tx
        return []

    def one(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> Row | None:  # noqa: ARG002 - a Tx
        return None

    def change(self, statement: Statement, **given: Given) -> int:
        text, values = statement.text_and_values(_DIALECT, given)
        self.written.append((text, list(values)))
        return 1

    def change_each(self, statement: Statement, each: Iterable[Values]) -> None:
        for values in each:
            self.change(statement, **values)

    def processes(self) -> frozenset[str]:
        return frozenset()

    def wake(self, topic: Topic) -> None:  # a Tx has it
        pass
