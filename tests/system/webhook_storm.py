"""Events for three webhooks whose receivers fail, from servers that die, stand still, and have their clocks set.

`test_webhook_storm.py` runs a short storm, `make chaos ARGS="--only webhooks"` one of 20,000 events. What was promised
of each pair of an event and a webhook is in `pairs.py`, and that this would tell in `planted.py`.
"""

import contextlib
import itertools
import json
import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from blueport.protocol.door import Sightings
from blueport.protocol.sightings import AttachmentSeen, MessageSeen
from blueport.server.authorizing.keys import new_daemon_token, new_key
from tests.databases import Database
from tests.ports import free_port
from tests.postgres import psql
from tests.server.world import text_from
from tests.system import elsewhen, pairs
from tests.system.blueport import Json, answer, until
from tests.system.crew import Crew, crew
from tests.system.elsewhen import Elsewhen
from tests.system.failing_receivers import CALM, Receivers, receiving
from tests.system.pairs import Logged, Row, Told
from tests.system.servers import LINE
from tests.system.site import is_answered

ROOT = Path(__file__).parents[2]
EVENTS = 20_000
WEBHOOKS = ("first", "second", "third")
PEOPLE = 40
# A few have a file that never comes, and go out without it after ten seconds.
EACH_WITH_A_FILE = 97
# Short waits, and more of them than three failures of ten and all deaths together can use up.
RETRY_DELAYS_S = [1] * 20
TIMEOUT_S = 1
RUNNING_AT_MOST = 4 * len(WEBHOOKS)
# A minute is what some receivers ask for, and longer than a sweep takes to come.
STANDSTILL_S = 75
CLAIMS_MEANWHILE = 10
BATCH = 50
# After so many more batches every point of death was come to.
LAST_BATCHES = 20
LOOK_EVERY_S = 0.05
LULL_S = 1.0
POINTS = ["server.trying", "server.tried", "server.commit", "server.committed"]
BLOWS = ["kill", "kill", *POINTS, "stand still", "forward", "back"]
BLOWS_ON_POSTGRES = ["end backend", "kill backend"]
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'blueport' AND datname = current_database()"
_ROWS = (
    "SELECT d.webhook_id, m.text, d.id, d.state, d.attempts FROM deliveries d"
    " JOIN events e ON e.id = d.event_id JOIN messages m ON m.id = e.subject_id"
)
_POSTPONED = "SELECT count(*) FROM deliveries WHERE state = 'pending' AND reason IS NOT NULL"
# Within which another process sees that a lease is over: on PostgreSQL it has to be told the time first.
_CLOCK_S, _OWN_CLOCK_S = 6.0, 1.0


class Plan(NamedTuple):
    """How many events there are, at least, and how many between two blows; `backlog` pairs may wait meanwhile."""

    events: int
    seed: int
    per_blow: int = 25
    backlog: int = 45
    has_blows: bool = True


class Station(NamedTuple):
    """Where the servers are, each at its port, and what they work for."""

    database: Database
    hands: Crew
    token: str
    ports: dict[str, int]
    failpoints: Path
    clock: Elsewhen
    receivers: Receivers
    webhooks: dict[str, str]

    def is_whole(self) -> bool:
        """Tell whether no server is away."""
        return all(is_answered(port, "/readyz") for port in self.ports.values())

    def waiting(self) -> list[str]:
        """Return the points that no server has come to yet."""
        return [point.name for point in self.failpoints.iterdir()]


@contextlib.contextmanager
def station(database: Database, seed: int, source: Path | None = None) -> Iterator[Station]:
    """Run two servers, each of which is started again when it dies; *source* is another one to run."""
    key, token = new_key(), new_daemon_token()
    failpoints = database.folder / "failpoints"
    failpoints.mkdir()
    clock = Elsewhen(database)
    environment = os.environ | {
        elsewhen.FILE: str(clock.file),
        "PYTHONPATH": f"{source or ROOT / 'src'}:{ROOT}:{ROOT / 'tests' / 'as_installed'}",
    }
    settings = {
        "DATABASE": database.named,
        "FILES": str(database.folder / "files"),
        "FIRST_KEY": key,
        "FIRST_LINE": LINE,
        "FIRST_DAEMON_TOKEN": token,
        "WEBHOOK_ALLOW": "127.0.0.0/8",
        "WEBHOOK_TIMEOUT_S": f"{TIMEOUT_S}",
        "HOURLY_LIMIT": "1000000",
        "LOOP_LIMIT": "0",
        "GRACE_S": "2",
        "FAILPOINTS": str(failpoints),
    }
    ports = {f"server {n}": free_port() for n in (1, 2)}
    hands_of = crew(
        database.folder / "logs", seed, longest_pause_s=0, program=elsewhen.PROGRAM, environment=environment
    )
    with receiving(WEBHOOKS, seed, clock.has_been) as receivers, hands_of as hands:
        for name, port in ports.items():
            hands.add(name, "serve", **settings, PORT=f"{port}")
        here = Station(database, hands, token, ports, failpoints, clock, receivers, {})
        until(here.is_whole)
        for name in WEBHOOKS:
            _add_webhook(here, key, name)
        yield here


