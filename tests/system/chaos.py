"""`make chaos`: an installation whose every process is killed again and again, while people and an agent go on texting.

Whatever dies, a send that was accepted is on the phone once, one that was repeated until it was accepted too, a text is
one message and one event, and nothing is stuck. `test_fleet_deaths.py` runs a short one.

With `--only keys` fifty clients at once repeat one call under one Idempotency-Key, and ten others theirs without any.
With `--only webhooks` receivers fail at three of ten tries while servers die, stand still and have their clocks set;
with `--planted` too, a storm of this kind is to tell of each fault that is planted into a copy of the source.
With `--only acts` three people and an agent do all that one can do in Messages, while everything dies, sleeps and lies:
in the end the lists of the API equal the phones. It knows `--planted`, too.
"""

import argparse
import contextlib
import http.client
import json
import os
import queue
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests import postgres
from tests.databases import Database
from tests.postgres import psql
from tests.system import acts_planted, acts_storm, planted, storming, webhook_storm
from tests.system.blueport import Json, until
from tests.system.promises import Kept, judged
from tests.system.receiver import Heard, Receiver
from tests.system.site import Mac, Site, site

MESSAGES = 5_000
PEOPLE_OF_A_LINE = 3
ACTS_PER_BLOW = 40
EVENTS = ["message.received", "message.sent"]
# How long one call may take, and a client that repeats it goes on: less than the two minutes in which a repetition is
# known as such.
CALL_TIMEOUT_S = 30
ACCEPTED_WITHIN_S = 100
POINTS_WITHIN_S = 300
# Points where whoever comes there next is to die; and those that somebody asks for right before he does what is at
# stake there: a call without a name, or a text.
POINTS = [
    *("server.trying", "server.tried"),
    *("daemon.claimed", "daemon.granted", "daemon.begun", "daemon.handed", "daemon.outcome"),
]
POINTS_OF_CALLS = ["server.commit", "server.committed", "server.done", "server.looked"]
POINTS_OF_TEXTS = ["daemon.seen", "daemon.telling", "daemon.told"]
PROCESSES = [f"{role} {number}" for role in ("api", "worker", "daemon") for number in (1, 2)]
# What is done, to whom: `end` tells one of the two, the others have somebody die at a point.
BLOWS = [
    *[("kill", name) for name in PROCESSES],
    *[("end", role) for role in ("api", "worker", "daemon")],
    *[("point", name) for name in POINTS],
    *[("call", name) for name in POINTS_OF_CALLS],
    *[("text", name) for name in POINTS_OF_TEXTS],
]
BLOWS_ON_POSTGRES = [("kill", "backend"), ("end", "backend")]
# A crash takes no power from the disk: what was handed to the system is there. What was not is lost, as it should be.
POSTGRES_OPTIONS = {"synchronous_commit": "on", "full_page_writes": "on"}
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'blueport'"


class Plan(NamedTuple):
    """How much goes on, at least: sends and texts together, and for how long blows are dealt, so far apart."""

    messages: int
    seconds: float
    pause_s: float
    seed: int

    @property
    def each_s(self) -> float:
        """Return how long one of those who text waits between two texts."""
        blows = len(BLOWS) + len(BLOWS_ON_POSTGRES)
        return max(self.seconds, blows * self.pause_s) * 4 * PEOPLE_OF_A_LINE / self.messages


class Ambush:
    """Points of death that wait for somebody who does what is at stake there."""

    def __init__(self, failpoints: Path) -> None:
        self._failpoints = failpoints
        self._waiting: dict[str, queue.SimpleQueue[str]] = {"call": queue.SimpleQueue(), "text": queue.SimpleQueue()}

    def lay(self, what: str, point: str) -> None:
        """Have the next who does *what* bring death to that point."""
        self._waiting[what].put(point)

    def come(self, what: str) -> None:
        """Be about to do *what*."""
        with contextlib.suppress(queue.Empty):
            (self._failpoints / self._waiting[what].get_nowait()).touch()

    def left(self) -> list[str]:
        """Return the points that nobody has reached yet, and how many nobody has come for."""
        waiting = [f"{what}: {points.qsize()}" for what, points in self._waiting.items() if not points.empty()]
        return waiting + [path.name for path in self._failpoints.iterdir()]


