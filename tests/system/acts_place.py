"""A server, a simulated Mac with three people and a group, and the daemon between them, for a storm of acts."""

import contextlib
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from blueport.server.authorizing.keys import new_daemon_token, new_key
from tests.databases import Database
from tests.ports import free_port
from tests.system.blueport import until
from tests.system.both_sides import Client
from tests.system.crew import Crew, crew
from tests.system.site import is_answered
from tests.warm import BLUEPORT, FROM_NOTHING

ROOT = Path(__file__).parents[2]
LINE = "+15555550100"
PEOPLE = ("+15550100001", "bo@example.com", "+15550100003")
# To older ones edits come as texts, as do emoji tapbacks to those before 15.
MACOS = ("13", "14", "15", "26", "26x")
WITH_EMOJI = ("15", "26", "26x")
IMSG = ("0.9", "0.15")
# Between two commits of one message.
STEPS_MS = (5, 30, 120)
# Short, where nobody is to wait for what does not come.
PROOF_TIMEOUT_S, SEND_TIMEOUT_S = 5, 2


class Place(NamedTuple):
    """Where all of it runs."""

    database: Database
    hands: Crew
    key: str
    ports: dict[str, int]
    folder: Path
    failpoints: Path
    macos: str
    group: str

    @property
    def mac(self) -> Client:
        return Client(self.ports["mac"])

    @property
    def api(self) -> Client:
        return Client(self.ports["server"], Authorization=f"Bearer {self.key}")

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    @property
    def chat_db(self) -> Path:
        return self.folder / "Library/Messages/chat.db"

    def is_whole(self) -> bool:
        """Tell whether no process is away."""
        is_there = all(member.process.poll() is None for member in self.hands.members.values())
        return is_there and is_answered(self.ports["server"], "/readyz") and is_answered(self.ports["mac"], "/healthz")

    def open_items(self) -> int:
        """Return how much of the outbox has not ended yet."""
        ((count,),) = self.database.sql("SELECT count(*) FROM outbox WHERE completed_at IS NULL")
        return int(count)

    def waiting(self) -> list[str]:
        """Return the points that nobody has come to yet."""
        return [point.name for point in self.failpoints.iterdir()]


@contextlib.contextmanager
def place(database: Database, seed: int, source: Path | None = None) -> Iterator[Place]:
    """Run a server, a Mac and its daemon, each of which is started again when it dies; *source* is another to run."""
    key, token, rng = new_key(), new_daemon_token(), random.Random(seed)
    folder, failpoints = database.folder / "mac", database.folder / "failpoints"
    failpoints.mkdir()
    ports = {"server": free_port(), "mac": free_port()}
    environment = os.environ | {"PYTHONPATH": f"{source or ROOT / 'src'}:{ROOT}:{ROOT / 'tests' / 'as_installed'}"}
    program = BLUEPORT if source is None else FROM_NOTHING
    with crew(database.folder / "logs", seed, longest_pause_s=0.3, program=program, environment=environment) as hands:
        here = Place(database, hands, key, ports, folder, failpoints, rng.choice(MACOS), "")
        _start_server(here, token)
        _start_mac(here, step_ms=rng.choice(STEPS_MS), imsg=rng.choice(IMSG))
        until(lambda: is_answered(ports["mac"], "/healthz"))
        _start_daemon(here, token)
        until(here.is_whole)
        until(lambda: _lines_are_served(here))
        made = here.mac.ask("POST", "/groups", {"members": PEOPLE, "name": "Crew", "line": LINE})
        here = here._replace(group=made.said["id"])
        _greet(here)
        yield here


def _start_server(here: Place, token: str) -> None:
    here.hands.add(
        "server",
        "serve",
        DATABASE=here.database.named,
        FILES=str(here.database.folder / "files"),
        FIRST_KEY=here.key,
        FIRST_LINE=LINE,
        FIRST_DAEMON_TOKEN=token,
        HOURLY_LIMIT="1000000",
        PACE_MS="0",
        LINE_HOURLY_LIMIT="0",
        LOOP_LIMIT="0",
        LEASE_S="20",
        GRACE_S="2",
        FAILPOINTS=str(here.failpoints),
        PORT=f"{here.ports['server']}",
    )


def _start_mac(here: Place, *, step_ms: int, imsg: str) -> None:
    here.hands.add(
        "mac",
        "simulate",
        "--port",
        f"{here.ports['mac']}",
        SIMULATOR_FOLDER=str(here.folder),
        SIMULATOR_LINES=LINE,
        SIMULATOR_MACOS=here.macos,
        SIMULATOR_STEP_MS=f"{step_ms}",
        SIMULATOR_IMSG=imsg,
        FAILPOINTS=str(here.failpoints),
    )


def _start_daemon(here: Place, token: str) -> None:
    here.hands.add(
        "daemon",
        "daemon",
        DAEMON_SERVER_URL=f"http://127.0.0.1:{here.ports['server']}",
        DAEMON_TOKEN=token,
        DAEMON_PACE_MS="0",
        DAEMON_BEFORE_FILE_MS="0",
        DAEMON_LINES=LINE,
        DAEMON_CHAT_DB=str(here.chat_db),
        DAEMON_JOURNAL=str(here.journal),
        DAEMON_OSASCRIPT=str(here.folder / "bin/osascript"),
        DAEMON_IMSG=str(here.folder / "bin/imsg"),
        DAEMON_PROOF_TIMEOUT_S=f"{PROOF_TIMEOUT_S}",
        DAEMON_SEND_TIMEOUT_S=f"{SEND_TIMEOUT_S}",
        DAEMON_NOT_NOW_RETRY_S="0.3",
        DAEMON_GHOST_S="3",
        DAEMON_SETTLE_S="2",
        DAEMON_SWEEP_S="2",
        DAEMON_POLL_S="0.5",
        FAILPOINTS=str(here.failpoints),
    )


def _lines_are_served(here: Place) -> bool:
    return all(line["is_active"] for line in here.api.get("/v1/lines")["data"])


def _greet(here: Place) -> None:
    """Have everybody write once, so that all may be written to."""
    assert here.api.ask("POST", "/v1/settings", {"extended_events": True}).status in (200, 201)
    for person in PEOPLE:
        assert here.mac.ask("POST", f"/people/{quote(person)}/messages", {"text": "Hello"}).status == 201
    assert here.mac.ask("POST", f"/people/{quote(PEOPLE[0])}/messages", {"text": "Hi", "to": here.group}).status == 201
    until(lambda: len(here.api.get(f"/v1/chats?from={quote(LINE)}")["data"]) == len(PEOPLE) + 1)
