"""Who follows events is told where to go on, also before anything has happened."""

import json

import httpx2
import pytest

from blueport_sdk import AsyncClient, Client
from blueport_sdk.exchanging import Answer, Failure
from blueport_sdk.streaming import Following

FIRST = "evt_" + "0" * 26


def _frame(event_id: str) -> bytes:
    told = {"id": event_id, "event": "future", "data": {}, "created_at": 1, "line_id": "ln_1", "chat_id": "cht_1"}
    return f"id: {event_id}\ndata: {json.dumps(told)}\n\n".encode()


def test_the_place_is_told_at_the_start_and_behind_each_event_that_was_taken() -> None:
    places: list[str] = []
    following = Following(after=None, from_=None, events=None, on_place=places.append)

    heard = following.heard(f"retry: 2000\nid: {FIRST}\n\n".encode() + _frame("evt_1") + _frame("evt_2"))

    assert next(heard).id == "evt_1"
    assert places == [FIRST]
    assert next(heard).id == "evt_2"
    assert places == [FIRST, "evt_1"]
    assert next(heard, None) is None
    assert places == [FIRST, "evt_1", "evt_2"]


def test_a_place_that_stays_the_same_is_not_told_again() -> None:
    places: list[str] = []
    following = Following(after="evt_1", from_=None, events=None, on_place=places.append)

    assert [event.id for event in following.heard(b"id: evt_1\n\n" + _frame("evt_2"))] == ["evt_2"]
    assert places == ["evt_2"]


def test_a_server_that_is_away_for_hours_is_still_asked_now_and_then() -> None:
    following = Following(after=None, from_=None, events=None)
    away = Failure("connection_failed", "It is away.")

    waits_s = []
    for _ in range(3_000):
        following.request()
        following.failed(away)
        waits_s.append(following.wait_s())

    assert 2.5 <= min(waits_s[10:]) <= max(waits_s) <= 5


def test_nobody_waits_for_years() -> None:
    following = Following(after=None, from_=None, events=None)
    assert list(following.heard(b"retry: " + b"9" * 5_000 + b"\n\n")) == []
    following.refused(Answer(503, {"retry-after": "9" * 400}, b""))

    assert following.wait_s() == 3_600


def test_an_error_of_the_callers_own_is_none_of_the_streams() -> None:
    def on_place(_: str) -> None:
        raise httpx2.ConnectError("It cannot be kept.")

    with (
        httpx2.Client(transport=httpx2.MockTransport(_answer)) as http,
        Client("sk_live_x", "http://server", http=http) as client,
        pytest.raises(httpx2.ConnectError),
    ):
        next(client.events(on_place=on_place))


STREAM = f"retry: 2000\nid: {FIRST}\n\n".encode() + _frame("evt_1") + _frame("evt_2")


def _answer(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=STREAM)


def test_the_client_tells_it() -> None:
    places: list[str] = []
    with (
        httpx2.Client(transport=httpx2.MockTransport(_answer)) as http,
        Client("sk_live_x", "http://server", http=http) as client,
    ):
        events = client.events(on_place=places.append)

        assert [next(events).id, next(events).id] == ["evt_1", "evt_2"]

    assert places == [FIRST, "evt_1"]


async def test_the_asynchronous_client_tells_it() -> None:
    places: list[str] = []
    async with (
        httpx2.AsyncClient(transport=httpx2.MockTransport(_answer)) as http,
        AsyncClient("sk_live_x", "http://server", http=http) as client,
    ):
        events = client.events(on_place=places.append)

        assert [(await anext(events)).id, (await anext(events)).id] == ["evt_1", "evt_2"]

    assert places == [FIRST, "evt_1"]
