"""An old copy is put back: of the server's database, or of the daemon's journal."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.system.blueport import ADA, Blueport, running, until


def test_what_was_sent_after_the_copy_was_made_is_not_sent_again(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    with running(data) as blueport:
        blueport.texts(ADA, "Hi")
        until(lambda: blueport.api("GET", f"/v1/chats?from={blueport.line}")["data"])
        daemon = blueport.child("daemon")
        os.kill(daemon, signal.SIGSTOP)
        outbox_id = blueport.sends(ADA, "only once")
        _copy(data / "blueport.db", copy)
        assert _rows(copy, "SELECT status FROM outbox WHERE completed_at IS NULL")
        os.kill(daemon, signal.SIGCONT)
        until(lambda: _status(blueport, outbox_id) == "sent")
    _put_back(copy, data / "blueport.db")

    with running(data) as blueport:
        until(lambda: _status(blueport, outbox_id) == "sent")
        assert [bubble["text"] for bubble in blueport.phone(ADA)] == ["Hi", "only once"]


def test_what_the_daemon_handed_over_after_the_copy_was_made_is_not_handed_over_again(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    with running(data, BLUEPORT_DAEMON_NOT_NOW_RETRY_S="2") as blueport:
        blueport.texts(ADA, "Hi")
        until(lambda: blueport.api("GET", f"/v1/chats?from={blueport.line}")["data"])
        blueport.simulator("POST", "/faults", {"next": "error", "number": -1743})
        outbox_id = blueport.sends(ADA, "only once")
        until(lambda: _rows(data / "journal.db", "SELECT 1 FROM items WHERE nonce_before IS NOT NULL"))
        _copy(data / "journal.db", copy)
        until(lambda: len(blueport.phone(ADA)) == 2)
        blueport.stop(signal.SIGKILL)
    _put_back(copy, data / "journal.db")

    with running(data) as blueport:
        until(lambda: _status(blueport, outbox_id) in ("sent", "failed"))
        until(lambda: not _rows(data / "journal.db", "SELECT 1 FROM items"))
        assert [bubble["text"] for bubble in blueport.phone(ADA)] == ["Hi", "only once"]


def _copy(database: Path, copy: Path) -> None:
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def _put_back(copy: Path, database: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    copy.rename(database)


def _rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def _status(blueport: Blueport, outbox_id: str) -> str:
    return blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"]
