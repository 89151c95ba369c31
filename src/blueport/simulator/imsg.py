"""Stands in for `imsg rpc`: JSON-RPC 2.0 over standard input and output, an object a line.

    python -m blueport.simulator.imsg HOME rpc

It knows what a daemon asks for: `initialize`, `status`, and `send.rich` for replies.
"""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec

from blueport.simulator.stand_in import CONNECTION_LOST, NOT_RUNNING, ScriptError, ask

Shape = TypeVar("Shape")

_METHODS = ("initialize", "status", "send.rich")

PARSE_ERROR, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32601, -32602, -32603
MAY_HAVE_COMPLETED, BRIDGE_NOT_USABLE = -32001, -32003


class _Request(msgspec.Struct, frozen=True):
    method: str
    id: int | str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    chat_guid: str
    text: str
    reply_to: str
    part_index: int = 0


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
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(answer(home, line)) + b"\n")
        sys.stdout.buffer.flush()


def answer(home: str, line: bytes) -> dict[str, object]:
    """Return the answer to one request."""
    try:
        request = msgspec.json.decode(line, type=_Request)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"jsonrpc": "2.0", "id": None, "error": {"code": PARSE_ERROR, "message": "Parse error"}}
    try:
        return {"jsonrpc": "2.0", "id": request.id, "result": _result(home, request)}
    except _RefusedError as refused:
        return {"jsonrpc": "2.0", "id": request.id, "error": refused.said}


def _result(home: str, request: _Request) -> dict[str, object]:
    methods: dict[str, Callable[[], dict[str, object]]] = {
        "initialize": lambda: _status(_params(request, _Nothing)),
        "status": lambda: _status(_params(request, _Nothing)),
        "send.rich": lambda: _replied(home, _params(request, _Reply)),
    }
    method = methods.get(request.method)
    if method is None:
        raise _RefusedError(METHOD_NOT_FOUND, "Method not found")
    return method()


def _params(request: _Request, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(request.params, type=shape)
    except msgspec.ValidationError as error:
        raise _RefusedError(INVALID_PARAMS, str(error)) from error


def _status(_: _Nothing) -> dict[str, object]:
    return {"protocol": 1, "methods": _METHODS, "supported_methods": _METHODS, "capabilities": {"features": {}}}


def _replied(home: str, reply: _Reply) -> dict[str, object]:
    words = [reply.chat_guid, reply.reply_to, reply.text]
    try:
        guid = ask(home, [b"reply", *(os.fsencode(word) for word in words)])
    except ScriptError as error:
        raise _refusal(error) from error
    return {"ok": True, "transport": "bridge", "guid": guid.decode() or None}


def _refusal(error: ScriptError) -> _RefusedError:
    if error.number == NOT_RUNNING:
        return _RefusedError(BRIDGE_NOT_USABLE, str(error), retry_safe=True)
    if error.number == CONNECTION_LOST:
        return _RefusedError(MAY_HAVE_COMPLETED, str(error), disposition="may_have_completed")
    return _RefusedError(INTERNAL_ERROR, str(error))


if __name__ == "__main__":
    main()
