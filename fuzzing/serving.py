"""A `blueport dev` of our own, with somebody in it who has written, and all that there is to be named."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PERSON = "+15550100001"
START_S = 60
# Of what the children of `blueport dev` say, a line with one of these is a fault.
_FAULTS = ("Traceback", '"level":"error"', " ended (", "fell_over", '"withheld"')


class Target(NamedTuple):
    """A running server, its log, and what a request may name there, by the name of the parameter that takes it."""

    port: int
    key: str
    log: Path
    known: dict[str, list[str]]
    paths: frozenset[tuple[str, str]]

    def faults(self) -> list[str]:
        """Return what it says of its own mistakes."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if any(fault in line for fault in _FAULTS)]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Target]:
    """Run everything until the block ends."""
    command = [sys.executable, "-m", "blueport.cli.main", "dev", "--port", "0", "--json", "--data", str(folder / "dev")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BLUEPORT_")}
    environment["BLUEPORT_HOURLY_LIMIT"] = "1000000000"
    environment |= {"BLUEPORT_PACE_MS": "0", "BLUEPORT_LOOP_LIMIT": "0"}
    log = folder / "log"
    with log.open("wb") as err, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, env=environment) as dev:
        try:
            yield _target(json.loads(dev.stdout.readline()), log)
        finally:
            dev.send_signal(signal.SIGINT)
            dev.wait(timeout=30)


def _target(said: dict[str, str], log: Path) -> Target:
    for text in ("Hi", "Are you there?"):
        url = f"{said['simulator_url']}/people/{PERSON}/messages"
        urllib.request.urlopen(urllib.request.Request(url, json.dumps({"text": text}).encode()), timeout=10).read()
    described = _call(said, "GET", "/openapi.json")
    paths = {(method.upper(), path) for path, each in described["paths"].items() for method in each}
    return Target(int(said["api_url"].rpartition(":")[2]), said["api_key"], log, _known(said, paths), frozenset(paths))


def _known(said: dict[str, str], paths: set[tuple[str, str]]) -> dict[str, list[str]]:
    line = said["line"].replace("+", "%2B")
    message = _first(said, f"/v1/messages?from={line}&to=%2B{PERSON[1:]}")
    sent = _call(said, "POST", "/v1/messages", {"from": said["line"], "to": PERSON, "text": "Hello"})
    webhook = {"from": "", "url": "http://127.0.0.1:9/hook", "events": ["message.received"]}
    known = {
        "from": [said["line"], message["line_id"]],
        "to": [PERSON, message["chat_id"]],
        "message_id": [message["id"], message["guid"]],
        "reply_to": [message["id"], message["guid"]],
        "outbox": [sent["id"]],
        "webhook": [_call(said, "POST", "/v1/webhooks", webhook)["id"]],
        "file": ["file_00000000000000000000000000"],
    }
    if ("POST", "/v1/files") in paths:
        known["file"] = [_call(said, "POST", "/v1/files", {"some": "bytes"})["id"]]
    return known


def _first(said: dict[str, str], path: str) -> dict[str, str]:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.HTTPError):
            if found := _call(said, "GET", path)["data"]:
                return found[0]
        time.sleep(0.1)
    sys.exit("the first message did not arrive")


def _call(said: dict[str, str], method: str, path: str, body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {said['api_key']}", "Content-Type": "application/json"}
    request = urllib.request.Request(said["api_url"] + path, data, headers, method=method)
    return json.loads(urllib.request.urlopen(request, timeout=10).read())
