"""Many clients ask for the same at once, and go on asking, while the servers that could answer die again and again.

`test_idempotency_deaths.py` runs a short storm, `make chaos ARGS="--only keys"` a long one.
"""

import asyncio
import contextlib
import itertools
import json
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from blueport.protocol.door import Sightings
from blueport.server.authorizing.keys import new_daemon_token, new_key
from tests.databases import Database
from tests.ports import free_port
from tests.server.world import ADA, text_from
from tests.system.balancer import balancing
from tests.system.blueport import answer, until
from tests.system.crew import Crew, crew
from tests.system.servers import LINE
from tests.system.site import is_answered

KILL = "kill"
NAMED, UNNAMED = 50, 10
# Within which all of them come; a kill finds some before, some in the midst of their call, and some answered.
GATHER_S = 0.3
# The official SDK gives up after its second pause, which ours does not: so each call has an outcome.
PAUSES_S = [0.5, 1.0]
CALL_TIMEOUT_S = 30
WAVES_AT_MOST = 20


class Pier(NamedTuple):
    """Where the servers are: each has a port and a folder of points at which it is to die."""

    database: Database
    hands: Crew
    key: str
    port: int
    servers: dict[str, int]
    failpoints: dict[str, Path]

    def request(self, text: str, name: str | None) -> bytes:
        """Return a request to send *text*, byte for byte as each client says it."""
        body = json.dumps({"from": LINE, "to": ADA, "text": text}).encode()
        lines = ["POST /v1/messages HTTP/1.1", "Host: x", f"Authorization: Bearer {self.key}", "Connection: close"]
        lines += [f"Idempotency-Key: {name}"] if name else []
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body

    def is_whole(self) -> bool:
        """Tell whether no server is away."""
        return all(is_answered(port, "/readyz") for port in self.servers.values())

    def waiting(self) -> list[str]:
        """Return the points that no server has come to yet."""
        return [point.name for folder in self.failpoints.values() for point in folder.iterdir()]


@contextlib.contextmanager
def pier(database: Database, seed: int) -> Iterator[Pier]:
    """Run one server on a file, two behind a balancer on PostgreSQL; each that dies is started again."""
    key, token = new_key(), new_daemon_token()
    settings = {
        "DATABASE": database.named,
        "FILES": str(database.folder / "files"),
        "FIRST_KEY": key,
        "FIRST_LINE": LINE,
        "FIRST_DAEMON_TOKEN": token,
        "HOURLY_LIMIT": "1000000",
    }
    ports = {f"api {n}": free_port() for n in range(1, 3 if database.is_postgres else 2)}
    with crew(database.folder / "logs", seed, longest_pause_s=0) as hands, balancing([*ports.values()]) as balancer:
        failpoints = {name: database.folder / f"points of {name}" for name in ports}
        for name, port in ports.items():
            failpoints[name].mkdir()
            points = {"FAILPOINTS": str(failpoints[name])}
            hands.add(name, "serve", "--role", "api", **settings, **points, PORT=f"{port}")
        here = Pier(database, hands, key, balancer, ports, failpoints)
        until(here.is_whole)
        said = json.loads(msgspec.json.encode(Sightings("j", (text_from(ADA, LINE),))))
        url = f"http://127.0.0.1:{balancer}/daemon/v1/sightings"
        answer("POST", url, said, {"Authorization": f"Bearer {token}"})
        yield here


class Wave(NamedTuple):
    """What falls on which server, and how many call under one name meanwhile."""

    blows: list[tuple[str, str]]
    named: int = NAMED


class Kept(NamedTuple):
    """What a storm has come to."""

    calls: int
    rounds: int
    deaths: int

    def __str__(self) -> str:
        return f"{self.calls} calls in {self.rounds} rounds under {self.deaths} deaths, each done once"


