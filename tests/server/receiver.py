"""A customer's server: keeps what it is sent, answers as it is told, and judges signatures by the seed alone."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from blueport.server.notifying.delivering.signing import new_secret, signed
from tests.patience import PATIENCE_S
from tests.server.world import Json


class Heard(NamedTuple):
    """One delivery as it arrived."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Json:
        return json.loads(self.raw)

    @property
    def text(self) -> str:
        return self.body["data"]["text"]

    def is_signed_with(self, secret: str) -> bool:
        signed = self.headers["x-webhook-timestamp"].encode() + b"." + self.raw
        return self.headers["x-webhook-signature"] == hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class Receiver:
    """Answers 200 to everything, unless *answering* says otherwise; runs in threads of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/hook"
        self.heard: list[Heard] = []
        self.answering: Callable[[Heard], int] = lambda _: 200
        self.saying = b""
        self.headers: dict[str, str] = {}

    def waits_for(self, how_many: int) -> list[Heard]:
        """Return what was heard, once it is that much; for ever is not waited."""
        until(lambda: len(self.heard) >= how_many)
        return self.heard


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Run a receiver, on a free port unless one is named."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            heard = Heard(self.path, {name.lower(): value for name, value in self.headers.items()}, raw)
            receiver.heard.append(heard)
            self.send_response(receiver.answering(heard))
            self.send_header("Content-Length", str(len(receiver.saying)))
            self.send_header("Location", "/elsewhere")
            for header in receiver.headers.items():
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(receiver.saying)

        do_GET = do_POST  # a redirect that is followed must not go unseen  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver = Receiver(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, but not for ever."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"this did not become so within {PATIENCE_S} s"
        time.sleep(0.005)


# Something to be sent.
READY = signed("message.received", "{}", delivery_id="dlv_1", secrets=[new_secret()], now_ms=0)
