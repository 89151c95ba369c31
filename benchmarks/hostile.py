"""What three hostile receivers of fifty do to the others: one never answers, one drips, one answers 10 MB.

Two servers that are fed alike, one with fifty quick receivers, one with three of them hostile, in turns.
"""

import json
import re
import secrets
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks import filling, servers
from benchmarks.measuring import Bench, Figure, Probe, percentile
from benchmarks.servers import Server
from blueport.protocol.door import Hello, LineReport, Sightings
from blueport.protocol.sightings import ChatSeen, MessageSeen
from tests.ports import free_port

WEBHOOKS = 50
HOSTILE = ("hole", "drip", "flood")
TEXTS_A_SECOND = 4
SETTLE_S = 2
CALM = "event made -> webhook, 50 quick receivers: p99"
AMONG = "event made -> webhook, 47 quick receivers among 3 hostile: p99"
BEFORE = "memory of a server among 3 hostile receivers, before"
AFTER = "memory of a server among 3 hostile receivers, after"


class Fed(NamedTuple):
    """A server, the token that its daemon knocks with, and its process."""

    server: Server
    token: str
    pid: int


def probes(bench: Bench) -> Sequence[Probe]:
    """Feed both servers in turns."""
    receiver = free_port()
    command = [sys.executable, "-m", "benchmarks.hostile_receiver", str(receiver)]
    servers.wait_until_listening(receiver, bench.stack.enter_context(servers.process(command, is_load=True)))
    numbers = count()
    calm = _fed(bench, "calm", [f"http://127.0.0.1:{receiver}/{number}" for number in range(WEBHOOKS)])
    among = _fed(
        bench, "among", [f"http://127.0.0.1:{receiver}/{name}" for name in (*range(WEBHOOKS - len(HOSTILE)), *HOSTILE)]
    )
    seconds = bench.options.seconds
    return [
        partial(_measured, CALM, None, calm, receiver, numbers, seconds),
        partial(_measured, AMONG, CALM, among, receiver, numbers, seconds),
        partial(_grown, among, receiver, numbers, seconds),
    ]


def _fed(bench: Bench, name: str, urls: list[str]) -> Fed:
    folder, key = bench.folder / name, servers.new_key()
    token = f"dt_{secrets.token_urlsafe(32)}"
    more = {"FIRST_DAEMON_TOKEN": token, "WEBHOOK_ALLOW": "127.0.0.1"}
    serving = servers.blueport(folder, str(folder / "blueport.db"), key, **more)
    server = bench.stack.enter_context(serving)
    fed = Fed(server, token, server.pid)
    _knock(fed, "hello", Hello("journal", "1", (LineReport(filling.LINE, health="ok", capabilities=()),)))
    for url in urls:
        asked = {"from": "", "url": url, "events": ["message.received"]}
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/v1/webhooks", json.dumps(asked).encode(), server.headers, method="POST"
        )
        urllib.request.urlopen(request, timeout=10).read()
    return fed


def _measured(
    name: str, against: str | None, fed: Fed, receiver: int, numbers: Iterator[int], seconds: float
) -> list[Figure]:
    _report(receiver)
    _feed(fed, numbers, seconds)
    took_ms = sorted(_report(receiver))
    return [Figure(name, percentile(took_ms, 0.99), "ms", against)]


def _grown(fed: Fed, receiver: int, numbers: Iterator[int], seconds: float) -> list[Figure]:
    before = _resident_mib(fed.pid)
    _feed(fed, numbers, seconds)
    _report(receiver)
    return [Figure(BEFORE, before, "MiB"), Figure(AFTER, _resident_mib(fed.pid), "MiB", BEFORE)]


def _feed(fed: Fed, numbers: Iterator[int], seconds: float) -> None:
    """Have texts come in, each in a chat of its own, at an even pace."""
    began_at = time.monotonic()
    for sent in range(max(1, int(seconds * TEXTS_A_SECOND))):
        time.sleep(max(0.0, began_at + sent / TEXTS_A_SECOND - time.monotonic()))
        _knock(fed, "sightings", Sightings("journal", (_text(next(numbers)),)))
    time.sleep(SETTLE_S)


def _text(number: int) -> MessageSeen:
    person = f"+1777{number:07}"
    chat = ChatSeen(f"iMessage;-;{person}", person, is_group=False, service="iMessage", participants=(person,))
    sent_at = int(time.time() * 1000)
    return MessageSeen(
        filling.LINE, f"GUID-{number}", chat, person, "Hello", "iMessage", is_from_me=False, sent_at=sent_at
    )


def _knock(fed: Fed, path: str, said: msgspec.Struct) -> None:
    headers = {"Authorization": f"Bearer {fed.token}"}
    url = f"http://127.0.0.1:{fed.server.port}/daemon/v1/{path}"
    urllib.request.urlopen(urllib.request.Request(url, msgspec.json.encode(said), headers), timeout=10).read()


def _report(receiver: int) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{receiver}/", timeout=10) as answer:
        return json.load(answer)


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+([0-9]+) kB", status)
    assert found is not None
    return int(found[1]) / 1024
