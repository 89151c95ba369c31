"""All three processes are killed while an agent and a person send each other texts, files, voices and tapbacks."""

import base64
import contextlib
import http.client
import json
import random
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.patience import PATIENCE_S
from tests.server.test_voice_messages import sound
from tests.system.blueport import ADA, Blueport, Json, running, until
from tests.system.dying import END_WITHIN_S, ended, strike
from tests.system.receiver import Receiver

ROUNDS = 10
# Of each round: what the agent does, one after the other.
KINDS = ("text", "file", "pair", "voice", "tapback", "typing")
# The seed of it all; a failure prints it, and it is another one at each run.
SEED = random.randrange(2**32)
# Named points, and processes that are killed wherever they are.
BLOWS = [
    *("server.commit", "server.committed", "server.file_placed"),
    *("daemon.placed", "daemon.fetched", "daemon.begun", "daemon.handed", "daemon.outcome"),
    *("daemon.seen", "daemon.told", "daemon.brought", "daemon.signalled"),
    *("simulator.row", "simulator.attached", "simulator.shown"),
    *["serve", "daemon", "simulate"] * 2,
]
# A Mac whose Messages is away for a moment has no way for these, and says so.
NO_BRIDGE = "advanced_features_required"
EVENTS = ["message.received", "message.sent", "reaction.added", "reaction.removed"]


class Item(NamedTuple):
    """What the agent was promised: its kind, and by what it is known on the phone."""

    kind: str
    name: str


class Agent:
    """A client that repeats a call until it is answered, word for word."""

    def __init__(self, blueport: Blueport, rng: random.Random, voice: bytes) -> None:
        self.accepted: dict[str, Item] = {}
        self._blueport = blueport
        self._rng = rng
        self._voice = voice

    def does(self, kind: str, number: int, about: str) -> None:
        name = f"{kind} {number:02}"
        match kind:
            case "text":
                outbox_id = self._asked("/v1/messages", text=name)
            case "file":
                outbox_id = self._asked("/v1/messages", attachments=[self._uploaded(f"{name}.png", content_of(name))])
            case "pair":
                files = [self._uploaded(f"{name}.png", content_of(name))]
                outbox_id = self._asked("/v1/messages", text=name, attachments=files)
            case "voice":
                outbox_id = self._asked("/v1/audio-messages", audio_message=self._uploaded(f"{name}.m4a", self._voice))
            case "tapback":
                outbox_id = self._asked("/v1/reactions", message_id=about, type="love")
            case _:
                outbox_id = self._asked("/v1/typing", state="on")
        self.accepted[outbox_id] = Item(kind, about if kind == "tapback" else name)

    def _asked(self, path: str, **asked: Json) -> str:
        body = json.dumps({"from": self._blueport.line, "to": ADA, **asked}).encode()
        headers = {"Content-Type": "application/json"}
        # Typing is the same word for word each time: without a name, what a death has answered is answered again.
        if path == "/v1/typing" or self._rng.random() < 0.5:
            headers["Idempotency-Key"] = f"{self._rng.random()}"
        return until(lambda: self._posted(path, body, headers), END_WITHIN_S)

    def _uploaded(self, name: str, content: bytes) -> str:
        headers = {"X-Filename": name, "Content-Type": "audio/mp4" if name.endswith("m4a") else "image/png"}
        return until(lambda: self._posted("/v1/files", content, headers), END_WITHIN_S)

    def _posted(self, path: str, body: bytes, headers: dict[str, str]) -> str | None:
        key = {"Authorization": f"Bearer {self._blueport.said['api_key']}"}
        request = urllib.request.Request(self._blueport.said["api_url"] + path, body, headers | key)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return json.load(answer)["id"]
        except urllib.error.HTTPError as error:
            said = error.read()
            if error.code != 503 and NO_BRIDGE.encode() not in said:
                raise
        except (OSError, http.client.HTTPException):
            pass
        return None


class Person:
    """Ada, who texts, sends files and reacts; what of it her phone took is on her phone."""

    def __init__(self, blueport: Blueport, rng: random.Random) -> None:
        self._blueport = blueport
        self._rng = rng

    def lives(self, targets: list[str]) -> None:
        for number, target in enumerate(targets):
            self._does("messages", {"text": f"ada {number:02}"})
            self._does("messages", {"text": f"look {number:02}", "attachment": photo(f"ada {number:02}.png")})
            self._does("reactions", {"guid": target, "tapback": "laugh"})
            if number % 3 == 1:
                self._does("reactions", {"guid": target, "tapback": "like"})
            if number % 3 == 2:
                self._does("reactions", {"guid": target, "tapback": "question"})
                self._does("reactions", {"guid": target, "remove": True})
            late = {"attachment": photo(f"late {number:02}.png"), "file_after_ms": 700}
            self._does("messages", late)

    def _does(self, what: str, body: Json) -> None:
        time.sleep(self._rng.uniform(0, 0.15))
        # Whether her phone took it is known to her phone alone; the simulated Mac may be dead.
        with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
            self._blueport.simulator("POST", f"/people/{ADA}/{what}", body)


