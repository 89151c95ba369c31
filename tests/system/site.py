"""A whole installation: two API processes, two workers and two daemons with a Mac each, on one database."""

import contextlib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from blueport import clock
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.keys import new_daemon_token, new_key
from blueport.server.ids import LineId, mint
from blueport.server.store.opening import once
from blueport.server.store.schema import upgrade
from blueport.server.store.tx import Tx
from tests.databases import Database
from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.system.balancer import balancing
from tests.system.blueport import Json, answer, until
from tests.system.crew import Crew, crew

LINES = ("+15555550100", "+15555550101")
START_WITHIN_S = 120
# A send that was cut in its midst is looked for so long: short, for a Mac that answers at once.
PROOF_TIMEOUT_S = 15


class Mac(NamedTuple):
    """A simulated Mac, the line that is signed in there, and the token of its daemon."""

    name: str
    line: str
    port: int
    token: str
    folder: Path

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    def asked(self, method: str, path: str, body: Json = None) -> Json:
        return answer(method, f"http://127.0.0.1:{self.port}{path}", body, {})

    def texts(self, person: str, text: str) -> None:
        self.asked("POST", f"/people/{quote(person)}/messages", {"text": text, "to": self.line})

    def phone(self, person: str) -> list[str]:
        """Return what a person's phone shows of what the line sent, oldest first."""
        bubbles = self.asked("GET", f"/people/{quote(person)}/messages")
        return [bubble["text"] for bubble in bubbles if not bubble["from_me"]]


class Site(NamedTuple):
    """What there is, once all of it runs."""

    database: Database
    hands: Crew
    key: str
    ports: list[int]
    macs: list[Mac]
    failpoints: Path

    def get(self, path: str) -> Json:
        """Ask any process of the API."""
        return answer("GET", f"http://127.0.0.1:{self.ports[0]}{path}", None, {"Authorization": f"Bearer {self.key}"})

    def post(self, path: str, body: Json) -> Json:
        return answer("POST", f"http://127.0.0.1:{self.ports[0]}{path}", body, {"Authorization": f"Bearer {self.key}"})


@contextlib.contextmanager
def site(database: Database, seed: int) -> Iterator[Site]:
    """Run all of it on an empty database."""
    folder, key = database.folder, new_key()
    failpoints = folder / "failpoints"
    failpoints.mkdir()
    macs = [Mac(f"{n}", line, free_port(), new_daemon_token(), folder / f"mac {n}") for n, line in enumerate(LINES, 1)]
    upgrade(database.named)
    once(database.named, clock.now_ms, lambda tx: _provide(tx, key, macs))
    ports = [free_port(), free_port()]
    with balancing(ports) as balancer, crew(folder / "logs", seed) as hands:
        here = Site(database, hands, key, ports, macs, failpoints)
        _start_servers(here)
        _start_macs(here, [ports[0], balancer])
        until(lambda: _is_served(here), START_WITHIN_S)
        yield here


def _provide(tx: Tx, key: str, macs: list[Mac]) -> None:
    """Make an account with a key, and for each Mac a daemon and a line."""
    account_id = authorizing.new_account(tx, "first")
    authorizing.add_key(tx, account_id, key, name="first")
    for mac in macs:
        daemon_id = authorizing.add_daemon(tx, account_id, mac.token, name=mac.name)
        line_id = LineId(mint("ln", tx.now_ms))
        addressing.add_line(tx, Line(line_id, account_id, mac.line, None, "imessage", 0, ""), daemon_id)


def _start_servers(here: Site) -> None:
    settings = {
        "DATABASE": here.database.named,
        "FILES": str(here.database.folder / "files"),
        "WEBHOOK_ALLOW": "127.0.0.0/8",
        "WEBHOOK_TIMEOUT_S": "3",
        "HOURLY_LIMIT": "1000000",
        "PACE_MS": "0",
        "LINE_HOURLY_LIMIT": "0",
        "LOOP_LIMIT": "0",
        "GRACE_S": "2",
        "FAILPOINTS": str(here.failpoints),
    }
    for number, port in enumerate(here.ports, 1):
        here.hands.add(f"api {number}", "serve", "--role", "api", **settings, PORT=f"{port}")
        here.hands.add(f"worker {number}", "serve", "--role", "worker", **settings, PORT=f"{free_port()}")


def _start_macs(here: Site, servers: list[int]) -> None:
    """Start each Mac and its daemon, which asks the server at the port in its place."""
    for mac, server in zip(here.macs, servers, strict=True):
        folder = {"SIMULATOR_FOLDER": str(mac.folder), "SIMULATOR_LINES": mac.line}
        here.hands.add(f"mac {mac.name}", "simulate", "--port", f"{mac.port}", **folder)
        until(lambda mac=mac: is_answered(mac.port, "/healthz"), START_WITHIN_S)
        settings = {
            "DAEMON_SERVER_URL": f"http://127.0.0.1:{server}",
            "DAEMON_TOKEN": mac.token,
            "DAEMON_LINES": mac.line,
            "DAEMON_CHAT_DB": str(mac.folder / "Library/Messages/chat.db"),
            "DAEMON_JOURNAL": str(mac.journal),
            "DAEMON_OSASCRIPT": str(mac.folder / "bin/osascript"),
            "DAEMON_PROOF_TIMEOUT_S": f"{PROOF_TIMEOUT_S}",
            "DAEMON_PACE_MS": "0",
            "DAEMON_BEFORE_FILE_MS": "0",
            "FAILPOINTS": str(here.failpoints),
        }
        here.hands.add(f"daemon {mac.name}", "daemon", **settings)


def _is_served(here: Site) -> bool:
    try:
        return all(line["is_active"] for line in here.get("/v1/lines")["data"])
    except (OSError, AssertionError):
        return False


def is_answered(port: int, path: str) -> bool:
    """Tell whether a path is answered with 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as response:
            return response.status == 200
    except OSError:
        return False
