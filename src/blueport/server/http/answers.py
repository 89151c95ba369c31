"""Answers as they leave: JSON with its request id, and the headers that every answer bears."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

import msgspec
from starlette.types import Send

from blueport.server.authorizing.limits import Standing
from blueport.server.errors import ApiError
from blueport.server.http.exchange import exchange_of

Header = tuple[bytes, bytes]

_TOLD_OF_LIMITS = b"RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy, RateLimit"
_NOSNIFF: Header = (b"x-content-type-options", b"nosniff")
# Any page may call the API: it is opened by a key in a header, never by a cookie.
_EVERYWHERE: list[Header] = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"X-Request-Id, Retry-After, Idempotent-Replayed, Content-Disposition, " + _TOLD_OF_LIMITS,
    ),
    _NOSNIFF,
]
# A link to a file opens it: it is nothing to be told to others.
NO_REFERRER: Header = (b"referrer-policy", b"no-referrer")
_KEPT_NOWHERE: Header = (b"cache-control", b"no-store")
PREFLIGHT: list[Header] = [
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, X-Filename, Idempotency-Key, Last-Event-ID"),
    (b"access-control-max-age", b"86400"),
]


# What a key may still do: in the form that clients know, and in the IETF's newer one. Numbers cannot break a line.
_STANDING = (
    b"ratelimit-limit: %d\r\nratelimit-remaining: %d\r\nratelimit-reset: %d\r\n"
    b'ratelimit-policy: "default";q=%d;w=3600\r\nratelimit: "default";r=%d;t=%d\r\n'
)


class Stream(msgspec.Struct, frozen=True):
    """A body that is sent part by part; `size` in bytes, None if it is not known where it ends.

    The next part is asked for once the one before has left us, as far as the client's reading allows; `ended` is called
    when no more will be, whatever the reason.
    """

    size: int | None
    parts: AsyncIterator[bytes]
    ended: Callable[[], None] = lambda: None


class Answer(msgspec.Struct):
    """Status, JSON body and what further headers there are; `is_sent` is called when all of it is on its way.

    With a `stream` there is no other body, and the headers say how long it may be kept. `code` is that of a refusal, as
    it stands in its body; `standing` is that of the key that asked. What is `for_us_alone` no other page may read: a
    cookie opens it.
    """

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    content_type: bytes = b"application/json"
    is_sent: Callable[[], None] | None = None
    stream: Stream | None = None
    code: str = ""
    standing: Standing | None = None
    for_us_alone: bool = False


class _Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    code: str
    message: str
    param: str | None = None  # left out when unknown: the official SDK loses the error over a null


class _Envelope(msgspec.Struct, frozen=True):
    error: _Fault
    request_id: str


def with_request_id(encoded: bytes, request_id: str) -> bytes:
    """Return the JSON object *encoded* with its request id as the last field."""
    comma = b"" if encoded == b"{}" else b","
    return encoded[:-1] + comma + b'"request_id":"' + request_id.encode() + b'"}'


def refusal(error: ApiError, request_id: str, *headers: Header) -> Answer:
    """Return the error envelope, and how long to wait before another try, where that helps."""
    fault = _Fault(error.type, error.code, error.message, error.param)
    body = msgspec.json.encode(_Envelope(fault, request_id))
    if error.retry_after_s is not None:
        headers += ((b"retry-after", b"%d" % error.retry_after_s),)
    return Answer(error.status, body, headers, code=error.code)


def headers_of(answer: Answer, request_id: str) -> list[Header]:
    """Return all headers of *answer*."""
    return [
        *_shared(answer),
        *([] if answer.stream else [_KEPT_NOWHERE]),
        (b"content-type", answer.content_type),
        (b"x-request-id", request_id.encode()),
        *_length_of(answer),
        *answer.headers,
        *_headers_in(_lines_of_standing(answer.standing)),
    ]


def _shared(answer: Answer) -> list[Header]:
    return [_NOSNIFF] if answer.for_us_alone else _EVERYWHERE


def _length_of(answer: Answer) -> list[Header]:
    size = len(answer.body) if answer.stream is None else answer.stream.size
    return [] if size is None else [(b"content-length", b"%d" % size)]


def _headers_in(lines: bytes) -> list[Header]:
    split = [line.partition(b": ") for line in lines.splitlines()]
    return [(name, value) for name, _, value in split]


def _lines_of_standing(standing: Standing | None) -> bytes:
    if standing is None:
        return b""
    limit, remaining, reset_s = standing.limit, standing.remaining, standing.reset_s
    return _STANDING % (limit, remaining, reset_s, limit, remaining, reset_s)


def lines_of(headers: Iterable[Header]) -> bytes:
    """Return *headers* as they stand on the wire.

    Raises:
        ValueError: One of them would be more than a line.
    """
    lines = [b": ".join(header) for header in headers]
    said = b"\r\n".join(lines) + b"\r\n"
    if not said.count(b"\r") == said.count(b"\n") == len(lines):
        raise ValueError("a header holds the end of a line")
    return said


def _usual(answer: Answer) -> bytes:
    """Return the lines that nearly every answer bears."""
    return lines_of([*_shared(answer), _KEPT_NOWHERE, (b"content-type", answer.content_type)])


_USUAL = _usual(Answer(200, b""))


def _lines_of_short(answer: Answer, request_id: str) -> bytes:
    """Return the lines of an answer without a stream: those of `headers_of`, most of them made before."""
    usual = _USUAL if answer.content_type == b"application/json" else _usual(answer)
    own = b"x-request-id: %b\r\ncontent-length: %d\r\n" % (request_id.encode(), len(answer.body))
    return usual + own + (lines_of(answer.headers) if answer.headers else b"") + _lines_of_standing(answer.standing)


def is_said_at_once(send: Send, answer: Answer, request_id: str) -> bool:
    """Put *answer* on the wire if nothing has to be waited for, and tell whether that is done."""
    exchange = None if answer.stream is not None else exchange_of(send)
    if exchange is None or not exchange.answer(answer.status, _lines_of_short(answer, request_id), answer.body):
        return False
    _call_is_sent(answer)
    return True


async def send_answer(send: Send, answer: Answer, request_id: str) -> None:
    """Put *answer* on the wire, in parts."""
    try:
        await _send_in_parts(send, answer, request_id)
    finally:
        if answer.stream is not None:
            answer.stream.ended()
    _call_is_sent(answer)


def _call_is_sent(answer: Answer) -> None:
    if answer.is_sent is not None:
        # Not at once: what is written in one turn of the loop leaves at its end.
        asyncio.get_running_loop().call_soon(answer.is_sent)


async def _send_in_parts(send: Send, answer: Answer, request_id: str) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": headers_of(answer, request_id)})
    if answer.stream is not None:
        async for part in answer.stream.parts:
            if _is_gone(send):
                return
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": answer.body})


def _is_gone(send: Send) -> bool:
    """Tell whether uvicorn says that nobody hears us any more: it would have us read a file to its end."""
    return bool(getattr(getattr(send, "__self__", None), "disconnected", False))
