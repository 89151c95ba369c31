"""The latest requests to the API and what was answered, for whoever builds against it: only where they are asked for.

They are in this process alone, and are gone with it. No header is kept, no byte of a file, and no secret.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import count
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Scope

from blueport.clock import now_ms
from blueport.server.http.answers import Answer

# Of a request, and of an answer.
LONGEST = 16 * 1024
_OURS = "/v1/"
_GIVEN = "blueport.given"
# Says of itself that nobody wants to see it: `blueport dev` asks whether all is ready.
_UNRECORDED = (b"blueport-unrecorded", b"1")

# Fields that hold one, and what our secrets look like, wherever somebody wrote them.
_SECRET_FIELD = re.compile(rb'("[a-z_]*secret"\s*:\s*)"(?:[^"\\]|\\.)*"')
_SECRET = re.compile(rb"(whsec_|sk_live_|sk_test_|dt_)[A-Za-z0-9+/=_-]+")

_fields_of = msgspec.json.Decoder(dict[str, object])


class Recorded(msgspec.Struct, frozen=True):
    """A request, begun at that moment (Unix milliseconds), and its answer; bodies are JSON.

    `number` counts the answers of this process. `names` are those of line, chat and outbox item that it said, or was
    told.
    """

    id: str
    number: int
    at: int
    method: str
    path: str
    query: str
    status: int
    code: str
    duration_ms: float
    body: msgspec.Raw
    answer: msgspec.Raw
    names: dict[str, str]


class Recording:
    """Keeps up to *limit* requests of this process."""

    def __init__(self, limit: int) -> None:
        self._kept: deque[Recorded] = deque(maxlen=limit)
        self._numbers = count(1)

    def hear(self, scope: Scope, body: object) -> None:
        """Take note of what a request says, whatever becomes of it."""
        if isinstance(body, bytes):
            scope[_GIVEN] = body

    def keep(self, scope: Scope, answer: Answer, request_id: str, took_s: float) -> None:
        """Keep a request that was answered."""
        if not scope["path"].startswith(_OURS) or _UNRECORDED in scope["headers"]:
            return
        body, told = without_secrets(scope.get(_GIVEN, b"")), without_secrets(answer.body)
        query = without_secrets(scope["query_string"])
        recorded = Recorded(
            request_id,
            next(self._numbers),
            now_ms() - round(took_s * 1000),
            scope["method"],
            scope["path"],
            query.decode("utf-8", "replace"),
            answer.status,
            answer.code,
            round(took_s * 1000, 1),
            as_json(body),
            as_json(told),
            _names(query, body, told),
        )
        self._kept.append(recorded)

    def latest(self) -> list[Recorded]:
        """Return what is kept, the newest first."""
        return [*reversed(self._kept)]


def without_secrets(raw: bytes) -> bytes:
    """Return *raw* with dots for what only its owner may know; JSON stays JSON."""
    return _SECRET.sub(rb"\1...", _SECRET_FIELD.sub(rb'\1"..."', raw))


def as_json(raw: bytes) -> msgspec.Raw:
    """Return *raw* itself if it is JSON, null if there is nothing, else as much of it as is kept, as a string."""
    if not raw:
        return msgspec.Raw(b"null")
    if len(raw) <= LONGEST and _is_json(raw):
        return msgspec.Raw(raw)
    more = "..." if len(raw) > LONGEST else ""
    return msgspec.Raw(msgspec.json.encode(raw[:LONGEST].decode("utf-8", "replace") + more))


def _is_json(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _names(query: bytes, body: bytes, answer: bytes) -> dict[str, str]:
    said: dict[str, object] = {**dict(parse_qsl(query.decode("utf-8", "replace"))), **_fields(body)}
    asked = _texts(said, ("from", "to", "id"))
    return _texts(_fields(answer), ("id",)) | asked


def _fields(raw: bytes) -> Mapping[str, object]:
    try:
        return _fields_of.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _texts(said: Mapping[str, object], names: Iterable[str]) -> dict[str, str]:
    return {name: value for name in names if isinstance(value := said.get(name), str) and value}
