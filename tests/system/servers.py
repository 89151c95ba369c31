"""Runs `blueport serve` processes beside each other, as a fleet does: any number, on one database."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import msgspec

from blueport.protocol.door import Sightings
from blueport.server.authorizing.keys import new_daemon_token, new_key
from tests.databases import Database
from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.server.world import text_from
from tests.system.blueport import answer, until
from tests.warm import BLUEPORT

Json = Any

LINE = "+15555550100"

_WITH_A_CLOCK_AHEAD = """
import sys, time
from blueport.cli.main import main
lead_ns, right_ns = int(sys.argv.pop(1)) * 10**9, time.time_ns
time.time_ns, time.time = lambda: right_ns() + lead_ns, lambda: (right_ns() + lead_ns) / 10**9
main()
"""


class Fleet:
    """Processes on one database; each is found by its port."""

    def __init__(self, database: Database, **settings: str) -> None:
        self.database = database
        self.key = new_key()
        self.daemon_token = new_daemon_token()
        self._settings = {
            "DATABASE": database.named,
            "FILES": str(database.folder / "files"),
            "FIRST_KEY": self.key,
            "FIRST_LINE": LINE,
            "FIRST_DAEMON_TOKEN": self.daemon_token,
            "WEBHOOK_ALLOW": "127.0.0.0/8",
            "HOURLY_LIMIT": "1000000",
            "PACE_MS": "0",
            "LINE_HOURLY_LIMIT": "0",
            "LOOP_LIMIT": "0",
        } | settings
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, role: str = "all", *, port: int = 0, lead_s: int = 0, **settings: str) -> int:
        """Start a process, and return its port once it is ready; its clock is ahead by *lead_s*."""
        port = port or free_port()
        given = self._settings | {"PORT": str(port)} | settings
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BLUEPORT_")}
        environment |= {f"BLUEPORT_{name}": value for name, value in given.items()}
        program = (sys.executable, "-c", _WITH_A_CLOCK_AHEAD, str(lead_s)) if lead_s else BLUEPORT
        command = [*program, "serve", "--role", role]
        with (self.database.folder / "servers.log").open("ab") as log:
            self.processes[port] = subprocess.Popen(command, env=environment, stderr=log)
        until(lambda: self.is_ready(port))
        return port

    def is_ready(self, port: int) -> bool:
        assert self.processes[port].poll() is None, self.log
        return self.status(port, "/readyz") == 200

    def status(self, port: int, path: str) -> int:
        """Return the status of a path that needs no key, 0 if nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def api(self, port: int, method: str, path: str, body: Json = None, **headers: str) -> Json:
        return answer(method, f"http://127.0.0.1:{port}{path}", body, headers | {"Authorization": f"Bearer {self.key}"})

    def knock(self, port: int, path: str, said: msgspec.Struct | Json) -> Json:
        """Say something at the door of a process, as the first daemon."""
        headers = {"Authorization": f"Bearer {self.daemon_token}"}
        body = json.loads(msgspec.json.encode(said))
        return answer("POST", f"http://127.0.0.1:{port}/daemon/v1/{path}", body, headers)

    def hears(self, port: int, person: str, text: str = "Hi") -> None:
        """Have a person's text told at the door of a process."""
        self.knock(port, "sightings", Sightings("j", (text_from(person, LINE, text),)))

    def kill(self, port: int) -> None:
        """End a process as a crash does."""
        process = self.processes.pop(port)
        process.kill()
        process.wait(timeout=PATIENCE_S)

    def end(self, port: int) -> int:
        """End a process as it should be; return its status."""
        process = self.processes.pop(port)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=PATIENCE_S)

    @property
    def log(self) -> str:
        return (self.database.folder / "servers.log").read_text()


@contextlib.contextmanager
def fleet(database: Database, **settings: str) -> Iterator[Fleet]:
    """Return a fleet without processes; those that are there in the end are ended."""
    ships = Fleet(database, **settings)
    try:
        yield ships
    finally:
        for port in list(ships.processes):
            ships.kill(port)
