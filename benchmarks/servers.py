"""The processes that are measured, and those that measure.

Servers run on one core and what loads them on another, where the system lets us choose: so neither takes from the
other.
"""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks import filling
from benchmarks.load import Load, Result
from benchmarks.open_loop import Pace, Paced
from blueport.server.authorizing import keys
from tests.ports import free_port

START_S = 30
ROOT = Path(__file__).parent.parent
_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
_SERVERS, _LOAD = 0, -1


class Server(NamedTuple):
    """A server under load."""

    port: int
    key: str = ""
    pid: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """What every request to it says."""
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}


@contextlib.contextmanager
def blueport(folder: Path, database: str, key: str, **more: str) -> Iterator[Server]:
    """Serve *database*, a path or a URL, in a folder of its own; *more* are other settings."""
    folder.mkdir(exist_ok=True)
    server = Server(free_port(), key)
    settings = {
        "DATABASE": database,
        "PORT": str(server.port),
        "FIRST_KEY": key,
        "FIRST_LINE": filling.LINE,
        "HOURLY_LIMIT": "1000000000",
        "PACE_MS": "0",
        "LINE_HOURLY_LIMIT": "0",
        "LOOP_LIMIT": "0",
        "FIRST_DAEMON_TOKEN": f"dt_{secrets.token_urlsafe(32)}",
        **more,
    }
    environment = without_settings() | {f"BLUEPORT_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "blueport.cli.main", "serve"]
    with process(command, environment=environment, folder=folder) as pid:
        wait_until_listening(server.port, pid)
        _wait_until_well(server.port)
        yield server._replace(pid=pid)


@contextlib.contextmanager
def bare() -> Iterator[Server]:
    """Serve an endpoint that does nothing but answer."""
    server = Server(free_port())
    with process([sys.executable, "-m", "benchmarks.bare", str(server.port)]) as pid:
        wait_until_listening(server.port, pid)
        yield server


def new_key() -> str:
    """Return a key for a server that is still to be started."""
    return keys.new_key()


def loaded(load: Load) -> Result:
    """Load a server as fast as it answers."""
    result = msgspec.json.decode(_said_by("benchmarks.load", load), type=Result)
    _judge(result.unexpected, load)
    return result


def paced(pace: Pace) -> Paced:
    """Load a server at a fixed rate."""
    result = msgspec.json.decode(_said_by("benchmarks.open_loop", pace), type=Paced)
    _judge(result.unexpected, pace.load)
    return result


@contextlib.contextmanager
def process(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    is_load: bool = False,
) -> Iterator[int]:
    """Run a process on the servers' core, or on that of the load, and end it; give its id."""
    running = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    pin(running.pid, is_load=is_load)
    try:
        yield running.pid
    finally:
        running.terminate()
        try:
            running.wait(timeout=15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def pin(pid: int, *, is_load: bool) -> None:
    """Keep a process, and what it starts from now on, on one core."""
    if len(_CORES) > 1:
        _set_cores(pid, {_CORES[_LOAD if is_load else _SERVERS]})


def unpin(pid: int) -> None:
    """Let a process run anywhere again."""
    if len(_CORES) > 1:
        _set_cores(pid, set(_CORES))


def _set_cores(pid: int, cores: set[int]) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended meanwhile
        os.sched_setaffinity(pid, cores)


def without_settings() -> dict[str, str]:
    """Return the environment without what it says of another Blueport."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BLUEPORT_")}


def wait_until_listening(port: int, pid: int) -> None:
    """Wait for a process to listen.

    Raises:
        RuntimeError: It does not.
    """
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("a server did not come up")


def _wait_until_well(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=START_S):
        return


def _said_by(module: str, asked: msgspec.Struct) -> bytes:
    command = [sys.executable, "-m", module]
    loading = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    pin(loading.pid, is_load=True)
    told, _ = loading.communicate(msgspec.json.encode(asked))
    if loading.returncode != 0:
        raise RuntimeError(f"{module} fell over")
    return told


def _judge(unexpected: list[str], load: Load) -> None:
    if unexpected:
        wrong = ", ".join(f"{what} ({count} times)" for what, count in Counter(unexpected).items())
        raise RuntimeError(f"{load.method} {load.path}: {wrong}: such figures say nothing")