@pytest.mark.timeout(600)
def test_of_files_voices_and_tapbacks_none_is_lost_none_doubled_and_each_ends(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    failpoints = tmp_path / "failpoints"
    failpoints.mkdir()
    voice = sound(tmp_path / "memo.m4a", "m4a")
    settings = {"BLUEPORT_FAILPOINTS": str(failpoints), "BLUEPORT_DAEMON_PROOF_TIMEOUT_S": "3"}
    with Receiver() as receiver, running(tmp_path / "data", **settings) as blueport:
        blueport.api("POST", "/v1/webhooks", {"from": "", "url": receiver.url, "events": EVENTS})
        targets = [blueport.texts(ADA, f"about {number:02}") for number in range(ROUNDS)]
        until(lambda: len(messages(blueport)) == ROUNDS)
        agent, person = Agent(blueport, rng, voice), Person(blueport, random.Random(SEED))
        others = [
            threading.Thread(target=person.lives, args=(list(targets),)),
            threading.Thread(target=strike, args=(blueport, failpoints, BLOWS, random.Random(SEED), 0.6)),
        ]
        for other in others:
            other.start()

        rounds = ((number, kind) for number in range(ROUNDS) for kind in KINDS)
        for number, kind in rounds:
            agent.does(kind, number, targets[number])
            time.sleep(rng.uniform(0, 0.2))
        for other in others:
            other.join()
        items = {outbox_id: ended(blueport, outbox_id) for outbox_id in agent.accepted}

        until(lambda: is_all_told(blueport, receiver), END_WITHIN_S)
        assert_each_ended_well(agent, items)
        assert_the_phone_shows_each_once(blueport, agent, items)
        assert_each_file_is_to_be_had(blueport)
        assert_each_event_is_one(receiver)
        until(lambda: nothing_waits(tmp_path / "data"), END_WITHIN_S)
        assert not list(failpoints.iterdir()), "a named point was never reached"
    assert_rows_and_bytes_agree(tmp_path / "data")


# What the API tells


def messages(blueport: Blueport) -> list[Json]:
    page = asked(blueport, f"/v1/messages?from={quote(blueport.line)}&to={quote(ADA)}&limit=100")
    return [] if page is None else page["data"]


def reactions(blueport: Blueport, guid: str) -> Counter[tuple[str, str]]:
    page = asked(blueport, f"/v1/reactions?message_id={guid}") or {"data": []}
    return Counter((each["sender"], each["type"]) for each in page["data"])


def asked(blueport: Blueport, path: str) -> Json:
    try:
        return blueport.api("GET", path)
    except (OSError, http.client.HTTPException, AssertionError):
        return None  # the server is being killed, or does not know it yet


def is_all_told(blueport: Blueport, receiver: Receiver) -> bool:
    """Say whether the API and the webhook know all that the phone shows, and no more."""
    shown = blueport.phone(ADA)
    known = messages(blueport)
    if Counter(each["guid"] for each in shown) != Counter(each["guid"] for each in known):
        return False
    if any(attachment["url"] is None for each in known for attachment in each["attachments"]):
        return False
    if any(reactions(blueport, each["guid"]) != reactions_on_phone(each) for each in shown):
        return False
    heard = {each.event["data"]["id"] for each in receiver.heard}
    return {each["id"] for each in known} <= heard


def reactions_on_phone(bubble: Json) -> Counter[tuple[str, str]]:
    return Counter((each["sender"], each["tapback"]) for each in bubble["reactions"])


# What was promised


def assert_each_ended_well(agent: Agent, items: dict[str, Json]) -> None:
    assert len(agent.accepted) == ROUNDS * len(KINDS), "two sends share an outbox item"
    errors = {item["error"] for outbox_id, item in items.items() if agent.accepted[outbox_id].kind != "typing"}
    assert errors <= {None, "outcome_unknown", NO_BRIDGE}, f"{errors} (seed {SEED})"


def assert_the_phone_shows_each_once(blueport: Blueport, agent: Agent, items: dict[str, Json]) -> None:
    shown = [bubble for bubble in blueport.phone(ADA) if not bubble["from_me"]]
    names = [name_of(bubble) for bubble in shown if not bubble["is_audio"]]
    expected = [part for item in agent.accepted.values() for part in parts_of(item)]
    by_item = Counter(message["outbox_id"] for message in messages(blueport))

    assert len(names) == len(set(names)), f"something is doubled on the phone (seed {SEED})"
    assert names == [name for name in expected if name in names], f"the order was not kept (seed {SEED})"
    for outbox_id, item in agent.accepted.items():
        is_sent = items[outbox_id]["status"] == "sent"
        count = 2 if item.kind == "pair" else 1
        if item.kind in ("text", "file", "pair", "voice") and is_sent:
            assert set(parts_of(item)) <= set(names), f"{item} is called sent, but is not on the phone (seed {SEED})"
            assert by_item[outbox_id] == count, f"{item} is not the item of {count} messages (seed {SEED})"
    sent = [item for outbox_id, item in agent.accepted.items() if items[outbox_id]["status"] == "sent"]
    voices = sum(bubble["is_audio"] for bubble in shown)
    unknown = sum(
        items[each]["error"] == "outcome_unknown" for each, item in agent.accepted.items() if item.kind == "voice"
    )
    assert 0 <= voices - sum(item.kind == "voice" for item in sent) <= unknown, f"voices (seed {SEED})"
    loved = {bubble["guid"] for bubble in blueport.phone(ADA) if (blueport.line, "love") in reactions_on_phone(bubble)}
    assert {item.name for item in sent if item.kind == "tapback"} <= loved, f"a tapback is missing (seed {SEED})"


def parts_of(item: Item) -> list[str]:
    match item.kind:
        case "text":
            return [item.name]
        case "file":
            return [f"{item.name}.png"]
        case "pair":
            return [item.name, f"{item.name}.png"]
        case _:
            return []


def name_of(bubble: Json) -> str:
    return bubble["text"] or bubble["attachments"][0]["filename"]


def assert_each_file_is_to_be_had(blueport: Blueport) -> None:
    """Each file, also those of messages whose item ended as unknown, has the bytes that the phone shows."""
    of_guid = {message["guid"]: message for message in messages(blueport)}
    for bubble in blueport.phone(ADA):
        for file, attachment in zip(bubble["attachments"], of_guid[bubble["guid"]]["attachments"], strict=True):
            on_phone = bytes_at(f"{blueport.said['simulator_url']}/people/{ADA}/files/{file['guid']}")
            assert bytes_at(attachment["url"]) == on_phone
            if not bubble["is_audio"]:
                assert on_phone == content_of(file["filename"].removesuffix(".png"))


def assert_each_event_is_one(receiver: Receiver) -> None:
    """A fact may be heard twice, under one id; it is never two."""
    ids: dict[tuple[str, str], set[str]] = {}
    for each in receiver.heard:
        ids.setdefault((each.event["event"], each.event["data"]["id"]), set()).add(each.event["delivery_id"])
    assert {len(delivery_ids) for delivery_ids in ids.values()} == {1}, f"an event is doubled (seed {SEED})"


def nothing_waits(folder: Path) -> bool:
    """Say whether server and daemon have nothing left to do."""
    return not any(
        count_of(folder / database, query)
        for database, query in (
            ("blueport.db", "SELECT COUNT(*) FROM outbox WHERE completed_at IS NULL"),
            ("blueport.db", "SELECT COUNT(*) FROM signals WHERE completed_at IS NULL"),
            ("blueport.db", "SELECT COUNT(*) FROM deliveries WHERE completed_at IS NULL"),
            ("journal.db", "SELECT COUNT(*) FROM items"),
            ("journal.db", "SELECT COUNT(*) FROM sightings"),
            ("journal.db", "SELECT COUNT(*) FROM uploads WHERE is_over = 0"),
        )
    )


def count_of(database: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchone()[0]


def assert_rows_and_bytes_agree(folder: Path) -> None:
    count = count_of(folder / "blueport.db", "SELECT COUNT(*) FROM deliveries WHERE state != 'delivered'")
    assert count == 0, f"a delivery was not made (seed {SEED})"
    assert count_of(folder / "blueport.db", "SELECT COUNT(*) FROM reactions WHERE message_id IS NULL") == 0
    with contextlib.closing(sqlite3.connect(folder / "blueport.db")) as connection:
        keys = {key for (key,) in connection.execute("SELECT storage_key FROM files")}
    assert all((folder / "files" / key).is_file() for key in keys), f"bytes are missing (seed {SEED})"
    stored = {path for path in (folder / "files").glob("??/*") if path.suffix != ".voice"}
    # Each death of the server may leave bytes of which no row tells; they are swept when they are a day old.
    assert len(stored) - len(keys) <= len(BLOWS)


def photo(name: str) -> Json:
    content = base64.b64encode(content_of(name.removesuffix(".png"))).decode()
    return {"filename": name, "base64": content, "mime_type": "image/png"}


def content_of(name: str) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + name.encode() * 5000


def bytes_at(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return answer.read()
