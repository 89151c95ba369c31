"""The way of a text from chat.db to the webhook, and of a 201 to the daemon's claim, on a quiet `blueport dev`.

Each moment is taken where it happens: the receiver's clock against the moment at which the text was committed whole,
and the server's own times of acceptance and of the grant to hand over.
"""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PERSON = "+15550100001"
TEXTS = 200
APART_S = 0.05


def measured(folder: Path) -> dict[str, list[float]]:
    """Return milliseconds by name."""
    heard: dict[str, float] = {}
    with _receiver(heard) as url, _dev(folder / "dev") as said:
        _call(said, "POST", "/v1/webhooks", {"from": "", "url": url, "events": ["message.received"]})
        committed = {f"text {n}": _text(said, f"text {n}") for n in range(TEXTS)}
        _until(lambda: len(heard) == TEXTS)
        for n in range(TEXTS):
            _call(said, "POST", "/v1/messages", {"from": said["line"], "to": PERSON, "text": f"reply {n}"})
            time.sleep(APART_S * 3)
        _until(lambda: _claims(folder / "dev/blueport.db")[1] == 0)
        claims, _ = _claims(folder / "dev/blueport.db")
    return {
        "text committed in chat.db -> webhook": [(heard[text] - at) * 1000 for text, at in committed.items()],
        "201 -> hand-over granted to the daemon": claims,
    }


def _text(said: dict[str, str], text: str) -> float:
    """Have a person text the line; the answer comes once the row is whole in chat.db."""
    time.sleep(APART_S)
    url = f"{said['simulator_url']}/people/{PERSON}/messages"
    urllib.request.urlopen(urllib.request.Request(url, json.dumps({"text": text}).encode()), timeout=10).read()
    return time.time()


def _claims(database: Path) -> tuple[list[float], int]:
    """Return how long each item waited to be granted, and how many still wait."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        rows = connection.execute("SELECT begun_at - created_at FROM outbox").fetchall()
    return [float(waited) for (waited,) in rows if waited is not None], sum(waited is None for (waited,) in rows)


def _call(said: dict[str, str], method: str, path: str, body: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {said['api_key']}"}
    request = urllib.request.Request(said["api_url"] + path, json.dumps(body).encode(), headers, method=method)
    urllib.request.urlopen(request, timeout=10).read()


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)


@contextlib.contextmanager
def _dev(folder: Path) -> Iterator[dict[str, str]]:
    folder.mkdir()
    command = [sys.executable, "-m", "blueport.cli.main", "dev", "--port", "0", "--json", "--data", str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BLUEPORT_")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=15)


@contextlib.contextmanager
def _receiver(heard: dict[str, float]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived_at = time.time()
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.setdefault(event["data"]["text"], arrived_at)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
