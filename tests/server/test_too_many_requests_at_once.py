"""More requests at a time than the server takes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from starlette.types import Message, Receive, Scope

from blueport.server import provisioning
from blueport.server.app import Server
from blueport.server.authorizing.keys import new_daemon_token, new_key
from blueport.server.http import reading, uploads
from blueport.server.settings import Settings
from blueport.server.store.opening import opened
from tests.databases import Database
from tests.patience import PATIENCE_S
from tests.server.world import Clock, Json

pytestmark = pytest.mark.one_store("judged in memory")

LIMIT = 3
# Others at each run: what is made of them names no test, which is found by its name.
KEY, TOKEN = new_key(), new_daemon_token()
STRANGERS_KEY, STRANGERS_TOKEN = new_key(), new_daemon_token()


@pytest.fixture
async def server(database: Database) -> AsyncIterator[Server]:
    """Return a server that takes on three requests at a time."""
    first = {"first_line": "+15550101000", "first_key": KEY, "first_daemon_token": TOKEN}
    settings = Settings(database=database.named, max_in_flight=LIMIT, **first)
    store = opened(database.named, Clock(), 4)
    try:
        yield Server(settings, store, await store.write(provisioning.prepare, settings))
    finally:
        await store.close()


class Answer:
    """What an ASGI app sends."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.headers |= dict(message.get("headers", ()))
        self.body += message.get("body", b"")

    @property
    def said(self) -> Json:
        return msgspec.json.decode(self.body)


def _scope(method: str, path: str, secret: str = TOKEN) -> Scope:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer " + secret.encode())],
        "scheme": "http",
        "client": ("127.0.0.1", 1),
    }


async def ask(server: Server, method: str, path: str, receive: Receive | None = None, secret: str = TOKEN) -> Answer:
    answer = Answer()
    await server.app(_scope(method, path, secret), receive or _no_more_of_it, answer.send)
    return answer


async def _no_more_of_it() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _never() -> Message:
    raise AssertionError("its body was read")


@asynccontextmanager
async def in_flight(server: Server, requests: int, path: str, ending: Message | None = None) -> AsyncIterator[None]:
    """Have so many requests wait for their body inside the block, which then ends as *ending* says."""
    began = asyncio.Semaphore(0)
    goes_on = asyncio.Event()

    async def receive() -> Message:
        if goes_on.is_set():  # all was said: now it listens
            await asyncio.get_running_loop().create_future()
        began.release()
        await goes_on.wait()
        if ending is None:
            raise RuntimeError("the connection broke in a way that nobody foresaw")
        return ending

    asking = [asyncio.create_task(ask(server, "POST", path, receive)) for _ in range(requests)]
    for _ in asking:
        await began.acquire()
    yield
    goes_on.set()
    await asyncio.gather(*asking)


