"""A model's endpoint that is none: it answers as it is told, and keeps what it was asked."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = Any


class Completions:
    """Listens on a free port until the end of the block; `message_for` says what the model says."""

    def __init__(self, message_for: Callable[[Json], Json]) -> None:
        asked: list[Json] = []
        self.asked = asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                answer = json.dumps({"choices": [{"message": message_for(asked[-1])}]}).encode()
                is_known = (self.path, self.headers["Authorization"]) == ("/v1/chat/completions", "Bearer of a model")
                self.send_response(200 if is_known else 401)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def environment(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self._server.server_port}/v1"
        return {"MODEL_URL": url, "MODEL_NAME": "tiny", "MODEL_KEY": "of a model"}

    def __enter__(self) -> "Completions":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