def storm(database: Database, seed: int, seconds: float = 0) -> Kept:
    """Have wave after wave, until each blow was dealt and the time is over.

    Raises:
        AssertionError: A call was done twice or not at all, or equal calls were answered differently.
    """
    rng = random.Random(seed)
    ends_at = time.monotonic() + seconds
    with pier(database, seed) as here:
        accepted = [_sent_on_purpose(here)]
        calls = rounds = 0
        for wave in _waves(here, rng, ends_at):
            until(here.is_whole)
            accepted += asyncio.run(_called(here, rounds, wave, rng))
            calls += wave.named + UNNAMED
            rounds += 1
        accepted.append(_sent_on_purpose(here))
        done = [outbox_id for (outbox_id,) in database.sql("SELECT id FROM outbox")]
        assert sorted(done) == sorted(accepted), f"a call was done twice, or not at all (seed {seed})"
    return Kept(calls, rounds, sum(member.ends[-signal.SIGKILL] for member in here.hands.members.values()))


def _waves(here: Pier, rng: random.Random, ends_at: float) -> Iterator[Wave]:
    """Tell what comes: deaths before and after a commit, before an answer leaves, and of each server at some moment."""
    servers = [*here.servers]
    while True:
        rng.shuffle(servers)
        yield Wave([(servers[0], "server.commit"), (servers[-1], "server.committed")])
        # Who has a name is done once wherever it dies behind the commit, and would come to this point first.
        yield Wave([(servers[0], "server.looked")], named=0)
        yield from (Wave([(server, rng.choice([KILL, "server.looked"]))]) for server in servers)
        for _ in range(WAVES_AT_MOST):
            if here.waiting():  # on a server that nobody came to
                yield Wave([])
        assert not here.waiting(), f"never reached: {here.waiting()}"
        if time.monotonic() >= ends_at:
            return


async def _called(here: Pier, number: int, wave: Wave, rng: random.Random) -> list[str]:
    """Have everybody call while the blows fall; return the ids of what was accepted: one of all who use one name."""
    named = [here.request(f"named {number}", f"name-{number}")] * wave.named
    unnamed = [here.request(f"unnamed {number} {each}", None) for each in range(UNNAMED)]
    striking = [_struck(here, server, blow, rng.uniform(0, GATHER_S)) for server, blow in wave.blows]
    calls = [_answered(here, request, rng.uniform(0, GATHER_S)) for request in named + unnamed]
    _, bodies = await asyncio.gather(asyncio.gather(*striking), asyncio.gather(*calls))
    of_one_name = set(bodies[: wave.named])
    assert len(of_one_name) <= 1, "calls with one name were answered differently"
    return [json.loads(body)["id"] for body in [*of_one_name, *bodies[wave.named :]]]


async def _struck(here: Pier, server: str, blow: str, after_s: float) -> None:
    if blow == KILL:
        await asyncio.sleep(after_s)
        here.hands.members[server].send(signal.SIGKILL)
    else:
        (here.failpoints[server] / blow).touch()


async def _answered(here: Pier, request: bytes, after_s: float) -> bytes:
    """Say a request until it is accepted; return the body of the answer."""
    await asyncio.sleep(after_s)
    for pause_s in itertools.chain(PAUSES_S, itertools.repeat(PAUSES_S[-1])):
        with contextlib.suppress(OSError, EOFError):  # a TimeoutError is an OSError
            status, body = await asyncio.wait_for(_said(here.port, request), CALL_TIMEOUT_S)
            assert status in (201, 503), body
            if status == 201:
                return body
        await asyncio.sleep(pause_s)
    raise AssertionError


async def _said(port: int, request: bytes) -> tuple[int, bytes]:
    """Return status and body of the one answer on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None, head
        return int(head.split(None, 2)[1]), await reader.readexactly(int(length[1]))
    finally:
        writer.close()


def _sent_on_purpose(here: Pier) -> str:
    """Send what is sent again later, without a name; return its id once it is noted that the answer was heard."""
    body = asyncio.run(_answered(here, here.request("on purpose", None), 0))
    outbox_id = json.loads(body)["id"]
    until(lambda: not here.database.sql("SELECT 1 FROM unanswered WHERE body LIKE ?", f"%{outbox_id}%"))
    return outbox_id
