"""`make bench`: accepts and pages beside a bare Starlette endpoint, and the way of a text from chat.db to the webhook.

Servers run on one core and the load on another, where the system lets us choose. Every contender runs once a round, and
the median of the rounds is kept: machines that are shared drift, ratios within a run hold.
"""

import argparse
import contextlib
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks import filling, latency
from benchmarks.load import Load, Result

CONNECTIONS = 64
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


class Server(NamedTuple):
    """A server under load."""

    port: int
    key: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rows", type=int, default=1_000_000, help="messages in the chat that is listed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="blueport-bench-") as folder:
        throughput(Path(folder), options)
        for name, figures in latency.measured(Path(folder)).items():
            p99 = sorted(figures)[-1 - len(figures) // 100]
            print(f"{name:44} p50 {statistics.median(figures):6.1f} ms   p99 {p99:6.1f} ms")


def throughput(folder: Path, options: argparse.Namespace) -> None:
    with blueport(folder) as server, bare(folder) as bare_port:
        print(f"filling a chat with {options.rows} messages ...", file=sys.stderr)
        filling.fill(folder / "blueport.db", options.rows)
        loads = {
            "bare Starlette, POST": _post(Server(bare_port, server.key), options.seconds),
            "POST /v1/messages, durable": _post(server, options.seconds),
            f"GET /v1/messages, 50 of {options.rows}": _page(server, options.seconds),
        }
        rounds: dict[str, list[Result]] = {name: [] for name in loads}
        for _ in range(options.rounds):
            for name, load in loads.items():
                rounds[name].append(_loaded(load))
    ceiling = statistics.median(result.per_second for result in rounds["bare Starlette, POST"])
    for name, results in rounds.items():
        rate = statistics.median(result.per_second for result in results)
        p50 = statistics.median(result.median_ms for result in results)
        p99 = statistics.median(result.p99_ms for result in results)
        wrong = sum(result.unexpected for result in results)
        figures = f"{rate:8.0f}/s   {rate / ceiling:5.2f} of bare   p50 {p50:5.1f} ms   p99 {p99:5.1f} ms"
        print(f"{name:44} {figures}   {wrong} wrong")


@contextlib.contextmanager
def blueport(folder: Path) -> Iterator[Server]:
    key = filling.new_key()
    port = _free_port()
    settings = {
        "DATABASE": str(folder / "blueport.db"),
        "PORT": str(port),
        "FIRST_KEY": key,
        "FIRST_LINE": filling.LINE,
        "HOURLY_LIMIT": "1000000000",
        "FIRST_DAEMON_TOKEN": f"dt_{secrets.token_urlsafe(32)}",
    }
    environment = os.environ | {f"BLUEPORT_{name}": value for name, value in settings.items()}
    with _process([sys.executable, "-m", "blueport.cli.main", "serve"], port, environment):
        yield Server(port, key)


@contextlib.contextmanager
def bare(_folder: Path) -> Iterator[int]:
    port = _free_port()
    with _process([sys.executable, "-m", "benchmarks.bare", str(port)], port, dict(os.environ)):
        yield port


@contextlib.contextmanager
def _process(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment)
    _pin(process.pid, 0)
    try:
        _wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait(timeout=15)


def _loaded(load: Load) -> Result:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    _pin(process.pid, 1)
    out, _ = process.communicate(msgspec.json.encode(load))
    return msgspec.json.decode(out, type=Result)


def _post(server: Server, seconds: float) -> Load:
    body = json.dumps({"from": filling.LINE, "to": filling.FRIEND, "text": "message %d"})
    return Load(server.port, "POST", "/v1/messages", _headers(server), body, CONNECTIONS, seconds, 201)


def _page(server: Server, seconds: float) -> Load:
    path = f"/v1/messages?from=%2B{filling.LINE[1:]}&to=%2B{filling.FRIEND[1:]}&limit=50"
    return Load(server.port, "GET", path, _headers(server), "", CONNECTIONS // 2, seconds, 200)


def _headers(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
            return
        if _is_listening(port):
            return
        time.sleep(0.1)
    sys.exit("a server did not come up")


def _is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _pin(pid: int, which: int) -> None:
    if len(CORES) > 1:
        os.sched_setaffinity(pid, {CORES[which]})


if __name__ == "__main__":
    main()
