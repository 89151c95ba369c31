"""What becomes of connections, keys and threads: nothing leaks, and nothing is left open."""

import asyncio
import contextlib
import inspect
import json
import pickle
import pydoc
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from blueport_sdk import (
    AsyncClient,
    Client,
    ConnectionFailedError,
    InvalidRequestError,
    MessagesError,
    WaitTimeoutError,
)
from tests.sdks.calling import CLIENTS, KEY, KINDS, Call, Kind, called
from tests.sdks.player import Json, Player
from tests.system.blueport import until

LINES: Json = {"example": "GET /v1/lines"}
SILENCE: Json = {"fault": "silence"}
HELLO = "id: evt_0\nretry: 0\n\n"
REFUSED: Json = {
    "status": 400,
    "body": {
        "error": {"type": "invalid_request_error", "code": "invalid_json", "message": "No."},
        "request_id": "req_1",
    },
}
A_MESSAGE: Json = {"from": "+15551234567", "to": "+15550100001", "text": "Hi"}

each_client = pytest.mark.parametrize("kind", KINDS)


def _stream(*chunks: str, open_end: bool = False) -> Json:
    return {"status": 200, "headers": {"Content-Type": "text/event-stream"}, "chunks": chunks, "open_end": open_end}


def _event(number: int) -> str:
    told = {"id": f"evt_{number}", "event": "new.kind", "data": {}, "created_at": 1, "line_id": "l", "chat_id": "c"}
    return f"id: evt_{number}\ndata: {json.dumps(told)}\n\n"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class TestClosing:
    def test_a_closed_client_leaves_no_connection_open(self, player: Player) -> None:
        player.plays(LINES)

        with Client(KEY, player.url) as client:
            client.list_lines()
            until(lambda: player.connected == 1)

        until(lambda: player.connected == 0)

    async def test_neither_does_the_other_one(self, player: Player) -> None:
        player.plays(LINES)

        async with AsyncClient(KEY, player.url) as client:
            await client.list_lines()
            await asyncio.to_thread(until, lambda: player.connected == 1)

        await asyncio.to_thread(until, lambda: player.connected == 0)

    def test_a_client_with_other_options_closes_nothing(self, player: Player) -> None:
        player.plays(LINES, LINES, LINES)

        with Client(KEY, player.url) as client:
            with client.with_options(timeout_s=5) as other:
                other.list_lines()
            client.list_lines()
            other.list_lines()

        assert len(player.heard) == 3

    def test_what_is_the_callers_is_not_closed(self, player: Player) -> None:
        player.plays(LINES, LINES)

        with httpx2.Client() as http:
            for _ in range(2):
                with Client(KEY, player.url, http=http) as client:
                    client.list_lines()

        assert len(player.heard) == 2


class TestEvents:
    def test_the_connection_is_closed_with_the_iterator(self, player: Player) -> None:
        player.plays(_stream(HELLO, _event(1), open_end=True))

        with Client(KEY, player.url) as client:
            with contextlib.closing(client.events()) as events:
                assert next(events).id == "evt_1"
            until(lambda: player.connected == 0)

    async def test_so_it_is_with_asyncio(self, player: Player) -> None:
        player.plays(_stream(HELLO, _event(1), open_end=True))

        async with AsyncClient(KEY, player.url) as client:
            async with contextlib.aclosing(client.events()) as events:
                assert (await anext(events)).id == "evt_1"
            await asyncio.to_thread(until, lambda: player.connected == 0)

    @each_client
    def test_a_type_that_is_not_known_is_told_as_it_came(self, kind: Kind, player: Player) -> None:
        player.plays(_stream(_event(1)))

        [event] = called(kind, Call("events", {}, iterate=True, take=1), api_key=KEY, base_url=player.url).items

        assert (event.event, event.data) == ("new.kind", {})

    @each_client
    def test_a_server_that_ends_each_stream_at_once_is_not_asked_without_end(self, kind: Kind, player: Player) -> None:
        player.plays(_stream(HELLO), _stream(HELLO), _stream(_event(1)))

        outcome = called(kind, Call("events", {}, iterate=True, take=1), api_key=KEY, base_url=player.url)

        assert outcome.waits_s == [0.1, 0.1]

    @each_client
    def test_one_type_may_be_named_without_a_list(self, kind: Kind, player: Player) -> None:
        player.plays(_stream(_event(1)))
        call = Call("events", {"events": "message.received"}, iterate=True, take=1)

        called(kind, call, api_key=KEY, base_url=player.url)

        assert player.heard[0].query == {"events": "message.received"}


