"""Kannel, an SMS gateway of the same trade, if it is installed here: what it accepts, and what it tells back of it.

bearerbox, smsbox and a simulated SMS centre, with a delivery report for each message and everything spooled to the
disk. Its spool is not flushed: it outlives a crash of Kannel, not one of the machine. All of it listens on 127.0.0.1.
"""

import shutil
import sys
import time
import urllib.request
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from benchmarks import servers
from benchmarks.load import Load
from benchmarks.measuring import Bench, Figure, Probe, SkippedError
from benchmarks.rates import CONNECTIONS, POST
from tests.ports import free_port

# Where Debian's package keeps its simulated SMS centre.
FAKE_CENTRE = Path("/usr/lib/kannel/test/fakesmsc")
ACCEPTED = "Kannel, sendsms with delivery reports, spooled"
REPORTED = "Kannel, delivery reports until all were told"
DRAINED_S = 120
_HOST = "127.0.0.1"
_CONFIGURATION = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
store-type = spool
store-location = {folder}
dlr-storage = internal
log-level = 3

group = smsc
smsc = fake
smsc-id = fake
our-host = 127.0.0.1
port = {centre}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {boxes}
sendsms-port = {api}
sendsms-interface = 127.0.0.1
max-pending-requests = 512
log-level = 3

group = sendsms-user
username = bench
password = {password}
"""


class Gateway(NamedTuple):
    """A running gateway, and the receiver of its reports."""

    port: int
    password: str
    receiver: int


def probes(bench: Bench) -> Sequence[Probe]:
    """Load its HTTP door, where peers are wanted."""
    if not bench.options.with_peers:
        return []
    gateway = _started(bench, _programs())
    return [partial(_measured, gateway, bench.options.seconds)]


def _programs() -> dict[str, str]:
    found = {name: shutil.which(name) or shutil.which(f"/usr/sbin/{name}") for name in ("bearerbox", "smsbox")}
    found["fakesmsc"] = shutil.which("fakesmsc") or shutil.which(str(FAKE_CENTRE))
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise SkippedError(f"{', '.join(missing)} not found: on Debian, apt-get install kannel kannel-extras")
    return {name: path for name, path in found.items() if path is not None}


def _started(bench: Bench, programs: dict[str, str]) -> Gateway:
    folder = bench.folder / "kannel"
    folder.mkdir()
    ports = {name: free_port() for name in ("admin", "boxes", "centre", "api")}
    gateway = Gateway(ports["api"], servers.new_key()[-12:], free_port())
    configuration = folder / "kannel.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, password=gateway.password, **ports))
    receiver = [sys.executable, "-m", "benchmarks.answering", str(gateway.receiver)]
    _start(bench, receiver, gateway.receiver, is_load=True)
    _start(bench, [programs["bearerbox"], "-v", "4", str(configuration)], ports["boxes"])
    centre = [programs["fakesmsc"], "-v", "4", "-H", _HOST, "-r", str(ports["centre"]), "-m", "0", "1 2 text nothing"]
    bench.stack.enter_context(servers.process(centre))
    _start(bench, [programs["smsbox"], "-v", "4", str(configuration)], ports["api"])
    return gateway


def _start(bench: Bench, command: list[str], port: int, *, is_load: bool = False) -> None:
    pid = bench.stack.enter_context(servers.process(command, is_load=is_load))
    servers.wait_until_listening(port, pid)


def _measured(gateway: Gateway, seconds: float) -> list[Figure]:
    told_before, began_at = _told(gateway), time.perf_counter()
    result = servers.loaded(_load(gateway, seconds))
    deadline = time.monotonic() + DRAINED_S
    while (told := _told(gateway) - told_before) < result.answers:
        if time.monotonic() > deadline:
            raise RuntimeError(f"Kannel told of {told} of {result.answers} messages")
        time.sleep(0.02)
    reported = told / (time.perf_counter() - began_at)
    return [Figure(ACCEPTED, result.per_second, "1/s", POST), Figure(REPORTED, reported, "1/s")]


def _load(gateway: Gateway, seconds: float) -> Load:
    asked = {
        "username": "bench",
        "password": gateway.password,
        "from": "100",
        "to": "200",
        "dlr-mask": "1",
        "dlr-url": f"http://{_HOST}:{gateway.receiver}/report",
        "text": "message ",
    }
    path = f"/cgi-bin/sendsms?{urlencode(asked)}%d"
    return Load(gateway.port, "GET", path, {}, "", CONNECTIONS, seconds, 202)


def _told(gateway: Gateway) -> int:
    with urllib.request.urlopen(f"http://{_HOST}:{gateway.receiver}/count", timeout=10) as answer:
        return int(answer.read())