class Agent:
    """A client like the official SDK, which writes to one person: it repeats a call that broke or met a 5xx."""

    def __init__(self, here: Site, mac: Mac, person: str, rng: random.Random, ambush: Ambush) -> None:
        self.mac = mac
        self.person = person
        self.accepted: dict[str, str] = {}
        self.repeated = 0
        self._here = here
        self._rng = rng
        self._ambush = ambush
        self._connection: http.client.HTTPConnection | None = None

    def does(self, number: int) -> None:
        """Send one text until it is accepted; every other one under a name of its own."""
        text = f"send {self.person} {number:04}"
        headers = {"Authorization": f"Bearer {self._here.key}"}
        if number % 2:
            headers["Idempotency-Key"] = text.replace(" ", "-")
        else:
            self._ambush.come("call")
        body = json.dumps({"from": self.mac.line, "to": self.person, "text": text})
        self.accepted[text] = until(lambda: self._posted(body, headers), ACCEPTED_WITHIN_S)["id"]

    def _posted(self, body: str, headers: dict[str, str]) -> Json:
        connection = self._connection or self._connected()
        try:
            connection.request("POST", "/v1/messages", body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
        else:
            assert response.status in (201, 503), content
            if response.status == 201:
                return json.loads(content)
        self.repeated += 1
        time.sleep(self._rng.uniform(0, 0.5))
        return None

    def _connected(self) -> http.client.HTTPConnection:
        port = self._rng.choice(self._here.ports)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_TIMEOUT_S)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Person:
    """Somebody who texts a line."""

    def __init__(self, mac: Mac, handle: str, ambush: Ambush) -> None:
        self.mac = mac
        self.handle = handle
        self._ambush = ambush
        self.texts: list[str] = []

    def does(self, number: int) -> None:
        text = f"text {self.handle} {number:04}"
        self._ambush.come("text")
        self.mac.texts(self.handle, text)
        self.texts.append(text)


class Killer:
    """Deals blows, all of them in any order, and then again until the time is over."""

    def __init__(self, here: Site, plan: Plan, ambush: Ambush) -> None:
        self.dealt: Counter[tuple[str, str]] = Counter()
        self._here = here
        self._plan = plan
        self._ambush = ambush
        self._blows = BLOWS + BLOWS_ON_POSTGRES if here.database.is_postgres else BLOWS
        self._rng = random.Random(plan.seed)

    def work(self) -> None:
        ends_at = time.monotonic() + self._plan.seconds
        while True:
            for what, whom in self._rng.sample(self._blows, len(self._blows)):
                time.sleep(self._rng.uniform(0.3, 1.7) * self._plan.pause_s)
                self._deal(what, whom)
                self.dealt[what, whom] += 1
            if time.monotonic() >= ends_at:
                break
        try:
            until(lambda: not self._ambush.left(), POINTS_WITHIN_S)
        except AssertionError:
            raise AssertionError(f"never reached: {self._ambush.left()} (seed {self._plan.seed})") from None

    def _deal(self, what: str, whom: str) -> None:
        if what == "point":
            (self._here.failpoints / whom).touch()
        elif what in ("call", "text"):
            self._ambush.lay(what, whom)
        elif whom == "backend":
            self._hit_backend(self._here.database.named, is_killed=what == "kill")
        elif what == "kill":
            self._here.hands.members[whom].send(signal.SIGKILL)
        else:
            self._here.hands.members[f"{whom} {self._rng.randint(1, 2)}"].send(signal.SIGTERM)

    def _hit_backend(self, url: str, *, is_killed: bool) -> None:
        pids = until(lambda: _lines_of(url, _BACKENDS))
        pid = int(self._rng.choice(pids))
        if not is_killed:
            psql(url, f"SELECT pg_terminate_backend({pid})")
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _lines_of(url: str, statement: str) -> list[str]:
    with contextlib.suppress(RuntimeError):  # it is coming back from the last blow
        return psql(url, statement).split()
    return []


def weather(database: Database, plan: Plan) -> Kept:
    """Run it on an empty database of a server of its own, and return what was kept.

    Raises:
        AssertionError: A promise was broken.
    """
    rng = random.Random(plan.seed)
    with site(database, plan.seed) as here, _receiving(rng) as (first, second):
        for receiver in (first, second):
            here.post("/v1/webhooks", {"from": "", "url": receiver.url, "events": EVENTS})
        ambush = Ambush(here.failpoints)
        handles = [(mac, f"+1555010{mac.name}{n:03}") for mac in here.macs for n in range(PEOPLE_OF_A_LINE)]
        people = [Person(mac, handle, ambush) for mac, handle in handles]
        agents = [Agent(here, mac, handle, random.Random(rng.random()), ambush) for mac, handle in handles]
        for person in people:
            person.does(0)
        until(lambda: here.database.sql("SELECT count(*) FROM chats") == [(len(people),)])
        killer = Killer(here, plan, ambush)
        _let_them_text(plan, killer, [*people, *agents])
        return judged(here, [first, second], people, agents, killer.dealt, plan.seed)


