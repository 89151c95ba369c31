"""An old copy of the server's database is put back."""

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
        with closing(sqlite3.connect(data / "blueport.db")) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            assert target.execute("SELECT status FROM outbox WHERE completed_at IS NULL").fetchall()
        os.kill(daemon, signal.SIGCONT)
        until(lambda: _status(blueport, outbox_id) == "sent")
    for file in data.glob("blueport.db*"):
        file.unlink()
    copy.rename(data / "blueport.db")

    with running(data) as blueport:
        until(lambda: _status(blueport, outbox_id) == "sent")
        assert [bubble["text"] for bubble in blueport.phone(ADA)] == ["Hi", "only once"]


def _status(blueport: Blueport, outbox_id: str) -> str:
    return blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"]
