"""A customer's webhook receiver: keeps what it is sent, and answers as it is told."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Heard(NamedTuple):
    """One delivery as it arrived."""

    raw: bytes
    headers: dict[str, str]

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.raw)

    def is_signed_with(self, secret: str) -> bool:
        """Verify as the official SDK does: the timestamp of the body, the secret's own bytes, lower-case hex."""
        signed = f"{self.event['timestamp']}.".encode() + self.raw
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return self.headers["x-webhook-signature"] == expected


class Receiver:
    """Listens on a free port until `close`; `status_of` says how to answer."""

    def __init__(self, status_of: Callable[[Heard], int] = lambda _: 200) -> None:
        heard: list[Heard] = []
        self.heard = heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                each = Heard(raw, {name.lower(): value for name, value in self.headers.items()})
                heard.append(each)
                self.send_response(status_of(each))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
