"""Server and daemon are killed while 500 messages go out: at random, and at every named point."""

import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.patience import PATIENCE_S
from tests.system.blueport import ADA, Blueport, Json, running, until
from tests.system.dying import END_WITHIN_S, ended, strike
from tests.system.receiver import Receiver

SENDS = 500
RANDOM_DEATHS = 16
# The seed of the random part; a failure prints it, and it is another one at each run.
SEED = random.randrange(2**32)
POINTS = [
    "server.commit",
    "server.committed",
    "daemon.offered",
    "daemon.claimed",
    "daemon.named",
    "daemon.granted",
    "daemon.begun",
    "daemon.handed",
    "daemon.outcome",
    "daemon.seen",
    "daemon.telling",
    "daemon.told",
    "daemon.acknowledged",
]
# Here the daemon may die between the intent of a hand-over and the hand-over: what it looks for while it hands over
# the next item is found in the midst of that. Only then is one outcome allowed to be unknown.
CUTS_A_HAND_OVER = {"daemon.begun", "daemon.seen", "daemon.telling", "daemon.told", "daemon.acknowledged"}


class Agent:
    """A client like the official SDK: it repeats a POST whose connection broke, word for word."""

    def __init__(self, blueport: Blueport, rng: random.Random, *, names_requests: bool = True) -> None:
        self._names_requests = names_requests
        self.accepted: dict[str, str] = {}
        self._blueport = blueport
        self._rng = rng
        self._address = urlsplit(blueport.said["api_url"]).netloc

    def sends(self, text: str) -> None:
        body = {"from": self._blueport.line, "to": ADA, "text": text}
        headers = self._headers()
        if self._names_requests and self._rng.random() < 0.5:
            headers["Idempotency-Key"] = text.replace(" ", "-")
        answer = until(lambda: self._posted(json.dumps(body), headers))
        self.accepted[text] = answer["id"]

    def gives_up_on(self, text: str, meanwhile: Callable[[], None] = lambda: None) -> bool:
        """Ask, wait a moment, and hang up; say whether there was no answer by then."""
        body = json.dumps({"from": self._blueport.line, "to": ADA, "text": text})
        with contextlib.closing(http.client.HTTPConnection(self._address, timeout=0.2)) as connection:
            connection.request("POST", "/v1/messages", body, self._headers())
            meanwhile()
            try:
                connection.getresponse()
            except TimeoutError:
                return True
            return False

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._blueport.said['api_key']}"}

    def _posted(self, body: str, headers: dict[str, str]) -> Json:
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE_S)
        try:
            connection.request("POST", "/v1/messages", body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        assert response.status in (201, 503), content
        return json.loads(content) if response.status == 201 else None


@pytest.mark.timeout(600)
def test_of_500_sends_none_is_lost_none_doubled_and_each_ends(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    failpoints = tmp_path / "failpoints"
    failpoints.mkdir()
    with running(
        tmp_path / "data", BLUEPORT_FAILPOINTS=str(failpoints), BLUEPORT_DAEMON_PROOF_TIMEOUT_S="5"
    ) as blueport:
        _ada_has_written(blueport)
        agent = Agent(blueport, rng)
        blows = [*POINTS, *["serve", "daemon"] * (RANDOM_DEATHS // 2)]
        deaths = threading.Thread(target=strike, args=(blueport, failpoints, blows, random.Random(SEED), 0.9))
        deaths.start()

        for number in range(SENDS):
            agent.sends(f"message {number:03}")
            time.sleep(rng.uniform(0, 0.04))
        deaths.join()
        items = {text: ended(blueport, outbox_id) for text, outbox_id in agent.accepted.items()}

        assert not list(failpoints.iterdir()), "a named point was never reached"
        _assert_kept_promises(blueport, agent, items)


@pytest.mark.parametrize("point", POINTS)
def test_death_at_a_named_point_neither_loses_nor_doubles(tmp_path: Path, point: str) -> None:
    failpoints = tmp_path / "failpoints"
    failpoints.mkdir()
    with running(
        tmp_path / "data", BLUEPORT_FAILPOINTS=str(failpoints), BLUEPORT_DAEMON_PROOF_TIMEOUT_S="3"
    ) as blueport:
        _ada_has_written(blueport)
        agent = Agent(blueport, random.Random(0))
        (failpoints / point).touch()

        for number in range(5):
            agent.sends(f"message {number}")
        items = {text: ended(blueport, outbox_id) for text, outbox_id in agent.accepted.items()}

        assert not (failpoints / point).exists(), "the point was never reached"
        _assert_kept_promises(blueport, agent, items)
        unknown = [text for text, item in items.items() if item["status"] == "failed"]
        assert len(unknown) <= (1 if point in CUTS_A_HAND_OVER else 0)


def test_a_request_repeated_while_the_server_stood_still_is_done_once(tmp_path: Path) -> None:  # srv-127
    with running(tmp_path / "data") as blueport:
        _ada_has_written(blueport)
        agent = Agent(blueport, random.Random(0), names_requests=False)
        server = blueport.child("serve")

        for number in range(20):
            os.kill(server, signal.SIGSTOP)
            agent.gives_up_on(f"message {number:02}")
            repeated = threading.Thread(target=agent.sends, args=(f"message {number:02}",))
            repeated.start()
            agent.gives_up_on(f"other {number:02}")  # so that the repetition has arrived, too
            os.kill(server, signal.SIGCONT)
            repeated.join()

        texts = [f"message {number:02}" for number in range(20)]
        until(lambda: len(_shown(blueport)) >= 20 and _nothing_waits(blueport, agent), END_WITHIN_S)
        assert [text for text in _shown(blueport) if text.startswith("message")] == texts


def test_a_request_repeated_because_the_server_stopped_in_the_midst_of_it_is_done_once(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    with running(tmp_path / "data") as blueport:
        _ada_has_written(blueport)
        agent = Agent(blueport, rng, names_requests=False)
        server = blueport.child("serve")

        def stops() -> None:
            time.sleep(rng.uniform(0, 0.004))
            os.kill(server, signal.SIGSTOP)

        for number in range(30):
            text = f"message {number:02}"
            was_unanswered = agent.gives_up_on(text, meanwhile=stops)
            repeated = threading.Thread(target=agent.sends, args=(text,))
            if was_unanswered:
                repeated.start()
                time.sleep(0.02)  # so that the repetition has arrived
            os.kill(server, signal.SIGCONT)
            if was_unanswered:
                repeated.join()

        until(lambda: _nothing_waits(blueport, agent), END_WITHIN_S)
        shown = [text for text in _shown(blueport) if text in agent.accepted]
        assert shown == list(agent.accepted), SEED


@pytest.mark.parametrize("point", ["server.done", "server.looked"])
def test_a_request_repeated_because_the_server_stopped_just_before_it_answered_is_done_once(
    tmp_path: Path, point: str
) -> None:
    failpoints = tmp_path / "failpoints"
    failpoints.mkdir()
    with running(tmp_path / "data", BLUEPORT_FAILPOINTS=str(failpoints)) as blueport:
        _ada_has_written(blueport)
        agent = Agent(blueport, random.Random(0), names_requests=False)

        for text in ("message 0", "message 1", "message 2"):
            (failpoints / point).write_text("SIGSTOP")
            assert agent.gives_up_on(text)
            os.kill(blueport.child("serve"), signal.SIGCONT)
            agent.sends(text)

        assert not (failpoints / point).exists(), "the point was never reached"
        until(lambda: _nothing_waits(blueport, agent), END_WITHIN_S)
        assert [text for text in _shown(blueport) if text in agent.accepted] == list(agent.accepted)


# srv-021, srv-022, srv-034, srv-036, hook-17: whatever was seen is told.
def test_a_person_who_texts_while_everything_dies_is_heard_once_for_each_text(tmp_path: Path) -> None:
    rng = random.Random(1)
    with running(tmp_path / "data") as blueport, Receiver() as receiver:
        hook = {"from": "", "url": receiver.url, "events": ["message.received"]}
        blueport.api("POST", "/v1/webhooks", hook)
        for number in range(60):
            blueport.texts(ADA, f"text {number:02}")
            if number % 6 == 0:
                os.kill(blueport.child(rng.choice(["serve", "daemon"])), signal.SIGKILL)

        heard = until(lambda: _heard_all(blueport, 60), END_WITHIN_S)

        texts = [f"text {number:02}" for number in range(60)]
        assert sorted(heard) == sorted(_told(blueport, "message.received")) == texts
        until(lambda: len(_by_delivery(receiver)) >= 60, END_WITHIN_S)
        assert sorted(_by_delivery(receiver).values()) == texts


def _ada_has_written(blueport: Blueport) -> None:
    blueport.hears_first(ADA, "Hi")


def _heard_all(blueport: Blueport, how_many: int) -> list[str] | None:
    try:
        page = blueport.api("GET", f"/v1/messages?from={blueport.line}&to={ADA}&limit=100")
    except (OSError, AssertionError):
        return None
    return [message["text"] for message in page["data"]] if len(page["data"]) >= how_many else None


def _told(blueport: Blueport, kind: str) -> list[str]:
    """Return the texts of all events of a kind."""
    pages = [blueport.api("GET", f"/v1/events?events={kind}&limit=100")]
    while pages[-1]["has_more"]:
        after = pages[-1]["next_cursor"]
        pages.append(blueport.api("GET", f"/v1/events?events={kind}&limit=100&after={after}"))
    return [event["data"]["text"] for page in pages for event in page["data"]]


def _by_delivery(receiver: Receiver) -> dict[str, str]:
    """Return the texts that a receiver has heard, each once for its delivery."""
    return {heard.event["delivery_id"]: heard.event["data"]["text"] for heard in [*receiver.heard]}


def _shown(blueport: Blueport) -> list[str]:
    return [bubble["text"] for bubble in blueport.phone(ADA) if not bubble["from_me"]]


def _nothing_waits(blueport: Blueport, agent: Agent) -> bool:
    return all(
        blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"] == "sent" for outbox_id in agent.accepted.values()
    )


def _assert_kept_promises(blueport: Blueport, agent: Agent, items: dict[str, Json]) -> None:
    shown = _shown(blueport)
    sent = {text for text, item in items.items() if item["status"] == "sent"}
    failed = {text: item["error"] for text, item in items.items() if item["status"] == "failed"}

    assert len(shown) == len(set(shown)), f"a message is doubled on the phone (seed {SEED})"
    assert sent <= set(shown), f"a message that is called sent is not on the phone (seed {SEED})"
    assert set(shown) <= set(agent.accepted), "a message came out of nowhere"
    assert set(failed.values()) <= {"outcome_unknown"}, failed
    told = _told(blueport, "message.sent")
    assert len(told) == len(set(told)), f"a message is told twice (srv-008, seed {SEED})"
    assert sent <= set(told) <= set(agent.accepted), f"a message that is called sent is not told (seed {SEED})"
    assert shown == sorted(shown), f"the order of acceptance was not kept (seed {SEED})"
    assert len(set(agent.accepted.values())) == len(agent.accepted), "two texts share an outbox item"
