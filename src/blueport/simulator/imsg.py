"""Stands in for `imsg`: JSON-RPC 2.0 over standard input and output, an object a line, and a word on how it is.

    python -m blueport.simulator.imsg HOME rpc
    python -m blueport.simulator.imsg HOME status --json

What changes something is done in one lane, in the order in which it was asked for: one call that hangs holds up all
that come after it. Questions are answered beside the lane, and events are told beside both.

An earlier generation, 0.9, has the lane alone, for all that is asked. It knows no questions and no events, overlooks
parameters that it does not know, emoji among them, and says of an error no more than a sentence.
"""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import NamedTuple, TypeVar

import msgspec

from blueport.simulator.bridge import METHODS, NEWER, SUBSCRIBE
from blueport.simulator.stand_in import (
    BUSY,
    CONNECTION_LOST,
    DYING,
    IN_FLIGHT,
    NO_BRIDGE,
    NOT_RUNNING,
    ScriptError,
    ask,
    told,
)

Shape = TypeVar("Shape")
Answer = dict[str, object]

# What is ready without a bridge too; typing and reading try other ways then, and fail.
_READY = ("initialize", "status", "typing", "read")
_ALL_METHODS = ("initialize", "status", *METHODS, SUBSCRIBE)

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
SERVER_BUSY, MAY_HAVE_COMPLETED, BRIDGE_NOT_USABLE, LANE_BLOCKED = -32000, -32001, -32003, -32004

_LOOK_AGAIN_S = 0.2


class _Request(msgspec.Struct, frozen=True):
    method: str
    id: int | str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _RefusedError(Exception):
    """What is said of an error: a sentence, or what may have come of it."""

    def __init__(self, code: int, message: str, data: str | Answer) -> None:
        super().__init__(message)
        self.said = {"code": code, "message": message, "data": data}


class _Mac(NamedTuple):
    """The home folder of a Mac, and what it is like there."""

    home: str
    is_old: bool
    # Set once something goes on of which nobody knows how far it is: then nothing more is done.
    is_blocked: threading.Event


def main() -> None:
    """Answer line by line until standard input closes, or say once how things are."""
    home, *words = sys.argv[1:]
    mac = _Mac(home, _is_old(home), threading.Event())
    if words == ["status", "--json"]:
        sys.stdout.write(json.dumps(_report(mac)) + "\n")
    elif words == ["rpc"]:
        _serve(mac)
    else:
        sys.exit("only `rpc` and `status --json` are simulated")


def _serve(mac: _Mac) -> None:
    lane: SimpleQueue[_Request | None] = SimpleQueue()
    working = threading.Thread(target=_work, args=(mac, lane), daemon=True)
    working.start()
    for line in sys.stdin.buffer:
        _hear(mac, line, lane)
    lane.put(None)
    working.join()


def _is_old(home: str) -> bool:
    try:
        return ask(home, [b"imsg"]) == b"0.9"
    except ScriptError:
        return False


def _hear(mac: _Mac, line: bytes, lane: SimpleQueue[_Request | None]) -> None:
    try:
        request = msgspec.json.decode(line, type=_Request)
    except msgspec.ValidationError as error:
        _say({"id": None, "error": _RefusedError(INVALID_REQUEST, "Invalid Request", str(error)).said})
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _say({"id": None, "error": _RefusedError(PARSE_ERROR, "Parse error", str(error)).said})
    else:
        if request.method in METHODS or mac.is_old:
            lane.put(request)
        else:
            _answer(mac, request)


def _work(mac: _Mac, lane: SimpleQueue[_Request | None]) -> None:
    while (request := lane.get()) is not None:
        _answer(mac, request)


def _answer(mac: _Mac, request: _Request) -> None:
    try:
        result = _result(mac, request)
    except _RefusedError as refused:
        _say({"id": request.id, "error": refused.said})
    except ScriptError as error:
        _say({"id": request.id, "error": _refusal(mac, error).said})
    else:
        _say({"id": request.id, "result": result})