class TestWaiting:
    async def test_a_call_that_is_cancelled_gives_its_connection_back(self, player: Player) -> None:
        player.plays(SILENCE, LINES)
        limits = httpx2.Limits(max_connections=1)

        async with httpx2.AsyncClient(limits=limits) as http, AsyncClient(KEY, player.url, http=http) as client:
            asked = asyncio.ensure_future(client.list_lines())
            await asyncio.to_thread(until, lambda: len(player.heard) == 1)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            assert (await client.list_lines()).data
            await asyncio.to_thread(until, lambda: player.connected == 1)

    @each_client
    def test_waiting_for_work_ends_in_time(self, kind: Kind, player: Player) -> None:
        body = {"id": "obx_1", "line_id": "l", "status": "pending", "payload": {}, "attempts": 0, "max_attempts": 5}
        player.plays(*[{"status": 200, "body": body | {"created_at": 1, "request_id": "req_1"}}] * 50)
        call = Call("wait_for_outbox_item", {"id": "obx_1", "timeout_s": 9})

        outcome = called(kind, call, api_key=KEY, base_url=player.url)

        assert isinstance(outcome.error, WaitTimeoutError)
        assert str(outcome.error) == "obx_1 is still pending after 9 s"
        assert 8 < sum(outcome.waits_s) <= 9
        assert len(player.heard) == len(outcome.waits_s) + 1

    @each_client
    def test_who_waits_for_events_may_wait_longer_than_for_an_answer(self, kind: Kind, player: Player) -> None:
        player.plays({"example": "GET /v1/events", "after_s": 0.4})
        client = {"api_key": KEY, "base_url": player.url, "timeout_s": 0.2, "max_retries": 0}

        assert called(kind, Call("list_events", {"wait_s": 30}), **client).error is None


def test_threads_may_share_a_client(player: Player) -> None:
    player.plays(*[{"example": "POST /v1/messages"}] * 80)

    with Client(KEY, player.url) as client, ThreadPoolExecutor(8) as threads:
        begun = threading.Barrier(8)

        def sends(thread: int) -> list[str]:
            begun.wait()
            return [client.send_message(from_="l", to="p", text=f"{thread}.{each}").status for each in range(10)]

        assert [status for statuses in threads.map(sends, range(8)) for status in statuses] == ["pending"] * 80

    assert len({heard.raw for heard in player.heard}) == 80
    assert len({heard.headers["idempotency-key"] for heard in player.heard}) == 80


class TestHttpOfTheCaller:
    def test_a_proxy_is_used(self, player: Player) -> None:
        player.plays(LINES)

        with (
            httpx2.Client(proxy=player.url) as http,
            Client(KEY, "http://blueport.example.com", http=http) as client,
        ):
            client.list_lines()

        assert player.heard[0].target == "http://blueport.example.com/v1/lines"

    def test_a_redirect_is_not_followed_even_by_one_that_would(self, player: Player) -> None:
        player.plays({"status": 307, "headers": {"Location": "http://testserver/elsewhere"}, "text": ""})

        with (
            httpx2.Client(follow_redirects=True) as http,
            Client(KEY, player.url, http=http) as client,
            pytest.raises(MessagesError),
        ):
            client.send_message(from_="l", to="p", text="Hi")

        assert len(player.heard) == 1


@each_client
class TestWrongArguments:
    @pytest.mark.parametrize(
        ("url", "says"),
        [
            ("blueport.example.com", "like https://"),
            ("ftp://blueport.example.com", "like https://"),
            ("https://", "like https://"),
            ("http://blueport.example.com:port", "like https://"),
            ("https://me:secret@blueport.example.com", "api_key="),
            ("https://blueport.example.com/v1?x=1", "'?'"),
        ],
    )
    def test_a_base_url_that_is_none_is_told(self, kind: Kind, url: str, says: str) -> None:
        with pytest.raises(ValueError, match=r"base URL") as refused:
            CLIENTS[kind](KEY, url)

        assert says in str(refused.value)
        assert "secret" not in str(refused.value)

    def test_a_key_from_a_file_may_end_its_line(self, kind: Kind, player: Player) -> None:
        player.plays(LINES)

        called(kind, Call("list_lines", {}), api_key=f"{KEY}\n", base_url=player.url)

        assert player.heard[0].headers["authorization"] == f"Bearer {KEY}"

    def test_a_key_that_is_none_is_told_and_not_shown(self, kind: Kind) -> None:
        with pytest.raises(ValueError, match="API key") as refused:
            CLIENTS[kind]("sk_live_…")

        assert "sk_live" not in str(refused.value)

    def test_what_no_header_takes_is_refused_before_any_request(self, kind: Kind, player: Player) -> None:
        player.plays()
        call = Call("send_message", A_MESSAGE, {"idempotency_key": "Bestellung Grüße"})

        outcome = called(kind, call, api_key=KEY, base_url=player.url)

        assert isinstance(outcome.error, ValueError)
        assert "Idempotency-Key" in str(outcome.error)
        assert player.heard == []

    def test_half_a_letter_is_for_the_server_to_judge(self, kind: Kind, player: Player) -> None:
        player.plays(REFUSED)

        outcome = called(kind, Call("send_message", A_MESSAGE | {"text": "\ud83d"}), api_key=KEY, base_url=player.url)

        assert isinstance(outcome.error, InvalidRequestError)
        assert player.heard[0].raw.endswith(b'"text":"\\ud83d"}')


