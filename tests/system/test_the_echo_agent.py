"""The agent of the README, which shows how a webhook is verified, before a server that is none."""

import hashlib
import hmac
import http.server
import json
import queue
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

AGENT = Path(__file__).parents[2] / "examples" / "echo_agent.py"
SECRET = "whsec_of_nobody"
MINUTE_MS = 60_000
BODY = b'{"data":{"line_id":"ln_1","chat_id":"cht_1","text":"Hi"},"delivery_id":"dlv_1"}'


@pytest.fixture
def url() -> Iterator[str]:
    """Return where the agent listens."""
    urls: queue.Queue[str] = queue.Queue()

    class Api(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if "url" in asked:
                urls.put(asked["url"])
            self.send_response(201)
            self.end_headers()
            self.wfile.write(json.dumps({"secret": SECRET}).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as api:
        threading.Thread(target=api.serve_forever).start()
        agent = subprocess.Popen(
            [sys.executable, str(AGENT), f"http://127.0.0.1:{api.server_port}", "a key"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = urls.get(timeout=PATIENCE_S)
            assert agent.stdout.readline()
            yield url
        finally:
            agent.kill()
            agent.communicate()
            api.shutdown()


def told(url: str, signed: Callable[[str], str], off_ms: int = 0) -> int:
    """Tell the agent of a text with a clock that is off; return the status."""
    stamp = str(round(time.time() * 1000) + off_ms)
    headers = {"X-Webhook-Timestamp": stamp, "X-Webhook-Signature": signed(stamp)}
    request = urllib.request.Request(url, BODY, headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def rightly(stamp: str) -> str:
    return hmac.new(SECRET.encode(), f"{stamp}.".encode() + BODY, hashlib.sha256).hexdigest()


# hook-04, hook-06
def test_what_is_not_ours_or_too_far_off_is_refused(url: str) -> None:
    statuses = {minutes: told(url, rightly, minutes * MINUTE_MS) for minutes in (-6, -4, 0, 4, 6)}
    forged = [told(url, signed) for signed in (lambda stamp: rightly(stamp).upper(), lambda _: "\u00fc", lambda _: "")]

    assert statuses == {-6: 401, -4: 200, 0: 200, 4: 200, 6: 401}
    assert forged == [401] * 3
