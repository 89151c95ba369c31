"""Hears a server's streams as a client does: over a socket, event by event, with the id that it would go on with."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlencode

import uvicorn

from blueport.server.http.protocol import EnvelopeProtocol
from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.server.world import Json, World


class Heard(NamedTuple):
    """A block of a stream."""

    id: str | None
    event: str | None
    data: Json


class Stream:
    """A stream that is open; `lines` are read as they come."""

    def __init__(
        self, port: int, key: str, last_id: str | None = None, window: int = 0, path: str = "/v1/events", **query: str
    ) -> None:
        """Ask for one; *window* is how many bytes are taken before they are read, 0 means many."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        if window:
            self._connection.sock = socket.socket()
            self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
            self._connection.sock.connect(("127.0.0.1", port))
        headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self._connection.request("GET", f"{path}?{urlencode(query)}", headers=headers)
        self.answer = self._connection.getresponse()
        self.last_id = last_id

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def cut(self) -> None:
        """Hang up, in the middle of whatever comes."""
        self.answer.close()
        self._connection.close()

    def block(self) -> str:
        """Return the next block as it is, "" at the end."""
        lines = []
        while (line := self.answer.readline().decode()) not in ("", "\n"):
            lines.append(line)
        return "".join(lines)

    def next(self) -> Heard | None:
        """Return the next event, None at the end; what is no event is passed by."""
        while block := self.block():
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                return Heard(fields.get("id"), fields.get("event"), json.loads(fields["data"]))
        return None

    def texts(self, how_many: int) -> list[str]:
        """Return the texts of so many messages."""
        return [heard.data["data"]["text"] for heard in (self.next() for _ in range(how_many)) if heard is not None]


class Listening(NamedTuple):
    """A server that listens on a port, and can take leave of its clients."""

    port: int
    world: World

    def stream(self, key: str, last_id: str | None = None, window: int = 0, **query: str) -> Stream:
        """Open a stream, that of events unless another `path` is named."""
        return Stream(self.port, key, last_id, window, **query)


@contextlib.contextmanager
def listening(world: World) -> Iterator[Listening]:
    """Have a world's server listen to others than its own client until the block ends."""
    config = uvicorn.Config(
        world.server.app,
        port=free_port(),
        http=EnvelopeProtocol,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = _Quiet(config)
    serving = world.client.portal.start_task_soon(server.serve)
    while not server.started:
        pass
    try:
        yield Listening(config.port, world)
    finally:
        server.should_exit = True
        serving.result(PATIENCE_S)


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
