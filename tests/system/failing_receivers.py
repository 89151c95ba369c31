"""Customers' receivers that fail at three tries of ten, in every way that receivers fail, and verify each on arrival.

They run in a thread, all in one loop, and share no code with what signs: they know what is promised to receivers.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tests.patience import PATIENCE_S

# A close that tells the other side that something broke.
_RESETTING = struct.pack("ii", 1, 0)
_HURRIED_S, _SLOW_S = 0.2, 3.0


class Heard(msgspec.Struct):
    """A try as it arrived: of which event, stamped when; `status` is what it was answered, None if it was not."""

    webhook: str
    number: int
    delivery_id: str
    stamp: int
    status: int | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Mood(NamedTuple):
    """How a try is met, and how often: with a status after a while, with less than an answer, or with a reset."""

    weight: int
    status: int | None
    after_s: float = 0
    more: str = ""
    said: bytes = b""
    is_reset: bool = False


# Weights are parts of a thousand.
_KIND = [Mood(680, 200), Mood(20, 204, _HURRIED_S)]
_UNKIND = [
    Mood(90, 500),
    Mood(30, 500, more="Retry-After: 1\r\n"),
    Mood(30, 404),
    Mood(40, 302, more="Location: /elsewhere\r\n"),
    Mood(50, None),
    Mood(40, None, said=b"HTTP/1.1 200 OK\r\nContent-Le"),
    Mood(10, None, said=b"+OK\r\n\r\n"),
]
_RESETS = [Mood(10, None, is_reset=True)]
# After these a webhook is left alone for a minute.
_LONG = [Mood(3, 503), Mood(3, 429, more="Retry-After: 60\r\n"), Mood(4, 200, _SLOW_S)]
MOODS = [*_KIND, *_UNKIND, *_RESETS, *_LONG]
CALM = [*_KIND, *_UNKIND, *_RESETS]


class Receivers:
    """As many as there are names; each is at `/NAME` of one port.

    `heard` has every try in the order of arrival, and `faults` what no receiver would have taken.
    """

    def __init__(self, names: Sequence[str], seed: int, has_been: Callable[[int], bool]) -> None:
        self.secrets: dict[str, str] = {}
        self.heard: list[Heard] = []
        self.accepted: set[tuple[str, int]] = set()
        self.faults: list[str] = []
        self.moods = MOODS
        self._names = names
        self._rng = random.Random(seed)
        self._has_been = has_been
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self._thread = threading.Thread(target=self._loop.run_forever, name="receivers")
        self._thread.start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/{name}"

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            is_open = True
            while is_open:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = _headers_in(head)
                body = await reader.readexactly(int(headers["content-length"]))
                heard = self._taken(head.split(" ", 2)[1].removeprefix("/"), headers, body)
                is_open = await self._met(heard, writer)
        writer.close()

    def _taken(self, name: str, headers: Mapping[str, str], body: bytes) -> Heard:
        said = json.loads(body)
        fault = "not signed as promised" if not _is_genuine(headers, body, said, self.secrets[name]) else ""
        fault = fault or ("" if self._has_been(said["timestamp"]) else "too old, or from the future")
        if fault:
            self.faults.append(f"{name}: {fault}: {dict(headers)} {body!r}")
        heard = Heard(name, int(said["data"]["text"]), said["delivery_id"], said["timestamp"])
        self.heard.append(heard)
        return heard

    async def _met(self, heard: Heard, writer: asyncio.StreamWriter) -> bool:
        """Answer as the mood is; False if the connection is at its end."""
        mood = self._rng.choices(self.moods, [mood.weight for mood in self.moods])[0]
        if mood.after_s:
            await asyncio.sleep(mood.after_s)
        if mood.is_reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETTING)
        if mood.status is None:
            writer.write(mood.said)
            return False
        heard.status = mood.status
        if heard.is_accepted:
            self.accepted.add((heard.webhook, heard.number))
        length = "" if mood.status == 204 else "Content-Length: 0\r\n"
        writer.write(f"HTTP/1.1 {mood.status} So\r\n{length}{mood.more}\r\n".encode())
        return True


@contextlib.contextmanager
def receiving(names: Sequence[str], seed: int, has_been: Callable[[int], bool]) -> Iterator[Receivers]:
    """Return receivers of these names, which take what was signed at a moment that *has_been*."""
    receivers = Receivers(names, seed, has_been)
    try:
        yield receivers
    finally:
        receivers.close()


def _headers_in(head: str) -> dict[str, str]:
    lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
    return {name.lower(): value.strip() for name, _, value in lines}


def _is_genuine(headers: Mapping[str, str], body: bytes, said: Mapping[str, object], secret: str) -> bool:
    """Verify as the official SDK does, and as Standard Webhooks do; headers and body say the same."""
    stamp, delivery_id = said["timestamp"], said["delivery_id"]
    assert isinstance(stamp, int)
    standard = f"{delivery_id}.{stamp // 1000}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = {
        "x-webhook-signature": hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest(),
        "x-webhook-timestamp": f"{stamp}",
        "x-webhook-delivery-id": delivery_id,
        "webhook-id": delivery_id,
        "webhook-timestamp": f"{stamp // 1000}",
        "webhook-signature": f"v1,{base64.b64encode(hmac.digest(key, standard, 'sha256')).decode()}",
        "content-type": "application/json",
    }
    return {name: headers.get(name) for name in expected} == expected