def _add_webhook(here: Station, key: str, name: str) -> None:
    url = f"http://127.0.0.1:{next(iter(here.ports.values()))}/v1/webhooks"
    asked: Json = {
        "from": "",
        "url": here.receivers.url(name),
        "events": ["message.received"],
        "retry_delays_s": RETRY_DELAYS_S,
    }
    made = answer("POST", url, asked, {"Authorization": f"Bearer {key}"})
    here.webhooks[made["id"]] = name
    here.receivers.secrets[name] = made["secret"]


class Teller:
    """A daemon, which tells of texts in batches until a server has noted them."""

    def __init__(self, here: Station) -> None:
        self._here = here
        self._ports = itertools.cycle(here.ports.values())
        self.by_chat: dict[str, list[int]] = defaultdict(list)
        self.told = 0

    def tell(self, how_many: int) -> None:
        batch = [self._text() for _ in range(how_many)]
        said = json.loads(msgspec.json.encode(Sightings("j", tuple(batch))))
        until(lambda: self._is_noted(said))

    def behind(self) -> int:
        """Return how many pairs their receivers have not accepted yet."""
        return self.told * len(WEBHOOKS) - len(self._here.receivers.accepted)

    def _text(self) -> MessageSeen:
        number, self.told = self.told, self.told + 1
        person = f"+1555011{number % PEOPLE:04}"
        self.by_chat[person].append(number)
        coming = AttachmentSeen(f"FILE-{number}", "photo.png", "image/png", 1, is_coming=True)
        files = (coming,) if number % EACH_WITH_A_FILE == 1 else ()
        return text_from(person, LINE, f"{number}", guid=f"STORM-{number}", sent_at=number, attachments=files)

    def _is_noted(self, said: Json) -> bool:
        url = f"http://127.0.0.1:{next(self._ports)}/daemon/v1/sightings"
        try:
            answer("POST", url, said, {"Authorization": f"Bearer {self._here.token}"})
        except (OSError, AssertionError, ValueError):  # a server that dies, or has lost its database
            return False
        return True


class Gale:
    """Deals blows, all of them in any order, and then again."""

    def __init__(self, here: Station, teller: Teller, rng: random.Random) -> None:
        self.dealt: Counter[str] = Counter()
        self._here = here
        self._teller = teller
        self._rng = rng
        self._deck = BLOWS + BLOWS_ON_POSTGRES if here.database.is_postgres else BLOWS
        self._left: list[str] = []

    def is_through(self) -> bool:
        """Tell whether each blow was dealt."""
        return self.dealt.keys() >= {*self._deck}

    def blow(self) -> None:
        """Deal the next one, once no server is away."""
        until(self._here.is_whole)
        self._left = self._left or self._rng.sample(self._deck, len(self._deck))
        blow = self._left.pop()
        self.dealt[blow] += 1
        if blow in POINTS:
            (self._here.failpoints / blow).touch()
        elif blow in ("forward", "back"):
            self.move(1 if blow == "forward" else -1)
        elif blow == "stand still":
            self._stand_still()
        elif blow == "kill":
            self._here.hands.members[self._rng.choice([*self._here.ports])].send(signal.SIGKILL)
        else:
            self._hit_backend(is_killed=blow == "kill backend")

    def move(self, direction: int) -> None:
        """Set the clock by some hours."""
        self._here.clock.move(direction * self._rng.uniform(1, 9))

    def _stand_still(self) -> None:
        """Have a server stand still for hours before it writes down a try, which the other takes for lost meanwhile."""
        self._teller.tell(BATCH)
        point = self._here.failpoints / "server.tried"
        point.with_suffix(".draft").write_text("SIGSTOP")
        point.with_suffix(".draft").replace(point)
        until(lambda: not point.exists())
        self.move(1)
        time.sleep(_CLOCK_S if self._here.database.is_postgres else _OWN_CLOCK_S)
        for member in self._here.hands.members.values():
            member.send(signal.SIGCONT)

    def _hit_backend(self, *, is_killed: bool) -> None:
        url = self._here.database.named
        pid = int(self._rng.choice(psql(url, _BACKENDS).split()))
        if not is_killed:
            psql(url, f"SELECT pg_terminate_backend({pid})")
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Kept(NamedTuple):
    """What a storm has come to."""

    events: int
    tries: int
    failed: int
    interrupted: int
    deaths: int
    moves: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.events} events for {len(WEBHOOKS)} webhooks, each delivered under one id in {self.tries} tries,"
            f" of which {self.failed} failed and {self.interrupted} were cut off, under {self.deaths} deaths"
            f" and {self.moves} settings of the clock, in {self.seconds:.0f} s"
        )


