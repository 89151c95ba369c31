"""An old copy is put back, of the server's database or of the daemon's journal; or a journal works beside its copy."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.system.blueport import ADA, Blueport, Json, answer, running, until
from tests.warm import BLUEPORT


def test_what_was_sent_after_the_copy_was_made_is_not_sent_again(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    with running(data) as blueport:
        blueport.hears_first(ADA, "Hi")
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
        blueport.hears_first(ADA, "Hi")
        blueport.simulator("POST", "/faults", {"next": "advanced_off"})  # else it goes by imsg
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


def test_a_journal_of_hours_ago_tells_and_sends_nothing_twice(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    with running(data) as blueport:
        _hears(blueport, "Before")
        before = blueport.sends(ADA, "Out before")
        until(lambda: _status(blueport, before) == "sent")
        _copy(data / "journal.db", copy)
        guid = blueport.texts(ADA, "Between")
        blueport.simulator("POST", f"/people/{ADA}/reactions", {"guid": guid, "tapback": "love"})
        blueport.simulator("POST", f"/people/{ADA}/edits", {"guid": guid, "text": "Between, edited"})
        between = [blueport.sends(ADA, f"Out {n}") for n in range(5)]
        until(lambda: {_status(blueport, each) for each in between} == {"sent"})
        until(lambda: "Between, edited" in _heard(blueport))
        events = _events(blueport)
        blueport.stop(signal.SIGKILL)
    _age(copy, hours=5)
    _put_back(copy, data / "journal.db")

    with running(data) as blueport:
        _hears(blueport, "After")
        after = blueport.sends(ADA, "Out after")
        until(lambda: _status(blueport, after) == "sent")
        until(lambda: not _rows(data / "journal.db", "SELECT 1 FROM items UNION ALL SELECT 1 FROM sightings"))
        outs = ["Out before", *(f"Out {n}" for n in range(5)), "Out after"]
        assert [bubble["text"] for bubble in blueport.phone(ADA) if not bubble["from_me"]] == outs
        assert sorted(_heard(blueport)) == sorted(["Before", "Between, edited", "After", *outs])
        assert len(_events(blueport)) == len(events) + 2
        assert {_status(blueport, each) for each in between} == {"sent"}


class TestAtTheSameTime:
    """Two daemons, with one token, on a journal and a copy of it."""

    def test_on_one_mac_each_text_is_sent_once_at_most_and_told_once(self, tmp_path: Path) -> None:
        with running(tmp_path / "data", BLUEPORT_DAEMON_PROOF_TIMEOUT_S="3") as blueport:
            _hears(blueport, "Before")
            with _second_daemon(blueport, tmp_path / "data/mac", tmp_path):
                daemon = blueport.child("daemon")
                os.kill(daemon, signal.SIGSTOP)
                _hears(blueport, "By the second")
                os.kill(daemon, signal.SIGCONT)

                out, incoming = _both_ways(blueport, lambda text: blueport.texts(ADA, text))

            shown = [bubble["text"] for bubble in blueport.phone(ADA) if not bubble["from_me"]]
            _assert_once(blueport, out, shown)
            assert {text: _heard(blueport).count(text) for text in incoming} == dict.fromkeys(incoming, 1)

    def test_on_two_macs_each_text_is_sent_by_one_at_most_and_what_comes_to_either_is_told_once(
        self, tmp_path: Path
    ) -> None:
        second, port = tmp_path / "second mac", free_port()
        with running(tmp_path / "data", BLUEPORT_DAEMON_PROOF_TIMEOUT_S="3") as blueport:
            _hears(blueport, "Before")
            folder = {"SIMULATOR_FOLDER": str(second), "SIMULATOR_LINES": blueport.line}
            with _program(tmp_path, "simulate", "--port", f"{port}", **folder):
                until((second / "bin/osascript").exists)
                people = f"http://127.0.0.1:{port}/people/{ADA}/messages"
                with _second_daemon(blueport, second, tmp_path):

                    def texts(text: str) -> None:
                        if text.endswith(("0", "2", "4", "6", "8")):
                            blueport.texts(ADA, text)
                        else:
                            answer("POST", people, {"text": text}, {})

                    texts("To the second, number 1")
                    until(lambda: "To the second, number 1" in _heard(blueport))
                    out, incoming = _both_ways(blueport, texts)
                bubbles = [*blueport.phone(ADA), *answer("GET", people, None, {})]

            _assert_once(blueport, out, [bubble["text"] for bubble in bubbles if not bubble["from_me"]])
            assert {text: _heard(blueport).count(text) for text in incoming} == dict.fromkeys(incoming, 1)


def _both_ways(blueport: Blueport, texts: Callable[[str], object]) -> tuple[dict[str, str], list[str]]:
    """Have twenty texts sent and twenty come in, and wait for the end of all: items by their text, and what came."""
    out = {f"Out {n}": blueport.sends(ADA, f"Out {n}") for n in range(20)}
    incoming = [f"In {n}" for n in range(20)]
    for text in incoming:
        texts(text)
    until(lambda: {_status(blueport, item) for item in out.values()} <= {"sent", "failed"})
    until(lambda: set(incoming) <= set(_heard(blueport)))
    return out, incoming


def _assert_once(blueport: Blueport, out: dict[str, str], shown: list[str]) -> None:
    """Two daemons may leave open what became of a text, and say so; none comes twice, and none is said to be sent."""
    assert len(shown) == len(set(shown))
    items = {text: blueport.api("GET", f"/v1/outbox?id={item}") for text, item in out.items()}
    assert {text for text, item in items.items() if item["status"] == "sent"} <= set(shown)
    assert {item["error"] for item in items.values() if item["status"] == "failed"} <= {"outcome_unknown"}


@contextmanager
def _second_daemon(blueport: Blueport, mac: Path, folder: Path) -> Iterator[None]:
    """Run a daemon on *mac* with a copy of the journal of the one that runs."""
    token = json.loads((folder / "data/dev.json").read_text())["daemon_token"]
    _copy(folder / "data/journal.db", folder / "second.db")
    settings = {
        "DAEMON_SERVER_URL": blueport.said["api_url"],
        "DAEMON_TOKEN": token,
        "DAEMON_LINES": blueport.line,
        "DAEMON_CHAT_DB": str(mac / "Library/Messages/chat.db"),
        "DAEMON_JOURNAL": str(folder / "second.db"),
        "DAEMON_OSASCRIPT": str(mac / "bin/osascript"),
        "DAEMON_PROOF_TIMEOUT_S": "3",
        "DAEMON_PACE_MS": "0",
    }
    with _program(folder, "daemon", **settings):
        yield


@contextmanager
def _program(folder: Path, *command: str, **settings: str) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BLUEPORT_")}
    environment |= {f"BLUEPORT_{name}": value for name, value in settings.items()}
    with (folder / f"{command[0]}.log").open("ab") as log:
        process = subprocess.Popen([*BLUEPORT, *command], env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _hears(blueport: Blueport, text: str) -> None:
    blueport.texts(ADA, text)
    until(lambda: text in _heard(blueport))


def _heard(blueport: Blueport) -> list[str]:
    """Return what is in the chat with Ada, if there is one."""
    path = f"/v1/messages?from={quote(blueport.line)}&to={ADA}&limit=100"
    is_known = blueport.api("GET", f"/v1/chats?from={quote(blueport.line)}")["data"]
    return [message["text"] for message in blueport.api("GET", path)["data"]] if is_known else []


def _events(blueport: Blueport) -> list[Json]:
    return blueport.api("GET", "/v1/events?limit=100")["data"]


def _age(journal: Path, *, hours: int) -> None:
    """Have a journal last been written to so long ago."""
    ms = hours * 3_600_000
    with closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute("UPDATE reading SET read_at = read_at - ?, back_at = back_at - ?", (ms, ms))
        connection.execute("UPDATE watched SET until = until - ?", (ms,))
        connection.execute("UPDATE sights SET since = since - ?, unread_since = unread_since - ?", (ms, ms))


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
