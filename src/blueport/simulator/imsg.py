"""Stands in for `imsg rpc`: JSON-RPC 2.0 over standard input and output, an object a line.

    python -m blueport.simulator.imsg HOME rpc

What changes something is done in one lane, in the order in which it was asked for: one call that hangs holds up all
that come after it. Questions are answered beside the lane, and events are told beside both.
"""

import socket
import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

import msgspec

from blueport.simulator.bridge import METHODS, SUBSCRIBE
from blueport.simulator.stand_in import CONNECTION_LOST, NO_BRIDGE, NOT_RUNNING, ScriptError, ask, told

Shape = TypeVar("Shape")
Answer = dict[str, object]

_ALL_METHODS = ("initialize", "status", *METHODS, SUBSCRIBE)

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
MAY_HAVE_COMPLETED, BRIDGE_NOT_USABLE = -32001, -32003

_LOOK_AGAIN_S = 0.2


class _Request(msgspec.Struct, frozen=True):
    method: str
    id: int | str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _RefusedError(Exception):
    def __init__(self, code: int, message: str, *, disposition: str = "not_started", retry_safe: bool = False) -> None:
        super().__init__(message)
        self.said = {
            "code": code,
            "message": message,
            "data": {"disposition": disposition, "retry_safe": retry_safe},
        }


def main() -> None:
    """Answer line by line until standard input closes."""
    home, verb = sys.argv[1:]
    if verb != "rpc":
        sys.exit("only `rpc` is simulated")
    lane: SimpleQueue[_Request | None] = SimpleQueue()
    working = threading.Thread(target=_work, args=(home, lane), daemon=True)
    working.start()
    for line in sys.stdin.buffer:
        _hear(home, line, lane)
    lane.put(None)
    working.join()


def _hear(home: str, line: bytes, lane: SimpleQueue[_Request | None]) -> None:
    try:
        request = msgspec.json.decode(line, type=_Request)
    except msgspec.ValidationError as error:
        _say({"id": None, "error": {"code": INVALID_REQUEST, "message": str(error)}})
    except (msgspec.DecodeError, UnicodeDecodeError):
        _say({"id": None, "error": {"code": PARSE_ERROR, "message": "Parse error"}})
    else:
        if request.method in METHODS:
            lane.put(request)
        else:
            _answer(home, request)


def _work(home: str, lane: SimpleQueue[_Request | None]) -> None:
    while (request := lane.get()) is not None:
        _answer(home, request)


def _answer(home: str, request: _Request) -> None:
    try:
        result = _result(home, request)
    except _RefusedError as refused:
        _say({"id": request.id, "error": refused.said})
    except ScriptError as error:
        _say({"id": request.id, "error": _refusal(error).said})
    else:
        _say({"id": request.id, "result": result})


def _result(home: str, request: _Request) -> Answer:
    if request.method in METHODS:
        return _done(home, request)
    questions: dict[str, Callable[[str], Answer]] = {
        "initialize": _status,
        "status": _status,
        SUBSCRIBE: _subscribed,
    }
    question = questions.get(request.method)
    if question is None:
        raise _RefusedError(METHOD_NOT_FOUND, "Method not found")
    _checked(request, _Nothing)
    return question(home)


def _done(home: str, request: _Request) -> Answer:
    _checked(request, METHODS[request.method])
    guid = ask(home, [b"bridge", request.method.encode(), bytes(request.params)])
    if not request.method.startswith("send."):
        return {"ok": True}
    return {"ok": True, "transport": "bridge", "guid": guid.decode() or None}


def _checked(request: _Request, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(request.params, type=shape)
    except msgspec.ValidationError as error:
        raise _RefusedError(INVALID_PARAMS, str(error)) from error


def _status(home: str) -> Answer:
    methods = _ALL_METHODS if _has_bridge(home) else ()
    return {"protocol": 1, "methods": methods, "supported_methods": _ALL_METHODS, "capabilities": {"features": {}}}


def _has_bridge(home: str) -> bool:
    try:
        return ask(home, [b"bridge"]) == b"on"
    except ScriptError:
        return False


def _refusal(error: ScriptError) -> _RefusedError:
    if error.number in (NOT_RUNNING, NO_BRIDGE):
        return _RefusedError(BRIDGE_NOT_USABLE, str(error), retry_safe=True)
    if error.number == CONNECTION_LOST:
        return _RefusedError(MAY_HAVE_COMPLETED, str(error), disposition="may_have_completed")
    return _RefusedError(INTERNAL_ERROR, str(error))


# Events


def _subscribed(home: str) -> Answer:
    events = _opened(home)
    threading.Thread(target=_tell_for_ever, args=(home, events), daemon=True).start()
    return {"subscription": 1}


def _opened(home: str) -> socket.socket:
    """Return a connection on which events come from now on."""
    connection = told(home, [b"events"])
    verdict = connection.recv(2)
    if verdict != b"0\0":
        rest = verdict + b"".join(iter(lambda: connection.recv(65536), b""))
        connection.close()
        number, _, message = rest.partition(b"\0")
        raise ScriptError(int(number or CONNECTION_LOST), message.decode())
    return connection


def _tell_for_ever(home: str, events: socket.socket) -> None:
    """Tell events; when Messages has ended, those of its next life."""
    while True:
        try:
            with events, events.makefile("rb") as lines:
                for line in lines:
                    _say({"method": "bridge.event", "params": msgspec.Raw(line.strip())})
        except OSError:
            pass  # the Mac has died
        events = _reopened(home)


def _reopened(home: str) -> socket.socket:
    while True:
        time.sleep(_LOOK_AGAIN_S)
        try:
            return _opened(home)
        except (ScriptError, OSError):
            continue


_mouth = threading.Lock()


def _say(said: Answer) -> None:
    with _mouth:
        sys.stdout.buffer.write(msgspec.json.encode({"jsonrpc": "2.0", **said}) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