@each_client
class TestFiles:
    def test_a_file_that_is_nowhere_is_no_answer_of_ours(self, kind: Kind, player: Player) -> None:
        player.plays({"status": 302, "headers": {"Location": "file:///etc/passwd"}, "text": ""})

        outcome = called(kind, Call("download_file", {"id": "file_1"}), api_key=KEY, base_url=player.url)

        assert isinstance(outcome.error, MessagesError)
        assert outcome.error.code == "unexpected_response"
        assert len(player.heard) == 1

    def test_a_file_that_cannot_be_reached_is_told_without_its_link(self, kind: Kind, player: Player) -> None:
        link = "http://127.0.0.1:1/files/file_1?signature=5ec2e7"
        player.plays({"status": 302, "headers": {"Location": link}, "text": ""})
        call = Call("download_file", {"id": "file_1"})

        outcome = called(kind, call, api_key=KEY, base_url=player.url, max_retries=0)

        assert isinstance(outcome.error, ConnectionFailedError)
        assert str(outcome.error).startswith("http://127.0.0.1:1 cannot be reached: ")
        assert "5ec2e7" not in str(outcome.error)


@each_client
class TestWhatIsShown:
    def test_a_client_shows_where_it_is_and_not_its_key(self, kind: Kind) -> None:
        client = CLIENTS[kind](KEY, "https://blueport.example.com/v1")

        assert repr(client) == f"{CLIENTS[kind].__name__}('https://blueport.example.com')"
        assert KEY not in repr(vars(client))

    @pytest.mark.parametrize("line", [{"fault": "close"}, REFUSED], ids=["no_answer", "refused"])
    def test_no_traceback_shows_the_key(self, kind: Kind, line: Json, player: Player) -> None:
        player.plays(line)
        call = Call("send_message", A_MESSAGE)

        error = called(kind, call, api_key=KEY, base_url=player.url, max_retries=0).error

        assert isinstance(error, MessagesError)
        frames = [frame for each in _causes(error) for frame, _ in traceback.walk_tb(each.__traceback__)]
        # The test's own have the key.
        others = [frame for frame in frames if "/tests/" not in frame.f_code.co_filename]
        assert others
        assert KEY not in "".join(repr(value) for frame in others for value in frame.f_locals.values())

    def test_an_error_tells_what_to_quote(self, kind: Kind, player: Player) -> None:
        player.plays(REFUSED)

        error = called(kind, Call("list_lines", {}), api_key=KEY, base_url=player.url).error

        assert str(error) == "No. (invalid_json, HTTP 400, req_1)"

    def test_a_page_that_is_none_of_the_api_s_asks_about_the_base_url(self, kind: Kind, player: Player) -> None:
        player.plays({"status": 404, "text": "<html>", "headers": {"Content-Type": "text/html"}})

        error = called(kind, Call("list_lines", {}), api_key=KEY, base_url=player.url).error

        assert str(error) == "HTTP 404, and not in the API's words: is the base URL right? (unknown_error, HTTP 404)"

    def test_an_error_goes_from_one_process_to_another(self, kind: Kind, player: Player) -> None:
        player.plays(REFUSED)
        error = called(kind, Call("list_lines", {}), api_key=KEY, base_url=player.url).error
        assert error is not None

        again = pickle.loads(pickle.dumps(error))

        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))

    def test_no_answer_has_its_cause(self, kind: Kind, player: Player) -> None:
        player.plays({"fault": "close"})

        error = called(kind, Call("list_lines", {}), api_key=KEY, base_url=player.url, max_retries=0).error

        assert isinstance(error, MessagesError)
        assert isinstance(error.__cause__, httpx2.RemoteProtocolError)

    def test_help_shows_what_is_given_and_returned(self, kind: Kind) -> None:
        shown = pydoc.plain(pydoc.render_doc(CLIENTS[kind].send_read_receipt))

        assert "send_read_receipt(self, *, from_: str, to: str) -> blueport_sdk.models.Accepted" in shown
        assert "Mark a chat as read." in shown

    def test_every_method_says_what_it_does(self, kind: Kind) -> None:
        methods = inspect.getmembers(CLIENTS[kind], inspect.isfunction)

        assert [name for name, method in methods if not name.startswith("_") and not inspect.getdoc(method)] == []
