"""The way of a text from chat.db to the webhook, and of an accepted message to Messages, chat.db and back.

On a quiet `blueport dev`: a server, a daemon and a simulated Mac. Each moment is taken where it happens: the receiver's
clock against the moment at which the text was committed whole, or at which the 201 came; and the server's own times of
acceptance and of the grant to hand over.
"""

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks import servers
from benchmarks.measuring import Bench, Figure, Probe, percentile
from blueport.server.notifying.delivering.signing import signature

PERSON = "+15550100001"
RECEIVED = "text committed in chat.db -> webhook"
GRANTED = "201 -> hand-over granted to the daemon"
SENT = "201 -> handed over, proved, webhook message.sent"
APART_S = 0.05
PATIENCE_S = 60
# When each text was first told of by a webhook that was signed (Unix seconds).
_Heard = dict[str, float]


def probes(bench: Bench) -> Sequence[Probe]:
    """Send texts one after the other, both ways."""
    said = bench.stack.enter_context(_dev(bench.folder / "dev"))
    heard: _Heard = {}
    url = bench.stack.enter_context(_receiver(heard, lambda: secret))
    asked: dict[str, object] = {"from": "", "url": url, "events": ["message.received", "message.sent"]}
    secret = _call(said, "POST", "/v1/webhooks", asked)["secret"]
    number = iter(range(sys.maxsize))
    return [partial(_measured, bench, said, heard, number)]


def _measured(bench: Bench, said: dict[str, str], heard: _Heard, number: Iterator[int]) -> list[Figure]:
    count = bench.options.texts
    committed = {text: _text(said, text) for text in (f"text {next(number)}" for _ in range(count))}
    _until(lambda: committed.keys() <= heard.keys())
    accepted = {text: _reply(said, text) for text in (f"reply {next(number)}" for _ in range(count))}
    _until(lambda: accepted.keys() <= heard.keys())
    granted = _grants(bench.folder / "dev" / "blueport.db", count)
    return [
        *_figures(RECEIVED, [(heard[text] - at) * 1000 for text, at in committed.items()]),
        *_figures(GRANTED, granted),
        *_figures(SENT, [(heard[text] - at) * 1000 for text, at in accepted.items()]),
    ]


def _figures(name: str, took_ms: list[float]) -> list[Figure]:
    ordered = sorted(took_ms)
    shares = {"p50": 0.5, "p99": 0.99}
    return [Figure(f"{name}: {of}", percentile(ordered, share), "ms") for of, share in shares.items()]


def _text(said: dict[str, str], text: str) -> float:
    """Have a person text the line; the answer comes once the row is whole in chat.db."""
    time.sleep(APART_S)
    url = f"{said['simulator_url']}/people/{PERSON}/messages"
    urllib.request.urlopen(urllib.request.Request(url, json.dumps({"text": text}).encode()), timeout=10).read()
    return time.time()


def _reply(said: dict[str, str], text: str) -> float:
    """Send a message, and return when it was accepted."""
    time.sleep(APART_S * 3)
    _call(said, "POST", "/v1/messages", {"from": said["line"], "to": PERSON, "text": text})
    return time.time()


def _grants(database: Path, count: int) -> list[float]:
    """Return how long each of the last items waited to be granted, in milliseconds."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        last = f"SELECT begun_at - created_at FROM outbox ORDER BY seq DESC LIMIT {count}"
        return [float(waited) for (waited,) in connection.execute(last)]


def _call(said: dict[str, str], method: str, path: str, body: dict[str, object]) -> Any:
    headers = {"Authorization": f"Bearer {said['api_key']}"}
    request = urllib.request.Request(said["api_url"] + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError("what was sent did not all arrive")
        time.sleep(0.05)


@contextlib.contextmanager
def _dev(folder: Path) -> Iterator[dict[str, str]]:
    folder.mkdir()
    command = [sys.executable, "-m", "blueport.cli.main", "dev", "--port", "0", "--json", "--data", str(folder)]
    environment = servers.without_settings() | {"BLUEPORT_PACE_MS": "0", "BLUEPORT_LOOP_LIMIT": "0"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=15)
        process.stdout.close()


@contextlib.contextmanager
def _receiver(heard: _Heard, secret: Callable[[], str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            arrived_at = time.time()
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            event = json.loads(raw)
            if self.headers["X-Webhook-Signature"] == signature(secret(), event["timestamp"], raw):
                heard.setdefault(event["data"]["text"], arrived_at)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
