"""Requests that do not go on: each ends within its time, whatever part of it is missing."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from blueport.server.http import lingering, protocol
from blueport.server.http.answers import Answer, Stream, send_answer
from blueport.server.http.protocol import EnvelopeProtocol
from tests.patience import PATIENCE_S
from tests.server.receiver import until

HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
WHOLE = HEAD + b"12345"
CHUNKS = HEAD.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked")
BAD_CHUNK = CHUNKS + b"nonsense\r\n"
EARLY, EARLY_CHUNKS = HEAD.replace(b"/v1/messages", b"/early"), CHUNKS.replace(b"/v1/messages", b"/early")


GIVEN_UP = threading.Event()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(protocol, "PATIENCE_S", 0.05)
    with serving() as port:
        yield port


@contextmanager
def serving() -> Iterator[int]:
    """Run an app that answers 204 to each request that is whole, and to one for /early at once."""
    config = uvicorn.Config(answer, http=EnvelopeProtocol, lifespan="off", log_config=None, timeout_keep_alive=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        until(lambda: server.started)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/endless":
        await send_answer(send, Answer(200, b"", stream=Stream(10**12, _no_end())), "req_1")
        GIVEN_UP.set()
        return
    message = {"type": "http.request", "more_body": scope["path"] != "/early"}
    while message.get("more_body"):
        message = dict(await receive())
    if message["type"] == "http.request":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


async def _no_end() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65_536


def said_until_the_end(port: int, *parts: bytes) -> bytes:
    """Send *parts* and return all that is answered until the other side hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        for part in parts:
            connection.sendall(part)
        answers = b""
        while heard := connection.recv(65_536):
            answers += heard
        return answers


@pytest.mark.parametrize("begun", [b"G", b"GET /v1/lines HTTP/1.1\r\nHost: x\r\n", HEAD, HEAD + b"{"])
def test_a_request_that_does_not_go_on_is_a_408(port: int, begun: bytes) -> None:
    said = said_until_the_end(port, begun)

    assert said.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in said
    assert b"x-request-id: req_" in said


def test_a_connection_on_which_nothing_is_said_is_closed(port: int) -> None:
    assert said_until_the_end(port) == b""


def test_who_does_not_read_what_he_asked_for_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "UNREAD_S", 0.05)

    with serving() as port, socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")

        assert GIVEN_UP.wait(PATIENCE_S)


def test_an_answer_before_the_end_of_the_last_body_is_heard() -> None:
    head = EARLY.replace(b"Content-Length: 5", b"Connection: close\r\nContent-Length: 8000000")

    with serving() as port:
        said = said_until_the_end(port, head, b"x" * 8_000_000)

    assert said.startswith(b"HTTP/1.1 204 ")


def test_a_body_that_is_no_body_is_refused(port: int) -> None:
    assert said_until_the_end(port, BAD_CHUNK).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("begun", [EARLY, EARLY + b"1", EARLY_CHUNKS])
def test_what_was_answered_early_is_not_refused_later(port: int, begun: bytes) -> None:
    said = said_until_the_end(port, begun)

    assert said.startswith(b"HTTP/1.1 204 ")
    assert said.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("behind", [b"\r\n", b"", b"G"])
def test_a_connection_ends_after_its_answers_whatever_was_begun(port: int, behind: bytes) -> None:
    assert said_until_the_end(port, WHOLE, behind).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize("broken", [b"nonsense\r\n\r\n", BAD_CHUNK, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000, HEAD])
def test_what_was_whole_before_is_answered_and_what_comes_behind_never(port: int, broken: bytes) -> None:
    said = said_until_the_end(port, WHOLE + WHOLE + broken, WHOLE)

    assert said.startswith(b"HTTP/1.1 204 ")
    assert said.count(b"HTTP/1.1 204 ") == 2 + (broken is HEAD)


def test_who_goes_on_talking_behind_a_refusal_is_not_cut_off(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        connection.recv(1)
        for _ in range(10):
            connection.sendall(b"x" * 10_000)
            time.sleep(0.01)
        connection.shutdown(socket.SHUT_WR)

        assert b"".join(iter(lambda: connection.recv(65_536), b"")).startswith(b"TTP/1.1 400 ")


def test_who_never_hangs_up_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER_S", 0.05)

    with serving() as port, socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"nonsense\r\n\r\n")

        until(lambda: _is_cut_off(connection))


def _is_cut_off(connection: socket.socket) -> bool:
    try:
        connection.sendall(b"x")
    except ConnectionError:
        return True
    return False


def test_trailers_without_end_are_refused(port: int) -> None:
    said = said_until_the_end(port, CHUNKS + b"0\r\n" + b"a: b\r\n" * 20_000)

    assert said.startswith(b"HTTP/1.1 431 ")


def test_only_its_own_bytes_count_for_a_head(port: int) -> None:
    large = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 66000\r\n\r\n" + b" " * 66_000

    said = said_until_the_end(port, large + WHOLE[:20], WHOLE[20:])

    assert said.count(b"HTTP/1.1 204 ") == 2