def _result(mac: _Mac, request: _Request) -> Answer:
    if request.method in METHODS and not (mac.is_old and request.method in NEWER):
        return _done(mac, request)
    questions: dict[str, Callable[[_Mac], Answer]] = {
        "initialize": _status,
        "status": _status,
        SUBSCRIBE: _subscribed,
    }
    question = questions.get(request.method)
    if question is None or mac.is_old:
        raise _RefusedError(METHOD_NOT_FOUND, "Method not found", request.method)
    _checked(request.params, _Nothing)
    return question(mac)


def _done(mac: _Mac, request: _Request) -> Answer:
    if mac.is_blocked.is_set():
        raise _unsure(LANE_BLOCKED, "Mutation lane blocked", "still_in_flight")
    shape = METHODS[request.method]
    params = _known(request.params, shape) if mac.is_old else bytes(request.params)
    _checked(params, shape)
    guid = ask(mac.home, [b"bridge", request.method.encode(), params])
    if request.method == "chats.create":
        return {"ok": True, "message_guid": guid.decode()} if guid else {"ok": True}
    if not request.method.startswith("send."):
        return {"ok": True}
    return {"ok": True, "transport": "bridge", "guid": guid.decode() or None}


def _known(params: msgspec.Raw, shape: type[msgspec.Struct]) -> bytes:
    """Return what of the parameters the earlier generation knows."""
    names = {field.encode_name for field in msgspec.structs.fields(shape)} - {"emoji"}
    given = msgspec.json.decode(params, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: value for name, value in given.items() if name in names})


def _checked(params: bytes | msgspec.Raw, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(params, type=shape)
    except msgspec.ValidationError as error:
        raise _RefusedError(INVALID_PARAMS, "Invalid params", str(error)) from error


def _status(mac: _Mac) -> Answer:
    bridge = _bridge(mac.home)
    return {
        "version": "0.15.10",
        "protocol_version": 1,
        "database": {"ready": True},
        "bridge": {"ready": bool(bridge)},
        "methods": _ALL_METHODS if bridge else _READY,
        "supported_methods": _ALL_METHODS,
        "capabilities": {"features": {"tapback.emoji": 2} if b"emoji" in bridge else {}},
    }


def _report(mac: _Mac) -> Answer:
    is_up = bool(_bridge(mac.home))
    report = {"basic_features": True, "advanced_features": is_up, "v2_ready": is_up, "selectors": {}}
    return report if mac.is_old else report | {"rpc_methods": _ALL_METHODS}


def _bridge(home: str) -> list[bytes]:
    """Return what the bridge can do, in words; nothing if there is none."""
    try:
        return ask(home, [b"bridge"]).split()
    except ScriptError:
        return []


def _refusal(mac: _Mac, error: ScriptError) -> _RefusedError:
    if error.number == DYING:
        os._exit(1)
    if mac.is_old:
        return _RefusedError(INTERNAL_ERROR, "Internal error", str(error))
    if error.number == IN_FLIGHT:
        mac.is_blocked.set()
    return _meaning(error)


def _meaning(error: ScriptError) -> _RefusedError:
    if error.number in (NOT_RUNNING, NO_BRIDGE):
        return _surely_not(BRIDGE_NOT_USABLE, "Bridge unavailable")
    if error.number == BUSY:
        return _RefusedError(SERVER_BUSY, "Server busy", str(error))
    if error.number in (IN_FLIGHT, CONNECTION_LOST):
        disposition = "still_in_flight" if error.number == IN_FLIGHT else "may_have_completed"
        return _unsure(MAY_HAVE_COMPLETED, "Delivery outcome unknown", disposition)
    return _surely_not(INTERNAL_ERROR, "Delivery failed before dispatch")


def _surely_not(code: int, message: str) -> _RefusedError:
    return _RefusedError(code, message, {"disposition": "not_started", "retry_safe": True})


def _unsure(code: int, message: str, disposition: str) -> _RefusedError:
    return _RefusedError(code, message, {"disposition": disposition, "retry_safe": False})


# Events


def _subscribed(mac: _Mac) -> Answer:
    events = _opened(mac.home)
    threading.Thread(target=_tell_for_ever, args=(mac.home, events), daemon=True).start()
    return {"subscription": 1, "resumable": False}


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
                    event = msgspec.Raw(line.strip())
                    _say({"method": "bridge.event", "params": {"subscription": 1, "event": event}})
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
