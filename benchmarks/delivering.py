"""How many signed deliveries a second leave one core, beside a bare loop of aiohttp's that posts as much."""

import subprocess
import sys
from collections.abc import Sequence
from functools import partial

import msgspec

from benchmarks import servers
from benchmarks.measuring import Bench, Figure, Probe
from benchmarks.posting import Posting
from tests.ports import free_port

BARE = "bare aiohttp, POST to a receiver"
OURS = "signed deliveries, SQLite"
WEBHOOKS = 50


def probes(bench: Bench) -> Sequence[Probe]:
    """Post to a receiver that is always there."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.receiver", str(port)]
    pid = bench.stack.enter_context(servers.process(command, is_load=True))
    servers.wait_until_listening(port, pid)
    count = max(WEBHOOKS, int(bench.options.seconds * 2_000) // WEBHOOKS * WEBHOOKS)
    return [
        partial(_measured, BARE, None, Posting(port, count // 64 * 64 or 64, 0)),
        partial(_measured, OURS, BARE, Posting(port, count, WEBHOOKS)),
    ]


def _measured(name: str, against: str | None, asked: Posting) -> list[Figure]:
    sending = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.posting"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=servers.ROOT
    )
    servers.pin(sending.pid, is_load=False)
    told, _ = sending.communicate(msgspec.json.encode(asked))
    if sending.returncode != 0:
        raise RuntimeError("what sends fell over")
    return [Figure(name, float(told), "1/s", against)]