def storm(database: Database, plan: Plan, source: Path | None = None) -> Kept:
    """Have events told and servers struck until there were enough of both, and all is at rest.

    Raises:
        AssertionError: A promise was broken.
    """
    began_s = time.monotonic()
    with station(database, plan.seed, source) as here:
        teller = Teller(here)
        gale = Gale(here, teller, random.Random(plan.seed))
        try:
            while teller.told < plan.events or (plan.has_blows and not gale.is_through()):
                if plan.has_blows:
                    gale.blow()
                _tell(here, teller, plan)
            _tell_until_points_are_reached(here, teller, plan)
            _come_to_rest(here, teller, gale)
        except AssertionError as error:
            raise AssertionError(f"{error} (seed {plan.seed}, dealt {dict(gale.dealt)})") from error
        told = Told(teller.by_chat, WEBHOOKS)
        return _judged(here, told, gale, plan)._replace(seconds=time.monotonic() - began_s)


def _tell(here: Station, teller: Teller, plan: Plan) -> None:
    """Tell of what comes between two blows, no faster than it is delivered."""
    for first in range(0, plan.per_blow, BATCH):
        teller.tell(min(BATCH, plan.per_blow - first))
        _wait_while_behind(here, teller, plan.backlog)


def _wait_while_behind(here: Station, teller: Teller, backlog: int) -> None:
    """Wait for the receivers, as long as they get on: what a clock has put off for hours is not waited for."""
    moved_s, before = time.monotonic(), -1
    while (behind := teller.behind()) > backlog and time.monotonic() - moved_s < LULL_S:
        assert not here.receivers.faults, here.receivers.faults[0]
        if behind != before:
            moved_s, before = time.monotonic(), behind
        time.sleep(LOOK_EVERY_S)


def _tell_until_points_are_reached(here: Station, teller: Teller, plan: Plan) -> None:
    for _ in range(LAST_BATCHES):
        if here.waiting():
            _tell(here, teller, plan)
    assert not here.waiting(), f"never reached: {here.waiting()}"


def _come_to_rest(here: Station, teller: Teller, gale: Gale) -> None:
    """Wait until nothing is open, though what is tried again when the clock is set back has hours to wait by it.

    What was asked to wait for a minute falls due first; nobody asks for that any more.
    """
    here.receivers.moods = CALM
    gale.move(1)
    _wait_while_behind(here, teller, 0)
    teller.tell(BATCH)
    until(lambda: here.database.sql(_POSTPONED) != [(0,)])
    gale.move(-1)
    moved_s, before = time.monotonic(), -1
    while (now := _open(here.database)) > 0:
        assert not here.receivers.faults, here.receivers.faults[0]
        if now != before:
            moved_s, before = time.monotonic(), now
        assert time.monotonic() - moved_s < STANDSTILL_S, f"nothing moves: {_open_ones(here.database)}"
        time.sleep(LOOK_EVERY_S * 10)
    until(here.is_whole)


def _open(database: Database) -> int:
    ((count,),) = database.sql("SELECT count(*) FROM deliveries WHERE completed_at IS NULL")
    return int(count)


def _open_ones(database: Database) -> list[tuple[Json, ...]]:
    return database.sql(
        "SELECT state, attempts, reason, available_at, lease_until, claimed_by, created_at FROM deliveries"
        " WHERE completed_at IS NULL ORDER BY seq LIMIT 20"
    )


def _deadlocks(database: Database) -> int:
    """Return how often transactions have waited for each other, since PostgreSQL crashed if it did."""
    if not database.is_postgres:
        return 0
    ((count,),) = database.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(count)


def _judged(here: Station, told: Told, gale: Gale, plan: Plan) -> Kept:
    said = f"(seed {plan.seed}, dealt {dict(gale.dealt)})"
    deaths = sum(member.ends[-signal.SIGKILL] for member in here.hands.members.values())
    rows = [Row(here.webhooks[webhook], int(text), *row) for webhook, text, *row in here.database.sql(_ROWS)]
    log = [
        Logged(*row) for row in here.database.sql("SELECT delivery_id, number, status, reason FROM delivery_attempts")
    ]
    heard = list(here.receivers.heard)
    assert not here.receivers.faults, f"{here.receivers.faults[0]} {said}"
    broken = pairs.breaches(pairs.Kept(told, heard, rows, log), _cut_off_at_most(here, gale, deaths))
    assert not broken, f"{len(broken)} promises were broken, the first: {broken[:5]} {said}"
    faults = here.hands.faults()
    assert not faults, f"{faults[:3]} {said}"
    assert _deadlocks(here.database) == 0, said
    return Kept(
        events=len(rows) // len(WEBHOOKS),
        tries=len(heard),
        failed=sum(not each.is_accepted for each in heard),
        interrupted=sum(each.reason == pairs.INTERRUPTED for each in log),
        deaths=deaths,
        moves=here.clock.moves,
        seconds=0,
    )


def _cut_off_at_most(here: Station, gale: Gale, deaths: int) -> int:
    """Return how many tries can have been cut off: at each death, also a backend's, and setting of the clock."""
    strikes = deaths + sum(gale.dealt[blow] for blow in BLOWS_ON_POSTGRES)
    # Two servers that are told the time one after the other take each other's leases for over meanwhile.
    claims = CLAIMS_MEANWHILE if here.database.is_postgres else 1
    return (strikes + here.clock.moves * claims) * RUNNING_AT_MOST
