"""Receivers that drip, flood or hang up: each costs one try, within its time."""

import asyncio
import gzip
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import NamedTuple

import aiohttp
import pytest
import uvloop

from blueport.server.notifying.delivering.outcomes import Outcome
from blueport.server.notifying.delivering.sender import HttpSender
from blueport.server.notifying.egress.guard import guard_of
from tests.databases import Database
from tests.server.receiver import READY, until
from tests.server.world import ADA, Clock, Customer, World

DEAD_NAMES = 60
OK = b"HTTP/1.1 200 OK\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.fixture
def alice(database: Database) -> Iterator[Customer]:
    """Return Alice on a server that waits for a receiver no longer than two seconds."""
    with World(database, Clock(), webhook_timeout_s=2).open() as world:
        yield world.customer("Alice", "+15550101000")


class Line:
    """The receiver's end of one connection."""

    def __init__(self, connection: socket.socket, over: threading.Event, request: bytes) -> None:
        self.request = request
        self._connection = connection
        self.over = over
        self.sent = 0

    def says(self, said: bytes) -> bool:
        """Send bytes; False once the other side is gone."""
        try:
            self._connection.sendall(said)
        except OSError:
            return False
        self.sent += len(said)
        return True

    def hears(self) -> bytes:
        """Return the next request; nothing once the other side is gone, or all is over."""
        self._connection.settimeout(0.05)
        while not self.over.is_set():
            try:
                return self._connection.recv(65_536)
            except TimeoutError:
                continue
            except OSError:
                break
        return b""

    def drips(self, drop: bytes) -> None:
        """Send a drop now and then until the other side is gone."""
        while self.says(drop) and not self.over.wait(0.05):
            pass

    def floods(self, gulp: bytes) -> None:
        """Send without end until the other side is gone."""
        while self.says(gulp) and not self.over.is_set():
            pass

    def resets(self) -> None:
        """Hang up as a crashed process does."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._connection.close()


@contextmanager
def speaking(speak: Callable[[Line], None]) -> Iterator[str]:
    """Run a receiver that reads a request and then does as *speak* says; give its URL."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        thread = threading.Thread(target=_accept, args=(listening, speak, over))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        finally:
            over.set()
            thread.join()


def _accept(listening: socket.socket, speak: Callable[[Line], None], over: threading.Event) -> None:
    while not over.is_set():
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            continue
        with connection:
            connection.settimeout(5)
            speak(Line(connection, over, connection.recv(65_536)))


class Visitor(NamedTuple):
    """A receiver of a kind: what it does once it was asked, and what is to come of that."""

    kind: str
    speak: Callable[[Line], object]
    state: str
    reason: str


