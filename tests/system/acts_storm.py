"""Three people and an agent do all that one can do in Messages, while processes die and sleep, and Messages lies.

`test_acts_storm.py` runs a short storm, `make chaos ARGS="--only acts"` one of 5,000 acts. In the end the lists of the
API equal the phones: how that is judged is in `agreement.py`, that it would tell of faults in `acts_planted.py`.
"""

import contextlib
import json
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.databases import Database
from tests.server.test_voice_messages import sound
from tests.system.acting import Agent, Person, Tally
from tests.system.acts_place import LINE, PEOPLE, Place, place
from tests.system.agreement import breaches
from tests.system.blueport import Json, until
from tests.system.both_sides import BROKEN, lists, phones

ACTS = 5_000
# A send that was late is later than it is looked for.
TOO_LATE_MS = 8_000
POINTS_WITHIN_S = 90
# What is waited for while nothing changes; what it takes until a look at everything finds all as it should be.
STANDSTILL_S = 60
SETTLED_WITHIN_S = 25
SLEEP_S = (0.3, 2.5)
PROCESSES = ("server", "daemon", "mac")
POINTS = (
    *("server.commit", "server.committed", "server.file_placed"),
    *("daemon.seen", "daemon.telling", "daemon.told", "daemon.brought", "daemon.placed", "daemon.fetched"),
    *("daemon.claimed", "daemon.granted", "daemon.begun", "daemon.handed", "daemon.outcome"),
    *("simulator.put_down", "simulator.row", "simulator.body", "simulator.linked", "simulator.attached"),
    *("simulator.changed", "simulator.late", "simulator.shown", "simulator.sent"),
)
FAULTS: tuple[Json, ...] = (
    *({"next": "hang"}, {"next": "silent"}, {"next": "ghost"}, {"next": "hang_after"}, {"next": "flag_flips"}),
    *({"next": "error", "number": number} for number in (-1728, -600, -609, -1712, -1743, -10000)),
    *({"next": "undelivered"}, {"next": "undelivered", "number": 4}),
    *({"next": "late", "after_ms": 700}, {"next": "late", "after_ms": TOO_LATE_MS}),
    *({"next": word, "on": "signal"} for word in ("hang", "silent", "error")),
    *({"next": word, "on": "imsg"} for word in ("busy", "in_flight", "dies", "slow")),
)
ODDITIES = ("rebuilt", "echo", "to_self")
# What is dealt, to whom or by which word.
Blow = tuple[str, str]
BLOWS: tuple[Blow, ...] = (
    *(("kill", name) for name in PROCESSES),
    *(("sleep", name) for name in PROCESSES),
    *(("point", name) for name in POINTS),
    *(("fault", json.dumps(fault)) for fault in FAULTS),
    *(("odd", name) for name in ODDITIES),
    *(("hide", "chat.db"), ("rebuild", "unseen"), ("take", "bridge")),
)


class Plan(NamedTuple):
    """How many acts there are, at least, and how many blows are dealt meanwhile: all of a deck, before any again."""

    acts: int
    seed: int
    blows: int
    deck: tuple[Blow, ...] = BLOWS


class Gale:
    """Deals blows, all of them in any order, and then again."""

    def __init__(self, here: Place, tally: Tally, plan: Plan) -> None:
        self.dealt: Counter[str] = Counter()
        self._here = here
        self._tally = tally
        self._plan = plan
        self._rng = random.Random(f"{plan.seed} gale")
        self._left: list[Blow] = []
        self._blows: dict[str, Callable[[str], None]] = {
            "kill": lambda name: here.hands.members[name].send(signal.SIGKILL),
            "sleep": self._sleep,
            "point": lambda name: (here.failpoints / name).touch(),
            "fault": self._fault,
            "odd": self._odd,
            "hide": lambda _: self._hide(),
            "rebuild": lambda _: self._rebuild_unseen(),
            "take": lambda _: self._take(),
        }

    def blows(self, *, is_over: Callable[[], bool]) -> None:
        """Deal blows evenly among the acts, and wait until whoever is to die at a point has come there."""
        for number in range(self._plan.blows):
            due = self._plan.acts * (number + 1) // (self._plan.blows + 1)
            until(lambda due=due: self._tally.acts >= due or is_over(), STANDSTILL_S)
            until(self._here.is_whole)
            what, whom = self._next()
            self._blows[what](whom)
            self.dealt[what] += 1
        until(lambda: self._tally.acts >= self._plan.acts or is_over(), STANDSTILL_S * 10)
        try:
            until(lambda: not self._here.waiting() or is_over(), POINTS_WITHIN_S)
        except AssertionError:
            raise AssertionError(f"never reached: {self._here.waiting()}") from None

    def _next(self) -> Blow:
        self._left = self._left or self._rng.sample(self._plan.deck, len(self._plan.deck))
        return self._left.pop()

    def _sleep(self, name: str) -> None:
        process = self._here.hands.members[name]
        process.send(signal.SIGSTOP)
        time.sleep(self._rng.uniform(*SLEEP_S))
        process.send(signal.SIGCONT)

    def _fault(self, words: str) -> None:
        self._say("/faults", json.loads(words) | {"times": self._rng.choice([1, 1, 3])})

    def _odd(self, name: str) -> None:
        self._say(
            "/oddities", {"oddity": name, "person": self._rng.choice(PEOPLE), "text": f"odd {self._rng.random()}"}
        )

    def _rebuild_unseen(self) -> None:
        """Rebuild a file with much in it that the daemon has not seen."""
        daemon = self._here.hands.members["daemon"]
        daemon.send(signal.SIGSTOP)
        time.sleep(self._rng.uniform(*SLEEP_S))
        self._odd("rebuilt")
        time.sleep(self._rng.uniform(*SLEEP_S) / 4)
        daemon.send(signal.SIGCONT)

    def _take(self) -> None:
        self._say("/faults", {"next": "advanced_off"})
        time.sleep(self._rng.uniform(*SLEEP_S))
        self._say("/faults", {"next": "advanced_on"})

    def _hide(self) -> None:
        """Have the file be out of reach for a while; Messages does not look for it meanwhile."""
        mac, hidden = self._here.hands.members["mac"], self._here.chat_db.with_name("hidden")
        mac.send(signal.SIGSTOP)
        self._here.chat_db.rename(hidden)
        time.sleep(self._rng.uniform(*SLEEP_S))
        hidden.rename(self._here.chat_db)
        mac.send(signal.SIGCONT)

    def _say(self, path: str, body: Json) -> None:
        with contextlib.suppress(*BROKEN):  # it dies at some point
            self._here.mac.ask("POST", path, body)


