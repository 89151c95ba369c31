"""A load generator: as many keep-alive connections as asked for, each sending its next request when answered.

Hand-written HTTP/1.1, so that one core of it outruns one core of any server measured here.
"""

import asyncio
import sys
import time
from collections.abc import Callable

import msgspec
import uvloop


class Load(msgspec.Struct, frozen=True):
    """What to send: *body* may hold `%d`, which becomes the number of the request."""

    port: int
    method: str
    path: str
    headers: dict[str, str]
    body: str
    connections: int
    seconds: float
    expected_status: int


class Result(msgspec.Struct, frozen=True):
    """What came back: requests a second, and latencies in milliseconds."""

    per_second: float
    median_ms: float
    p99_ms: float
    unexpected: int


class _Connection(asyncio.Protocol):
    def __init__(self, next_request: Callable[[], bytes | None], expected: bytes) -> None:
        self.latencies_s: list[float] = []
        self.unexpected = 0
        self.done = asyncio.get_running_loop().create_future()
        self._next_request = next_request
        self._expected = expected
        self._received = bytearray()

    def connection_made(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length_at = self._received.lower().find(b"content-length:") + 15
        length = int(self._received[length_at : self._received.find(b"\r\n", length_at)])
        if len(self._received) < head_end + 4 + length:
            return
        self.latencies_s.append(time.perf_counter() - self._sent_at)
        self.unexpected += not self._received.startswith(self._expected)
        self._received.clear()
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.unexpected += exc is not None
            self.done.set_result(None)

    def _send(self) -> None:
        request = self._next_request()
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def run(load: Load) -> Result:
    """Send for `seconds` and report."""
    return uvloop.run(_run(load))


async def _run(load: Load) -> Result:
    headers = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
    ends_at = time.perf_counter() + load.seconds
    number = 0

    def next_request() -> bytes | None:
        nonlocal number
        if time.perf_counter() >= ends_at:
            return None
        number += 1
        body = load.body.replace("%d", str(number))
        head = f"{load.method} {load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        return (head + body).encode()

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
        per_second=len(latencies) / elapsed_s,
        median_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1000,
        unexpected=sum(connection.unexpected for _, connection in made),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(run(msgspec.json.decode(sys.stdin.buffer.read(), type=Load))))
