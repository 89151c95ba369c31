"""A load generator that keeps its own time: requests go out at moments laid down beforehand, whoever has answered.

One that sends when it was answered rests while a server stands still, and so leaves out just those who would have had
to wait ("coordinated omission"). Here a request's time begins at its moment, although no connection may be free then.
"""

import asyncio
import selectors
import sys
import time
from collections import deque
from collections.abc import Callable

import msgspec

from benchmarks.load import LOST, Load, Reader, requests_of
from benchmarks.measuring import percentile


class Pace(msgspec.Struct, frozen=True):
    """What to send, and how often; `load.connections` is how many requests are under way at a time."""

    load: Load
    per_second: float


class Paced(msgspec.Struct, frozen=True):
    """How long it took from the moments at which requests were due, in milliseconds."""

    sent: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    unexpected: list[str]


class _Due(msgspec.Struct, frozen=True):
    """A request and its moment."""

    at: float
    request: bytes


class _Connection(asyncio.Protocol):
    def __init__(self, expected: bytes, answered: Callable[["_Connection"], None]) -> None:
        self._reader = Reader(expected)
        self._answered = answered
        self._due_at = 0.0
        self.took_s: list[float] = []

    @property
    def unexpected(self) -> list[str]:
        return self._reader.unexpected

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]  # a socket's
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._reader.is_whole(data):
            self.took_s.append(time.perf_counter() - self._due_at)
            self._answered(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._reader.unexpected.append(LOST)

    def send(self, due: _Due) -> None:
        self._due_at = due.at
        self.transport.write(due.request)


class _Generator:
    """Sends what is due on a connection that is free, or on the first that will be."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._request_of = requests_of(pace.load)
        self._free: list[_Connection] = []
        self._waiting: deque[_Due] = deque()
        self.unanswered = max(1, round(pace.per_second * pace.load.seconds))
        self._count = self.unanswered
        self.done = asyncio.get_running_loop().create_future()

    def connection(self) -> _Connection:
        return _Connection(b"HTTP/1.1 %d " % self._pace.load.expected_status, self._note_answer)

    def start(self, connections: list[_Connection]) -> None:
        self._free = connections
        self._began_at = time.perf_counter()
        self._send_from(0)

    def _send_from(self, number: int) -> None:
        """Send what is due by now, and come back for the next."""
        while number < self._count and self._moment(number) <= time.perf_counter():
            self._send(_Due(self._moment(number), self._request_of(number)))
            number += 1
        if number < self._count:
            delay_s = max(0.0, self._moment(number) - time.perf_counter())
            asyncio.get_running_loop().call_later(delay_s, self._send_from, number)

    def _moment(self, number: int) -> float:
        return self._began_at + number / self._pace.per_second

    def _send(self, due: _Due) -> None:
        if self._free:
            self._free.pop().send(due)
        else:
            self._waiting.append(due)

    def _note_answer(self, connection: _Connection) -> None:
        self.unanswered -= 1
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._free.append(connection)
        if self.unanswered == 0 and not self.done.done():
            self.done.set_result(None)


# Answers that do not come any more are wrong ones.
_PATIENCE_S = 30


def run(pace: Pace) -> Paced:
    """Send for `seconds` and report."""
    # uvloop's clock, and that of epoll, goes in milliseconds: requests would leave that much too late.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(_run(pace))


async def _run(pace: Pace) -> Paced:
    loop = asyncio.get_running_loop()
    generator = _Generator(pace)
    made = [
        (await loop.create_connection(generator.connection, "127.0.0.1", pace.load.port))[1]
        for _ in range(pace.load.connections)
    ]
    generator.start(list(made))
    await asyncio.wait([generator.done], timeout=pace.load.seconds + _PATIENCE_S)
    unexpected = [each for connection in made for each in connection.unexpected]
    if not generator.done.done():
        unexpected.append(f"{generator.unanswered} were not answered")
    for connection in made:
        connection.transport.abort()
    return _paced(sorted(took for connection in made for took in connection.took_s), unexpected)


def _paced(took_s: list[float], unexpected: list[str]) -> Paced:
    return Paced(
        sent=len(took_s),
        p50_ms=percentile(took_s, 0.5) * 1000,
        p99_ms=percentile(took_s, 0.99) * 1000,
        p999_ms=percentile(took_s, 0.999) * 1000,
        unexpected=unexpected,
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(run(msgspec.json.decode(sys.stdin.buffer.read(), type=Pace))))