class Kept(NamedTuple):
    """What a storm has come to."""

    done: Counter[str]
    messages: int
    events: int
    failed: Counter[str]
    dealt: Counter[str]
    deaths: dict[str, int]
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.done.total()} acts, after which {self.messages} messages and {self.events} events equal the phones,"
            f" in {self.seconds:.0f} s\nacts: {_words(self.done)}\nfailed sends: {_words(self.failed)}"
            f"\nblows: {_words(self.dealt)}; deaths: {_words(self.deaths)}"
        )


def _words(counts: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())) or "none"


def storm(database: Database, plan: Plan, source: Path | None = None) -> Kept:
    """Have everybody act and everything happen until there was enough of both, and all is at rest.

    Raises:
        AssertionError: A promise was broken.
    """
    began_s = time.monotonic()
    with place(database, plan.seed, source) as here:
        tally = Tally(plan.acts)
        gale = Gale(here, tally, plan)
        agent = Agent(here, tally, plan.seed, sound(database.folder / "memo.m4a", "m4a"))
        people = [Person(here, handle, tally, plan.seed) for handle in PEOPLE]
        try:
            _let_them_act([agent, *people], tally, gale)
            _come_to_rest(here)
            return _judged(here, agent, tally, gale)._replace(seconds=time.monotonic() - began_s)
        except AssertionError as error:
            raise AssertionError(f"{error} (seed {plan.seed}, macOS {here.macos}, dealt {dict(gale.dealt)})") from error


def _let_them_act(everybody: list[Agent | Person], tally: Tally, gale: Gale) -> None:
    with ThreadPoolExecutor(len(everybody)) as threads:
        acting = [threads.submit(each.acts) for each in everybody]
        try:
            gale.blows(is_over=lambda: any(each.done() for each in acting))
        finally:
            tally.is_calm.set()
        for each in acting:
            each.result()


_OPEN_SIGNALS = "SELECT count(*) FROM signals WHERE completed_at IS NULL"


def _count(database: Database, query: str) -> int:
    ((count,),) = database.sql(query)
    return int(count)


def _come_to_rest(here: Place) -> None:
    """Wait until nothing is under way, as long as something moves."""
    until(here.is_whole)
    here.mac.ask("DELETE", "/faults")
    moved_s, before = time.monotonic(), dict[str, int]()
    while any((now := _open(here)).values()):
        if now != before:
            moved_s, before = time.monotonic(), now
        assert time.monotonic() - moved_s < STANDSTILL_S, f"nothing moves: {now}"
        time.sleep(0.2)


def _open(here: Place) -> dict[str, int]:
    return {
        "outbox": here.open_items(),
        "signals": _count(here.database, _OPEN_SIGNALS),
        "items": _rows(here.journal, "SELECT count(*) FROM items"),
        "sightings": _rows(here.journal, "SELECT count(*) FROM sightings"),
        "uploads": _rows(here.journal, "SELECT count(*) FROM uploads WHERE is_over = 0"),
        "mail": _rows(here.folder / "phones.db", "SELECT count(*) FROM mail"),
    }


def _rows(file: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return int(connection.execute(query).fetchone()[0])


def _judged(here: Place, agent: Agent, tally: Tally, gale: Gale) -> Kept:
    """Look at both sides until they agree, but not for long: the reader looks for late changes now and then."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        shown = phones(here.mac, LINE, here.group, PEOPLE)
        told = lists(here.api, LINE, PEOPLE, agent.accepted)
        broken = breaches(shown, told, agent.accepted)
        if not broken and not any(_open(here).values()):
            break
        if time.monotonic() > deadline:
            words = "\n".join(broken[:8])
            raise AssertionError(f"{len(broken)} promises were broken, open {_open(here)}: {words}")
        time.sleep(1)
    faults = here.hands.faults()
    assert not faults, faults[:3]
    items = told.outbox.values()
    return Kept(
        done=tally.done,
        messages=sum(map(len, told.messages.values())),
        events=len(told.events),
        failed=Counter(str(item["error"]) for item in items if item["status"] == "failed"),
        dealt=gale.dealt,
        deaths={name: sum(member.ends.values()) for name, member in here.hands.members.items()},
        seconds=0,
    )
