"""Receivers that drip, flood, hang up or live where they should not: each costs one try, within its time."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import aiohttp
import pytest
import uvloop

from blueport.server.ids import DeliveryId, WebhookId
from blueport.server.notifying.guard import guard_of
from blueport.server.notifying.queries import Due
from blueport.server.notifying.sender import HttpSender
from blueport.server.notifying.service import Outcome, Try
from tests.databases import Database
from tests.server.receiver import Receiver, until
from tests.server.world import ADA, MINUTE_MS, Clock, Customer, World

DEAD_NAMES = 60
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def alice(database: Database) -> Iterator[Customer]:
    """Return Alice on a server that waits for a receiver no longer than half a second."""
    with World(database, Clock(), webhook_timeout_s=0.5).open() as world:
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


def _outcome(alice: Customer, url: str) -> tuple[str, str]:
    """Have a text delivered to *url*; return the state after the first try, and the reason."""
    alice.webhook(url)
    alice.hears(ADA)
    tried = "SELECT state, reason FROM deliveries WHERE attempts = 1 AND reason IS NOT NULL"
    until(lambda: bool(alice.world.sql(tried)))
    return alice.world.sql(tried)[0]


# srv-131, hook-07: the limit is on the whole try, not on each read.
@pytest.mark.parametrize(
    "speak",
    [
        lambda line: line.over.wait(),
        lambda line: line.says(b"HTTP/1.1 200 ") and line.drips(b"O"),
        lambda line: line.says(OK) and line.drips(b"X-Drop: 1\r\n"),
    ],
    ids=["says nothing", "drips its status", "drips headers"],
)
def test_a_receiver_that_takes_too_long_is_tried_again(alice: Customer, speak: Callable[[Line], None]) -> None:
    with speaking(speak) as url:
        assert _outcome(alice, url) == ("pending", "timeout")


# srv-131: the status is the answer, and the body decides nothing.
@pytest.mark.parametrize(
    ("head", "drop"), [(b"Content-Length: 100000", b"."), (b"Transfer-Encoding: chunked", b"1\r\n.\r\n")]
)
def test_a_receiver_that_drips_its_body_has_answered(alice: Customer, head: bytes, drop: bytes) -> None:
    with speaking(lambda line: line.says(OK + head + b"\r\n\r\n") and line.drips(drop)) as url:
        assert _outcome(alice, url) == ("delivered", "http_200")


# srv-046, srv-066
@pytest.mark.parametrize("length", [b"Content-Length: 99999999999", b"Transfer-Encoding: chunked", b"X: y"])
def test_of_an_endless_answer_only_the_beginning_is_read(alice: Customer, length: bytes) -> None:
    lines: list[Line] = []
    gulp = (b"10000\r\n" if b"chunked" in length else b"") + b"." * 65_536 + b"\r\n"

    def flood(line: Line) -> None:
        lines.append(line)
        if line.says(OK + length + b"\r\n\r\n"):
            line.floods(gulp)

    with speaking(flood) as url:
        assert _outcome(alice, url) == ("delivered", "http_200")

    assert lines[0].sent < 32 * 1024 * 1024, "it was hung up on"


@pytest.mark.parametrize(
    ("speak", "reason"),
    [
        (lambda line: line.resets(), "not_connected"),
        (lambda _: None, "bad_answer"),
        (lambda line: line.says(b"\0\1\2 this is no HTTP\r\n\r\n"), "bad_answer"),
        (lambda line: line.says(b"HTTP/1.1 twohundred OK\r\n\r\n"), "bad_answer"),
        (lambda line: line.says(OK) and line.floods(b"X-Flood: " + b"." * 1_000 + b"\r\n"), "bad_answer"),
        (lambda line: line.says(OK + b"Content-Length: -5\r\n\r\n"), "bad_answer"),
    ],
    ids=["resets", "hangs up", "garbage", "odd status", "floods headers", "negative length"],
)
def test_a_receiver_that_breaks_off_is_tried_again(
    alice: Customer, speak: Callable[[Line], object], reason: str
) -> None:
    with speaking(speak) as url:
        assert _outcome(alice, url) == ("pending", reason)


def test_a_port_where_nobody_listens_is_tried_again(alice: Customer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]

    assert _outcome(alice, f"http://127.0.0.1:{port}/hook") == ("pending", "not_connected")


def test_a_compressed_answer_is_not_unpacked(alice: Customer) -> None:
    with speaking(lambda line: line.says(OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz")) as url:
        assert _outcome(alice, url) == ("delivered", "http_200")


class TestAddresses:
    # hook-13, hook-14, hook-15: what was allowed at creation is judged again at each try.
    def test_a_network_that_is_no_longer_allowed_is_not_dialled(self, database: Database, receiver: Receiver) -> None:
        clock = Clock()
        receiver.answering = lambda _: 500
        with World(database, clock).open() as world:
            alice = world.customer("Alice", "+15550101000")
            assert _outcome(alice, receiver.url) == ("pending", "http_500")

        clock.ms += MINUTE_MS
        with World(database, clock, webhook_allow="").open() as world:
            until(lambda: world.sql("SELECT reason FROM deliveries") == [("url_not_allowed",)])

        assert len(receiver.heard) == 1

    # hook-13: a name is judged by the address that it leads to, when it is dialled.
    def test_a_name_that_leads_to_a_private_address_is_not_dialled(
        self, database: Database, receiver: Receiver
    ) -> None:
        url = receiver.url.replace("127.0.0.1", "localhost.localdomain")
        with World(database, Clock(), webhook_allow="10.0.0.0/8").open() as world:
            alice = world.customer("Alice", "+15550101000")

            state, reason = _outcome(alice, url.replace("http://", "https://"))

        assert state == "pending"
        assert reason in ("not_connected", "name_not_resolved")  # as this machine knows the name or not
        assert receiver.heard == []

    @pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
    def test_public_addresses_may_be_dialled(self, address: str) -> None:
        assert guard_of("").may_dial(address)

    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.20",
            "169.254.169.254",
            "168.63.129.16",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fe80::1%eth0",
            "fd00::1",
            "ff02::1",
            # srv-068, srv-070, srv-071
            "::ffff:127.0.0.1",
            "::ffff:a9fe:a9fe",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "::ffff:0:127.0.0.1",
        ],
    )
    def test_no_other_address_may_be_dialled_however_it_is_written(self, address: str) -> None:
        assert not guard_of("").may_dial(address)

    # hook-15, srv-073
    def test_the_operator_may_allow_networks_and_hosts(self) -> None:
        guard = guard_of(" 192.168.1.0/24, n8n ")

        assert guard.url_fault("http://192.168.1.20/hook") is None
        assert guard.url_fault("http://n8n:5678/hook") is None
        assert guard.may_dial("192.168.1.20")
        assert not guard.may_dial("192.168.2.20")
        assert guard.url_fault("http://192.168.2.20/hook") is not None
        assert guard.url_fault("http://n9n:5678/hook") is not None


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

        assert first == Outcome(is_delivered=True, reason="http_200")


async def _first_to_end(url: str, name_server_port: int) -> Outcome:
    """Try many names that are never answered for, then *url*; return what came of the first try to end."""
    resolver = aiohttp.AsyncResolver(nameservers=["127.0.0.1"], udp_port=name_server_port, timeout=3, tries=1)
    sender = HttpSender(guard_of("127.0.0.0/8"), 10, resolver)
    urls = [f"https://nobody{number}.example.com/hook" for number in range(DEAD_NAMES)]
    tries = [asyncio.create_task(sender.attempt(_try(each))) for each in [*urls, url]]
    done, pending = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    for each in pending:
        each.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await sender.close()
    return done.pop().result()


def _try(url: str) -> Try:
    due = Due(DeliveryId("dlv_1"), WebhookId("wh_1"), 0, "message.received", "{}", url, "whsec_x")
    return Try(due, "tok_1", 0)


@contextmanager
def _deaf_name_server() -> Iterator[int]:
    """Run a name server that answers nothing; give its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield deaf.getsockname()[1]