def _answer(status: str, *headers: str, body: bytes = b"") -> Callable[[Line], object]:
    """Return what answers like a proper server does."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return lambda line: line.says("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def _many_bytes(line: Line) -> None:
    if line.says(OK + b"Content-Length: 10000000\r\n\r\n"):
        for _ in range(1000):
            line.says(b"." * 10_000)


def _endless(head: bytes, gulp: bytes) -> Callable[[Line], object]:
    return lambda line: line.says(OK + head + b"\r\n\r\n") and line.floods(gulp)


CHUNK = b"10000\r\n" + b"." * 65_536 + b"\r\n"
BOMB = gzip.compress(b"0" * 10_000_000)
ZOO = [
    # hook-07, srv-131: the limit is on the whole try, not on each read.
    Visitor("says nothing", lambda line: line.over.wait(), "pending", "timeout"),
    Visitor("drips its status", lambda line: line.says(b"HTTP/1.1 200 ") and line.drips(b"O"), "pending", "timeout"),
    Visitor("drips headers", lambda line: line.says(OK) and line.drips(b"X-Drop: 1\r\n"), "pending", "timeout"),
    Visitor("says only that it goes on", lambda line: line.says(CONTINUE) and line.over.wait(), "pending", "timeout"),
    Visitor("says again and again that it goes on", lambda line: line.drips(CONTINUE * 50), "pending", "timeout"),
    # srv-131: the status is the answer, and the body decides nothing.
    Visitor(
        "drips its body",
        lambda line: line.says(OK + b"Content-Length: 100000\r\n\r\n") and line.drips(b"."),
        "delivered",
        "http_200",
    ),
    Visitor(
        "drips chunks",
        lambda line: line.says(OK + b"Transfer-Encoding: chunked\r\n\r\n") and line.drips(b"1\r\n.\r\n"),
        "delivered",
        "http_200",
    ),
    # srv-046, srv-066: only the beginning is read.
    Visitor("answers 10 MB", _many_bytes, "delivered", "http_200"),
    Visitor("never ends", _endless(b"Content-Length: 99999999999", b"." * 65_536), "delivered", "http_200"),
    Visitor("never ends its chunks", _endless(b"Transfer-Encoding: chunked", CHUNK), "delivered", "http_200"),
    Visitor("never ends without a length", _endless(b"X: y", b"." * 65_536), "delivered", "http_200"),
    Visitor("packs a bomb", _answer("200 OK", "Content-Encoding: gzip", body=BOMB), "delivered", "http_200"),
    Visitor("packs what is not packed", _answer("200 OK", "Content-Encoding: br", body=b"x"), "delivered", "http_200"),
    Visitor("has an odd header", _answer("200 OK", "X-Caf\xe9: \xe9\x80"), "pending", "bad_answer"),
    Visitor("has an odd value", _answer("200 OK", "X-Name: caf\xe9"), "delivered", "http_200"),
    Visitor("has 10,000 headers", _answer("200 OK", *["X: y"] * 10_000), "pending", "bad_answer"),
    Visitor(
        "floods headers",
        lambda line: line.says(OK) and line.floods(b"X-Flood: " + b"." * 1_000 + b"\r\n"),
        "pending",
        "bad_answer",
    ),
    Visitor("is reset", Line.resets, "pending", "reset"),
    Visitor("is reset in its headers", lambda line: line.says(OK) and line.resets(), "pending", "reset"),
    Visitor("hangs up", lambda _: None, "pending", "hung_up"),
    Visitor("hangs up in its headers", lambda line: line.says(OK), "pending", "hung_up"),
    Visitor(
        "hangs up in its body", lambda line: line.says(OK + b"Content-Length: 9\r\n\r\nx"), "delivered", "http_200"
    ),
    Visitor(
        "says more than it said", lambda line: line.says(OK + b"Content-Length: 1\r\n\r\nxyz"), "pending", "bad_answer"
    ),
    Visitor("speaks no HTTP", lambda line: line.says(b"\0\1\2 this is no HTTP\r\n\r\n"), "pending", "bad_answer"),
    Visitor("speaks HTTP/0.9", lambda line: line.says(b"<html>200 OK</html>\r\n"), "pending", "bad_answer"),
    Visitor("has no number", lambda line: line.says(b"HTTP/1.1 twohundred OK\r\n\r\n"), "pending", "bad_answer"),
    Visitor(
        "has a negative length", lambda line: line.says(OK + b"Content-Length: -5\r\n\r\n"), "pending", "bad_answer"
    ),
    Visitor("has nothing to say", lambda line: line.says(b"HTTP/1.1 204 No Content\r\n\r\n"), "delivered", "http_204"),
    # hook-10: a redirect is a failure, and is not followed.
    Visitor("leads to itself", _answer("302 Found", "Location: /hook"), "pending", "http_302"),
    Visitor("leads home", _answer("301 Moved", "Location: http://127.0.0.1:1/"), "pending", "http_301"),
    Visitor("leads to metadata", _answer("307 Go", "Location: http://169.254.169.254/"), "pending", "http_307"),
    Visitor("is busy", _answer("503 Busy", "Retry-After: soon"), "pending", "http_503"),
    Visitor("has no time", _answer("429 Later", "Retry-After: 1000000000000"), "pending", "http_429"),
    # hook-09
    Visitor("is gone", _answer("410 Gone"), "failed", "http_410"),
]


def test_each_difficult_receiver_costs_one_try_and_is_told_of_in_a_word(alice: Customer) -> None:
    """All at once: none of them keeps another from being tried."""
    with ExitStack() as stack:
        urls = [stack.enter_context(speaking(visitor.speak)) for visitor in ZOO]
        hooks = {alice.webhook(url)["id"]: visitor for url, visitor in zip(urls, ZOO, strict=True)}
        alice.hears(ADA)
        tried = "SELECT webhook_id, state, reason, attempts FROM deliveries WHERE reason IS NOT NULL"
        until(lambda: len(alice.world.sql(tried)) == len(ZOO))
        found = alice.world.sql(tried)

    told = {hooks[webhook_id].kind: (state, reason, tries) for webhook_id, state, reason, tries in found}
    assert told == {visitor.kind: (visitor.state, visitor.reason, 1) for visitor in ZOO}
    log = alice.world.sql("SELECT reason, count(*) FROM delivery_attempts GROUP BY reason")
    assert dict(log) == Counter(visitor.reason for visitor in ZOO)
    assert max(len(response or "") for (response,) in alice.world.sql("SELECT response FROM delivery_attempts")) <= 2048


def test_a_flood_is_hung_up_on(alice: Customer) -> None:
    lines: list[Line] = []

    def flood(line: Line) -> None:
        lines.append(line)
        if line.says(OK + b"X: y\r\n\r\n"):
            line.floods(b"." * 65_536)

    with speaking(flood) as url:
        assert _outcome(alice, url) == ("delivered", "http_200")

    assert lines[0].sent < 32 * 1024 * 1024


def _outcome(alice: Customer, url: str) -> tuple[str, str]:
    """Have a text delivered to *url*; return the state after the first try, and the reason."""
    alice.webhook(url)
    alice.hears(ADA)
    tried = "SELECT state, reason FROM deliveries WHERE attempts = 1 AND reason IS NOT NULL"
    until(lambda: bool(alice.world.sql(tried)))
    return alice.world.sql(tried)[0]


def test_a_port_where_nobody_listens_is_tried_again(alice: Customer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]

    assert _outcome(alice, f"http://127.0.0.1:{port}/hook") == ("pending", "refused")


def test_a_connection_is_kept_and_one_that_was_closed_meanwhile_costs_no_try(alice: Customer) -> None:
    connections: list[Line] = []

    def speak(line: Line) -> None:
        connections.append(line)
        line.says(OK + b"Content-Length: 0\r\n\r\n")
        for _ in range(2):  # and then it hangs up, with a request under way
            if not line.hears():
                return
            if _ == 0:
                line.says(OK + b"Content-Length: 0\r\n\r\n")

    with speaking(speak) as url:
        alice.webhook(url)
        for number in range(3):
            alice.hears(ADA, str(number))
            done = "SELECT count(*) FROM deliveries WHERE state = 'delivered'"
            until(lambda: alice.world.sql(done) == [(number + 1,)])  # noqa: B023 - asked at once

    assert len(connections) == 2
    assert alice.world.sql("SELECT DISTINCT attempts, reason FROM deliveries") == [(1, "http_200")]


class TestTheLimit:
    """srv-045, srv-131: one for the whole of a try, over however many connections it goes."""

    async def test_kept_connections_that_are_closed_late_do_not_prolong_a_try(self) -> None:
        async with _closing_late() as (url, asked):
            sender = HttpSender(guard_of("127.0.0.0/8"), 1)
            together = [sender.attempt(url, READY, 0) for _ in range(4)]
            assert {each.reason for each in await asyncio.gather(*together)} == {"http_200"}

            outcome = await sender.attempt(url, READY, 0)
            await sender.close()

        assert (outcome.is_delivered, outcome.reason) == (False, "timeout")
        assert asked[4:] in (["kept"], ["kept"] * 2)


@asynccontextmanager
async def _closing_late() -> AsyncIterator[tuple[str, list[str]]]:
    """Answer the first request of four connections once they are there.

    The next one has to wait, and then the connection is closed; the one after that is answered, but later still.
    """
    asked: list[str] = []
    all_four = asyncio.Barrier(4)
    answering: list[asyncio.Task[None] | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.append(asyncio.current_task())
        asked.append("new" if await reader.read(65_536) else "nothing")
        await all_four.wait()
        writer.write(OK + b"Content-Length: 0\r\n\r\n")
        if await reader.read(65_536):
            asked.append("kept")
            is_first = asked.count("kept") == 1
            await asyncio.sleep(0.6 if is_first else 0.9)
            writer.write(b"" if is_first else OK + b"Content-Length: 0\r\n\r\n")
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", asked
    await asyncio.gather(*filter(None, answering))


class TestCookies:
    def test_what_one_receiver_sets_no_receiver_is_sent(self, alice: Customer) -> None:
        asked: list[bytes] = []

        def speak(line: Line) -> None:
            asked.append(line.request)
            line.says(OK + b"Set-Cookie: session=of-a-tenant; Path=/\r\nContent-Length: 0\r\n\r\n")

        with speaking(speak) as url:
            alice.webhook(url)
            alice.webhook(url.replace("127.0.0.1", "localhost"))
            for _ in range(2):
                alice.hears(ADA)
                until(lambda: not alice.world.sql("SELECT 1 FROM deliveries WHERE completed_at IS NULL"))

        assert len(asked) == 4
        assert not [request for request in asked if b"cookie" in request.lower()]


class TestNamesThatNobodyKnows:
    def test_dead_names_hold_up_no_other_receiver(self) -> None:  # one customer's names must not be everybody's trouble
        with speaking(lambda line: line.says(OK + b"Content-Length: 0\r\n\r\n")) as url, _deaf_name_server() as port:
            first = uvloop.run(_first_to_end(url, port))

        assert (first.is_delivered, first.reason) == (True, "http_200")


async def _first_to_end(url: str, name_server_port: int) -> Outcome:
    """Try many names that are never answered for, then *url*; return what came of the first try to end."""
    resolver = aiohttp.AsyncResolver(nameservers=["127.0.0.1"], udp_port=name_server_port, timeout=3, tries=1)
    sender = HttpSender(guard_of("127.0.0.0/8"), 10, resolver)
    urls = [f"https://nobody{number}.example.com/hook" for number in range(DEAD_NAMES)]
    tries = [asyncio.create_task(sender.attempt(each, READY, 0)) for each in [*urls, url]]
    done, pending = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    for each in pending:
        each.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await sender.close()
    return done.pop().result()


@contextmanager
def _deaf_name_server() -> Iterator[int]:
    """Run a name server that answers nothing; give its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield deaf.getsockname()[1]