def _let_them_text(plan: Plan, killer: Killer, texting: list[Agent | Person]) -> None:
    """Have all of them text until the killer is done and enough was said."""
    is_over = threading.Event()

    def goes_on(who: Agent | Person, rng: random.Random) -> None:
        number = 0
        while not is_over.is_set() or number * len(texting) < plan.messages:
            number += 1
            who.does(number)
            time.sleep(rng.uniform(0, 2) * plan.each_s)

    with ThreadPoolExecutor(len(texting)) as threads:
        done = [threads.submit(goes_on, who, random.Random(f"{plan.seed} {n}")) for n, who in enumerate(texting)]
        try:
            killer.work()
        finally:
            is_over.set()
        for each in done:
            each.result()
    for who in texting:
        if isinstance(who, Agent):
            who.close()


@contextlib.contextmanager
def _receiving(rng: random.Random) -> Iterator[tuple[Receiver, Receiver]]:
    """Return two receivers that fail at the first try of some deliveries, and are slow with some."""
    with (
        Receiver(_moody(random.Random(rng.random()))) as first,
        Receiver(_moody(random.Random(rng.random()))) as second,
    ):
        yield first, second


def _moody(rng: random.Random) -> Callable[[Heard], int]:
    known: set[str] = set()

    def status_of(heard: Heard) -> int:
        delivery_id = heard.headers["x-webhook-delivery-id"]
        is_new = delivery_id not in known
        known.add(delivery_id)
        mood = rng.random()
        if is_new and mood < 0.05:
            time.sleep(rng.uniform(0.2, 1))
        return 500 if is_new and mood > 0.9 else 200

    return status_of


def main() -> None:
    options = _parser().parse_args()
    if options.planted:
        tell_of_all = acts_planted.tell_of_all if options.only == "acts" else planted.tell_of_all
        tell_of_all(_say, options.seed)
        return
    plan = Plan(options.messages or MESSAGES, options.minutes * 60, options.pause, options.seed)
    _say(f"chaos on {options.on}: {options.only or 'a fleet'}, seed {plan.seed}")
    folder = Path(tempfile.mkdtemp(prefix="blueport-chaos-"))
    _say(f"logs are in {folder / 'logs'} until it went well")
    if options.on == "sqlite":
        kept = _weathered(Database(str(folder / "blueport.db"), folder), plan, options)
    else:
        with postgres.running(**POSTGRES_OPTIONS) as server:
            kept = _weathered(Database(server.new_database(), folder), plan, options)
    _say(f"{kept}")
    shutil.rmtree(folder)


def _weathered(
    database: Database, plan: Plan, options: argparse.Namespace
) -> Kept | storming.Kept | webhook_storm.Kept | acts_storm.Kept:
    if options.only == "keys":
        return storming.storm(database, plan.seed, plan.seconds)
    if options.only == "webhooks":
        events = options.messages or webhook_storm.EVENTS
        return webhook_storm.storm(database, webhook_storm.Plan(events, plan.seed, per_blow=300, backlog=2_000))
    if options.only == "acts":
        acts = options.messages or acts_storm.ACTS
        return acts_storm.storm(database, acts_storm.Plan(acts, plan.seed, blows=max(1, acts // ACTS_PER_BLOW)))
    return weather(database, plan)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument(
        "--messages",
        type=int,
        help=f"sends and texts, at least ({MESSAGES}); of webhooks, events ({webhook_storm.EVENTS}); or acts"
        f" ({acts_storm.ACTS})",
    )
    parser.add_argument("--minutes", type=float, default=10, help="for how long processes are killed (10)")
    parser.add_argument("--pause", type=float, default=2, help="seconds between two blows, about (2)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of what is random")
    parser.add_argument("--on", choices=("postgres", "sqlite"), default="postgres", help="which store (postgres)")
    parser.add_argument(
        "--only",
        choices=("acts", "keys", "webhooks"),
        help="all that people do in Messages, equal calls under an Idempotency-Key, or deliveries, and nothing else",
    )
    parser.add_argument(
        "--planted", action="store_true", help="of webhooks or acts, whether planted faults are told of"
    )
    return parser


if __name__ == "__main__":
    main()