HELLO, CLAIM = "/daemon/v1/hello", "/daemon/v1/claim"
WHOLE: Message = {"type": "http.request", "body": b"{}", "more_body": False}
GONE: Message = {"type": "http.disconnect"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/lines"), ("POST", "/v1/messages"), ("GET", "/nothing")])
async def test_one_more_is_refused_before_its_body_is_read(server: Server, method: str, path: str) -> None:
    async with in_flight(server, LIMIT, HELLO, WHOLE):
        answer = await ask(server, method, path, _never)

    assert answer.status == 503
    assert answer.said["error"]["code"] == "service_unavailable"
    assert answer.said["error"]["type"] == "api_error"
    assert int(answer.headers[b"retry-after"]) >= 1
    assert answer.headers[b"x-request-id"].decode() == answer.said["request_id"]


async def test_as_many_as_the_limit_are_answered(server: Server) -> None:
    async with in_flight(server, LIMIT - 1, HELLO, WHOLE):
        assert (await ask(server, "GET", "/nothing")).status == 404


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
async def test_health_and_figures_are_always_told(server: Server, path: str) -> None:
    async with in_flight(server, LIMIT, HELLO, WHOLE):
        assert (await ask(server, "GET", path)).status == 200


async def test_the_figures_tell_how_many_there_are_and_how_many_were_refused(server: Server) -> None:
    async with in_flight(server, LIMIT, HELLO, WHOLE):
        await ask(server, "GET", "/v1/lines")
        told = (await ask(server, "GET", "/metrics")).body.decode().splitlines()

    assert f"blueport_requests_in_flight {LIMIT}.0" in told
    assert 'blueport_requests_total{code="service_unavailable",endpoint="",method="GET",status="503"} 1.0' in told


async def test_daemons_that_wait_for_work_do_not_count(server: Server) -> None:
    async with in_flight(server, LIMIT + 2, CLAIM, WHOLE):
        assert (await ask(server, "GET", "/nothing")).status == 404


@pytest.mark.parametrize("ending", [WHOLE, GONE, None], ids=["answered", "gone", "broken"])
async def test_whatever_it_comes_to_a_request_leaves_its_place(
    server: Server, ending: Message | None, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        async with in_flight(server, LIMIT, HELLO, ending):
            assert (await ask(server, "GET", "/nothing")).status == 503
        assert (await ask(server, "GET", "/nothing")).status == 404
    assert bool(caplog.records) == (ending is None)


async def test_a_request_that_is_cancelled_leaves_its_place(server: Server) -> None:
    waiting = asyncio.Event()

    async def receive() -> Message:
        waiting.set()
        return await asyncio.get_running_loop().create_future()

    for _ in range(LIMIT + 1):
        asking = asyncio.create_task(ask(server, "POST", HELLO, receive))
        await waiting.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        waiting.clear()

    assert (await ask(server, "GET", "/nothing")).status == 404


class Dawdler:
    """Says *pieces*, and then nothing until it is told to go on: that is its *ending*."""

    def __init__(self, *pieces: bytes, ending: Message | None = None) -> None:
        self._pieces = list(pieces)
        self._ending = ending or {"type": "http.request", "body": b"}", "more_body": False}
        self.awaited = asyncio.Semaphore(0)
        self.goes_on = asyncio.Event()

    async def receive(self) -> Message:
        if not self._pieces:
            self.awaited.release()
            await self.goes_on.wait()
            return self._ending
        return {"type": "http.request", "body": self._pieces.pop(0), "more_body": True}

    @property
    def unsaid(self) -> int:
        return len(self._pieces)


STRANGERS = [("/v1/messages", STRANGERS_KEY), (HELLO, STRANGERS_TOKEN), (CLAIM, STRANGERS_TOKEN), (HELLO, "nonsense")]


@pytest.mark.parametrize(("path", "secret"), STRANGERS, ids=["key", "hello", "claim", "nonsense"])
@pytest.mark.parametrize("said", [(), (b"{",)])
async def test_a_stranger_who_dawdles_is_not_waited_for(
    server: Server, monkeypatch: pytest.MonkeyPatch, path: str, secret: str, said: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(reading, "STRANGER_S", 0.01)

    answer = await asyncio.wait_for(ask(server, "POST", path, Dawdler(*said).receive, secret), PATIENCE_S)

    assert (answer.status, answer.said["error"]["code"]) == (401, "invalid_api_key")
    for _ in range(LIMIT + 1):
        assert (await ask(server, "GET", "/nothing")).status == 404


async def test_little_of_what_a_stranger_says_is_read(server: Server) -> None:
    talker = Dawdler(*[b"x" * 100_000] * 100)

    answer = await asyncio.wait_for(ask(server, "POST", CLAIM, talker.receive, STRANGERS_TOKEN), PATIENCE_S)

    assert answer.status == 401
    assert talker.unsaid == 97


@pytest.mark.parametrize(("path", "secret"), [("/v1/sandbox", KEY), (HELLO, TOKEN)], ids=["key", "token"])
async def test_who_was_let_in_may_take_longer(
    server: Server, monkeypatch: pytest.MonkeyPatch, path: str, secret: str
) -> None:
    monkeypatch.setattr(reading, "STRANGER_S", 0.01)
    dawdler = Dawdler(b"{")
    asking = asyncio.create_task(ask(server, "POST", path, dawdler.receive, secret))
    for _ in ("as a stranger", "and once more"):
        await asyncio.wait_for(dawdler.awaited.acquire(), PATIENCE_S)

    dawdler.goes_on.set()

    # The body was read: what is wrong is another matter.
    assert (await asking).said["error"]["code"] == ("invalid_json" if path == HELLO else "line_not_found")


@pytest.mark.parametrize(
    ("path", "secret"), [("/v1/messages", KEY), ("/v1/files", KEY), (HELLO, TOKEN)], ids=["key", "upload", "token"]
)
async def test_nobody_may_take_for_ever(
    server: Server, monkeypatch: pytest.MonkeyPatch, path: str, secret: str
) -> None:
    for bound, value in (("STRANGER_S", 0.01), ("GRACE_S", 0.01), ("SLOWEST_BYTES_PER_S", 10**12)):
        monkeypatch.setattr(reading, bound, value)

    answer = await asyncio.wait_for(ask(server, "POST", path, Dawdler(b"{").receive, secret), PATIENCE_S)

    assert (answer.status, answer.said["error"]["code"]) == (408, "request_timeout")


async def test_one_account_uploads_so_many_files_at_a_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "AT_ONCE", 1)
    dawdler = Dawdler(b"x", ending=GONE)
    asking = asyncio.create_task(ask(server, "POST", "/v1/files", dawdler.receive, KEY))
    await dawdler.awaited.acquire()

    refused = await ask(server, "POST", "/v1/files", _never, KEY)

    assert (refused.status, refused.said["error"]["code"]) == (429, "rate_limit_exceeded")
    assert refused.headers[b"retry-after"] == b"1"
    dawdler.goes_on.set()
    await asking
    let_in = await ask(server, "POST", "/v1/files", _no_more_of_it, KEY)
    assert let_in.said["error"]["code"] == "empty_file"
