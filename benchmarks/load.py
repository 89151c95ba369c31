"""A load generator: as many keep-alive connections as asked for, each sending its next request when answered.

Hand-written HTTP/1.1, so that one core of it outruns one core of any server measured here.
"""

import asyncio
import sys
import time
from collections.abc import Callable

import msgspec
import uvloop

from benchmarks.measuring import percentile


class Load(msgspec.Struct, frozen=True):
    """What to send: *path* and *body* may hold `%d`, which becomes the number of the request."""

    port: int
    method: str
    path: str
    headers: dict[str, str]
    body: str
    connections: int
    seconds: float
    expected_status: int


class Result(msgspec.Struct, frozen=True):
    """What came back: answers, also by the second, and latencies in milliseconds."""

    answers: int
    per_second: float
    median_ms: float
    p99_ms: float
    unexpected: list[str]


def requests_of(load: Load) -> Callable[[int], bytes]:
    """Return what makes the bytes of the request of that number."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())

    def request(number: int) -> bytes:
        path, body = load.path.replace("%d", str(number)), load.body.replace("%d", str(number))
        head = f"{load.method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        return (head + body).encode()

    return request


LOST = "a connection was lost"


class Reader:
    """Tells when an answer is whole, and keeps how those begin that do not begin as *expected*."""

    def __init__(self, expected: bytes) -> None:
        self.unexpected: list[str] = []
        self._expected = expected
        self._received = bytearray()

    def is_whole(self, data: bytes) -> bool:
        """Take what came; true if it ends an answer."""
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return False
        length_at = self._received.lower().find(b"content-length:") + 15
        length = int(self._received[length_at : self._received.find(b"\r\n", length_at)])
        if len(self._received) < head_end + 4 + length:
            return False
        if not self._received.startswith(self._expected):
            self.unexpected.append(self._received.partition(b"\r\n")[0].decode())
        self._received.clear()
        return True


class _Connection(asyncio.Protocol):
    def __init__(self, next_request: Callable[[], bytes | None], expected: bytes) -> None:
        self.latencies_s: list[float] = []
        self.done = asyncio.get_running_loop().create_future()
        self._next_request = next_request
        self._reader = Reader(expected)

    @property
    def unexpected(self) -> list[str]:
        return self._reader.unexpected

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]  # a socket's
        self._transport = transport
        self._is_ours_to_close = False
        self._send()

    def data_received(self, data: bytes) -> None:
        if self._reader.is_whole(data):
            self.latencies_s.append(time.perf_counter() - self._sent_at)
            self._send()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self._is_ours_to_close:
            self._reader.unexpected.append(LOST)
        self.done.set_result(None)

    def _send(self) -> None:
        request = self._next_request()
        if request is None:
            self._is_ours_to_close = True
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def run(load: Load) -> Result:
    """Send for `seconds` and report."""
    return uvloop.run(_run(load))


async def _run(load: Load) -> Result:
    request_of = requests_of(load)
    ends_at = time.perf_counter() + load.seconds
    number = 0

    def next_request() -> bytes | None:
        nonlocal number
        if time.perf_counter() >= ends_at:
            return None
        number += 1
        return request_of(number)

    loop = asyncio.get_running_loop()
    expected = b"HTTP/1.1 %d " % load.expected_status
    made = [
        await loop.create_connection(lambda: _Connection(next_request, expected), "127.0.0.1", load.port)
        for _ in range(load.connections)
    ]
    began_at = time.perf_counter()
    await asyncio.gather(*(connection.done for _, connection in made))
    elapsed_s = time.perf_counter() - began_at
    latencies = sorted(latency for _, connection in made for latency in connection.latencies_s)
    return Result(
        answers=len(latencies),
        per_second=len(latencies) / elapsed_s,
        median_ms=percentile(latencies, 0.5) * 1000,
        p99_ms=percentile(latencies, 0.99) * 1000,
        unexpected=[each for _, connection in made for each in connection.unexpected],
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(run(msgspec.json.decode(sys.stdin.buffer.read(), type=Load))))
