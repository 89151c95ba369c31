"""Requests that do not go on: each ends within its time, whatever part of it is missing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from blueport.server.http import protocol
from blueport.server.http.protocol import EnvelopeProtocol
from tests.server.receiver import until

HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
BAD_CHUNK = HEAD.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"nonsense\r\n"


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(protocol, "PATIENCE_S", 0.05)
    with serving() as port:
        yield port


@contextmanager
def serving() -> Iterator[int]:
    """Run an app that answers 204 to each request that is whole."""
    config = uvicorn.Config(answer, http=EnvelopeProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        until(lambda: server.started)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
    message = {"type": "http.request", "more_body": True}
    while message.get("more_body"):
        message = dict(await receive())
    if message["type"] == "http.request":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


def said_until_the_end(port: int, *parts: bytes) -> bytes:
    """Send *parts* and return all that is answered until the other side hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
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


def test_a_body_that_is_no_body_is_refused(port: int) -> None:
    assert said_until_the_end(port, BAD_CHUNK).startswith(b"HTTP/1.1 400 ")


def test_what_was_whole_before_is_answered_first_and_the_rest_never(port: int) -> None:
    said = said_until_the_end(port, HEAD + b"12345" + HEAD + b"12345" + b"nonsense\r\n\r\n" + HEAD + b"12345")

    assert said.count(b"HTTP/1.1 204 ") == said.count(b"HTTP/1.1 ") == 2
