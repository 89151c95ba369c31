"""The open-loop generator counts from the moment at which a request was due, and so sees whom a stall kept waiting."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks import load, open_loop
from benchmarks.load import Load
from benchmarks.open_loop import Pace
from tests.patience import PATIENCE_S

STALL_S = 0.3
STALLS_AT = 100
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class _Stalling(asyncio.Protocol):
    """Answers at once; but at one request the whole server stands still for a while."""

    heard = 0

    def connection_made(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for _ in range(data.count(b"\r\n\r\n")):
            type(self).heard += 1
            if type(self).heard == STALLS_AT:
                time.sleep(STALL_S)
            self._transport.write(ANSWER)


@contextmanager
def _serving(protocol: type[asyncio.Protocol]) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@pytest.fixture
def port() -> Iterator[int]:
    with _serving(type("Stalling", (_Stalling,), {})) as port:
        yield port


def _load(port: int, *, connections: int, status: int = 200) -> Load:
    return Load(port, "GET", "/", {}, "", connections, 2.0, status)


def test_a_stall_is_seen_by_all_who_were_due_meanwhile(port: int) -> None:
    paced = open_loop.run(Pace(_load(port, connections=4), per_second=200))

    # 300 ms at 200 a second: sixty were due, though only four connections could be kept waiting.
    assert paced.sent == 400
    assert paced.unexpected == []
    assert paced.p99_ms > STALL_S * 900
    assert paced.p999_ms >= paced.p99_ms >= paced.p50_ms > 0


def test_nothing_is_left_out_while_a_server_stands_still(port: int) -> None:
    began_at = time.monotonic()

    paced = open_loop.run(Pace(_load(port, connections=1), per_second=200))

    assert paced.sent == 400
    assert time.monotonic() - began_at < PATIENCE_S


def test_a_wrong_answer_is_told(port: int) -> None:
    paced = open_loop.run(Pace(_load(port, connections=1, status=201), per_second=10))

    assert paced.sent == 20
    assert paced.unexpected == ["HTTP/1.1 200 OK"] * 20


def test_the_other_generator_does_as_it_is_told(port: int) -> None:
    result = load.run(_load(port, connections=2))

    assert result.answers > STALLS_AT
    assert result.unexpected == []
