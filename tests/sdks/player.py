"""A server that plays a script: it answers each request as the next line says, and keeps what it was asked.

A line has the form of those in `contract/clients/behaviours.json`, and here also `after_s` (seconds to wait before) and
`open_end` (chunks with no end). Wherever a line says `http://testserver`, it is the player that is meant.
"""

import email.utils
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.patience import PATIENCE_S

Json = Any

CONTRACT = Path(__file__).parents[2] / "contract"
TESTSERVER = "http://testserver"
EXAMPLES: Json = json.loads((CONTRACT / "examples.json").read_text())
_KEPT = 1024 * 1024
_UNEXPECTED: Json = {"status": 599, "text": "the script has no answer to this"}


class Heard(NamedTuple):
    """One request as it arrived; names of headers are in lower case. Of a body the beginning is kept."""

    method: str
    target: str
    headers: dict[str, str]
    raw: bytes
    size: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


class Part(NamedTuple):
    """What was heard while a script was played, and what is left of that."""

    heard: list[Heard]
    script: Iterator[Json]


class Player:
    """Plays what `plays` was given last."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.part = Part([], iter(()))
        # How many connections are open: who leaves one open is found by it.
        self.connected = 0
        self.ending = threading.Event()

    @property
    def heard(self) -> list[Heard]:
        return self.part.heard

    def plays(self, *script: Json) -> None:
        self.part = Part([], iter(script))

    def here(self, text: str) -> str:
        """Return *text* as it is where the player is."""
        return text.replace(TESTSERVER, self.url)


@contextmanager
def playing() -> Iterator[Player]:
    """Run a player on a free port."""
    counting = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE_S
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            with counting:
                player.connected += 1

        def handle(self) -> None:
            with suppress(OSError):  # a client that has had enough
                super().handle()

        def finish(self) -> None:
            with suppress(OSError):
                super().finish()
            with counting:
                player.connected -= 1

        def do_GET(self) -> None:
            part = player.part  # of who asks now: what was broken off takes no line of what is played next
            raw, size = _body(self.rfile, int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            part.heard.append(Heard(self.command, self.path, headers, raw, size))
            _answer(self, player, next(part.script, _UNEXPECTED))

        do_POST = do_DELETE = do_GET  # noqa: N815 - the standard library's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    player = Player(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.002})
    thread.start()
    try:
        yield player
    finally:
        player.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _body(file: IO[bytes], length: int) -> tuple[bytes, int]:
    """Read a body, and return its first mebibyte and its size."""
    raw = file.read(min(length, _KEPT))
    size = len(raw)
    while size < length and (chunk := file.read(min(length - size, _KEPT))):
        size += len(chunk)
    return raw, size


def _answer(handler: BaseHTTPRequestHandler, player: Player, line: Json) -> None:
    time.sleep(line.get("after_s", 0))
    if "fault" in line:
        _FAULTS[line["fault"]](handler, player)
        handler.close_connection = True
    elif "chunks" in line or "bytes_at_a_time" in line:
        _stream(handler, player, line, _chunks(line))
    else:
        _whole(handler, player, _with_example(line))


def _with_example(line: Json) -> Json:
    if "example" not in line:
        return line
    example = EXAMPLES[line["example"]]
    headers = {"Location": example["location"]} if "location" in example else {}
    return {"status": example["status"], "body": example["answer"], "headers": headers}


def _whole(handler: BaseHTTPRequestHandler, player: Player, line: Json) -> None:
    content = player.here(json.dumps(line["body"]) if "body" in line else line["text"]).encode()
    headers = {"Content-Type": "application/json"} | line.get("headers", {})
    if "retry_at_in_s" in line:
        headers["Retry-After"] = email.utils.formatdate(time.time() + line["retry_at_in_s"], usegmt=True)
    missing = 10 if line.get("cut") else 0
    _begin(handler, line, {name: player.here(value) for name, value in headers.items()}, len(content) + missing)
    handler.wfile.write(content)
    handler.close_connection = bool(missing)


def _begin(handler: BaseHTTPRequestHandler, line: Json, headers: dict[str, str], length: int | None) -> None:
    handler.send_response(line["status"])
    framing = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    for header in {**headers, **framing}.items():
        handler.send_header(*header)
    handler.end_headers()


def _chunks(line: Json) -> Sequence[bytes]:
    if "chunks" in line:
        return [chunk.encode() for chunk in line["chunks"]]
    raw, size = line["text"].encode(), line["bytes_at_a_time"]
    return [raw[start : start + size] for start in range(0, len(raw), size)]


def _stream(handler: BaseHTTPRequestHandler, player: Player, line: Json, chunks: Sequence[bytes]) -> None:
    """Send *chunks*, and then the end, or nothing more for as long as the other side has patience."""
    _begin(handler, line, line.get("headers", {}), None)
    for chunk in chunks if line.get("open_end") else [*chunks, b""]:
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
    if line.get("open_end"):
        _silence(handler, player)
        handler.close_connection = True


def _close(handler: BaseHTTPRequestHandler, _: Player) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def _silence(handler: BaseHTTPRequestHandler, player: Player) -> None:
    """Say nothing, until the other side has had enough."""
    handler.connection.settimeout(0.05)
    while not player.ending.is_set():
        try:
            if not handler.connection.recv(1):
                return
        except TimeoutError:
            continue


_FAULTS: dict[str, Callable[[BaseHTTPRequestHandler, Player], None]] = {"close": _close, "silence": _silence}
