"""Runs `blueport dev` as its users do: real processes, found by what it prints."""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tests.patience import PATIENCE_S
from tests.warm import BLUEPORT, FROM_NOTHING

Seen = TypeVar("Seen")
Json = Any

ADA = "+15550100001"


class Blueport:
    """A running `blueport dev`."""

    def __init__(
        self, folder: Path, *, failpoints: Path | None = None, from_nothing: bool = False, **settings: str
    ) -> None:
        self.folder = folder
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BLUEPORT_")}
        # For tests that are about something else: they send, and hear, as much as they like.
        environment |= {"BLUEPORT_PACE_MS": "0", "BLUEPORT_LOOP_LIMIT": "0"} | settings
        if failpoints is not None:
            environment["BLUEPORT_FAILPOINTS"] = str(failpoints)
        command = [*(FROM_NOTHING if from_nothing else BLUEPORT), "dev", "--port", "0", "--json", "--data", str(folder)]
        with (folder / "dev.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=environment, start_new_session=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "blueport dev ended before it was ready"
        self.said: dict[str, str] = json.loads(line)

    @property
    def line(self) -> str:
        return self.said["line"]

    def api(self, method: str, path: str, body: Json = None, **headers: str) -> Json:
        headers |= {"Authorization": f"Bearer {self.said['api_key']}"}
        return answer(method, self.said["api_url"] + path, body, headers)

    def simulator(self, method: str, path: str, body: Json = None) -> Json:
        return answer(method, self.said["simulator_url"] + path, body, {})

    def texts(self, person: str, text: str, **more: str) -> str:
        return self.simulator("POST", f"/people/{person}/messages", {"text": text, **more})["guid"]

    def hears_first(self, person: str, text: str) -> None:
        """Have somebody write before anyone else does, and the server know of it: it may be written back to then."""
        self.texts(person, text)
        until(lambda: self.api("GET", f"/v1/chats?from={self.line}")["data"])

    def phone(self, person: str) -> list[Json]:
        return self.simulator("GET", f"/people/{person}/messages")

    def sends(self, person: str, text: str, **more: str) -> str:
        return self.api("POST", "/v1/messages", {"from": self.line, "to": person, "text": text, **more})["id"]

    def deletes_webhooks(self) -> None:
        for webhook in self.api("GET", "/v1/webhooks")["data"]:
            self.api("DELETE", "/v1/webhooks", {"id": webhook["id"]})

    def child(self, verb: str) -> int:
        """Return the process id of the running `blueport VERB`."""
        return until(lambda: next(iter(_children(self.process.pid, verb)), None))

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(with_signal)
        status = self.process.wait(timeout=PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@contextlib.contextmanager
def running(folder: Path, *, from_nothing: bool = False, **settings: str) -> Iterator[Blueport]:
    folder.mkdir(parents=True, exist_ok=True)
    blueport = Blueport(folder, from_nothing=from_nothing, **settings)
    try:
        yield blueport
    finally:
        if blueport.process.poll() is None:
            blueport.stop()


def answer(method: str, url: str, body: Json, headers: dict[str, str]) -> Json:
    """Return the JSON answer; a refusal raises with its body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{error.code}: {error.read().decode()}") from None


def until(look: Callable[[], Seen | None], within_s: float = PATIENCE_S) -> Seen:
    """Look until something is there, but not for ever."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"nothing was seen within {within_s} s")


def _children(parent: int, verb: str) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [row.split(None, 2) for row in listed.splitlines()]
    return [int(pid) for pid, ppid, args in rows if int(ppid) == parent and f"blueport.cli.main {verb}" in args]
