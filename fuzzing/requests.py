"""Requests that are almost right: valid ones, changed in a value, a header, a byte, or the way they are sent."""

import json
import random
from typing import NamedTuple
from urllib.parse import quote

from fuzzing.serving import Target
from fuzzing.wire import Sending

# Where each parameter's value comes from: a name of `Target.known`, or these.
_WORDS: dict[str, list[object]] = {
    "text": ["Hello", "Hé 👋🏽", "x" * 20_000, "\u202e", " "],
    "type": ["love", "heart", "👍", "laugh"],
    "state": ["on", "off"],
    "limit": ["1", "50", "100"],
    "cursor": ["", "bm90aGluZw"],
    "url": ["http://127.0.0.1:9/hook"],
    "types": ["message.received", "message.sent,reaction.added"],
    "event": ["evt_" + "0" * 26],
    "events": [["message.received"], ["message.sent", "reaction.added"]],
}
_ENDPOINTS: list[tuple[str, str, dict[str, str]]] = [
    ("GET", "/v1/lines", {}),
    ("GET", "/v1/chats", {"from": "from", "limit": "limit", "cursor": "cursor"}),
    ("GET", "/v1/messages", {"from": "from", "to": "to", "limit": "limit"}),
    ("GET", "/v1/messages", {"from": "from", "to": "to", "q": "text"}),
    (
        "POST",
        "/v1/messages",
        {"from": "from", "to": "to", "text": "text", "attachments": "file", "reply_to": "reply_to"},
    ),
    ("POST", "/v1/messages", {"from": "from", "to": "to", "text": "text"}),
    ("POST", "/v1/audio-messages", {"from": "from", "to": "to", "audio_message": "file"}),
    ("GET", "/v1/reactions", {"message_id": "message_id"}),
    ("POST", "/v1/reactions", {"from": "from", "to": "to", "message_id": "message_id", "type": "type"}),
    ("GET", "/v1/typing", {"from": "from", "to": "to"}),
    ("POST", "/v1/typing", {"from": "from", "to": "to", "state": "state"}),
    ("GET", "/v1/receipts", {"from": "from", "to": "to"}),
    ("POST", "/v1/receipts", {"from": "from", "to": "to"}),
    ("GET", "/v1/outbox", {"id": "outbox"}),
    ("GET", "/v1/files", {"id": "file"}),
    ("POST", "/v1/files", {}),
    ("GET", "/v1/webhooks", {"from": "from"}),
    ("POST", "/v1/webhooks", {"from": "from", "url": "url", "events": "events"}),
    ("DELETE", "/v1/webhooks", {"id": "webhook"}),
    ("GET", "/v1/sandbox", {}),
    ("GET", "/v1/events", {"from": "from", "events": "types", "after": "event", "limit": "limit"}),
    ("POST", "/v1/sandbox", {}),
]
# Paths that are in no description: pages, and doors that open to nobody here.
_OTHER_PATHS = [
    "/healthz",
    "/metrics",
    "/openapi.json",
    "/dashboard?token=x",
    "/daemon/v1/hello",
    "/daemon/v1/sightings",
    "/nothing",
]
_NASTY: list[object] = [
    *(None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**64, 10**30, 10**400, 1e308, [], {}, [[]], [None], {"": ""}),
    *("", " ", "\0", "\ud800", "\ufeff", "\ufffc", "a\u0301", "%00", "'; DROP TABLE outbox; --", "../../etc/passwd"),
    *(
        "+",
        "+1",
        "+1" * 2_000,
        "1" * 5_000,
        "\uff0b\uff11\uff15\uff15\uff15",
        "+1 (555) 010-0001",
        "a@b",
        "@",
        "a@" + "b." * 500,
        "p:0/x",
    ),
    *("p:99999999999999999999/x", "bp:", "p:/", "ln_", "cht_" + "0" * 26, "cht_" + "z" * 9_000, "msg_\u0660", "file_é"),
    *("obx_" + "0" * 26, "http://", "http://[::1", "http://127.0.0.1:99999/", "http://127.0.0.1:9/\n", "x" * 300_000),
    [["a"] * 2_000],
    {"a": {"b": {"c": [1, {"d": None}]}}},
]
_HEADERS = [
    *(
        b"Content-Type: ",
        b"Content-Type: text/plain",
        b"Content-Type: application/json; charset=utf-16",
        b"Accept: \xff",
    ),
    *(b"Idempotency-Key: a", b"Idempotency-Key: " + b"k" * 300, b"Idempotency-Key: \xe9", b"Idempotency-Key:"),
    *(
        b"X-Filename: ../../a",
        b"X-Filename: \xff\xfe",
        b"X-Filename: %00",
        b"X-Filename: " + b"n" * 5_000,
        b"X-Filename:",
    ),
    *(b"Range: bytes=0-", b"Range: bytes=-1", b"If-None-Match: *", b"Expect: 100-continue", b"Expect: nonsense"),
    *(b"Connection: upgrade", b"Upgrade: h2c", b"Upgrade: websocket", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"),
    *(b"Cookie: a=b", b"Origin: null", b"X-Forwarded-For: 1.1.1.1", b"X-Forwarded-Proto: gopher", b"Host: \xff"),
    *(b"Authorization: Bearer", b"Authorization: Basic eA==", b"X: " + b"y" * 70_000, b"Content-Encoding: gzip"),
    *(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked, identity", b"TE: trailers", b"Trailer: X"),
    *(b"Content-Length: 5", b"Content-Length: +5", b"Content-Length: 99999999999999999999", b"Content-Length: 0x5"),
    *(b" folded: x", b"no colon", b"\0: x", b"A: \0", b": x", b"A : x", b"A: b\nC: d", b"A\tB: c"),
]
_FRAMING = (b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"expect")


class Draft(NamedTuple):
    """A request in parts."""

    method: str
    target: bytes
    headers: list[bytes]
    body: bytes
    # Whether anything was done to it after which it may not be understood as one request.
    is_sound: bool = True


def made(chance: random.Random, target: Target) -> Sending:
    """Return what to send over one connection."""
    drafts = [_draft(chance, target) for _ in range(chance.choice([1, 1, 1, 1, 2, 5]))]
    is_sound = all(draft.is_sound for draft in drafts)
    encoded = [_encoded(chance, draft, is_last=number == len(drafts) - 1) for number, draft in enumerate(drafts)]
    raw = b"".join(piece for piece, _ in encoded)
    is_whole = is_sound and all(is_framed for _, is_framed in encoded)
    if chance.random() < 0.15:
        raw, is_whole = _bytes_changed(chance, raw), False
    if chance.random() < 0.05:
        raw, is_whole = raw[: chance.randrange(len(raw))], False
    return Sending(
        parts=_parts(chance, raw),
        methods=tuple(draft.method for draft in drafts),
        is_whole=is_whole,
        pause_s=chance.choice([0, 0.001, 0.02]),
        is_cut_off=not is_whole and chance.random() < 0.1,
    )


def is_harmless(sending: Sending) -> bool:
    """Tell that a webhook made by it would reach this machine only: others may be reached by https alone."""
    return b"https" not in b"".join(sending.parts).lower()


def _draft(chance: random.Random, target: Target) -> Draft:
    if chance.random() < 0.05:
        path = chance.choice(_OTHER_PATHS)
        return Draft(
            chance.choice(["GET", "POST", "HEAD", "OPTIONS", "PUT"]), path.encode(), _key(chance, target), b"{}"
        )
    method, path, names = chance.choice([each for each in _ENDPOINTS if each[:2] in target.paths])
    given = {name: chance.choice(target.known.get(source) or _WORDS[source]) for name, source in names.items()}
    if "attachments" in given:
        given["attachments"] = [given["attachments"]]
    given = _values_changed(chance, given)
    if method == "GET":
        query = _query(chance, given)
        return Draft(chance.choice(["GET", "GET", "GET", "HEAD"]), path.encode() + query, _headers(chance, target), b"")
    if path == "/v1/files":
        body = chance.choice([b"", b"GIF89a", b"\xff" * 10_000, chance.randbytes(chance.randrange(50_000))])
    else:
        body = json.dumps(given, ensure_ascii=chance.random() < 0.8).encode("utf-8", "surrogatepass")
    if chance.random() < 0.2:
        body = _bytes_changed(chance, body)
    return Draft(method, path.encode(), _headers(chance, target), body)


def _values_changed(chance: random.Random, given: dict[str, object]) -> dict[str, object]:
    for _ in range(chance.choice([0, 0, 1, 1, 2])):
        name = chance.choice([*given, "more", "é", "from", "id"])
        if chance.random() < 0.2:
            given.pop(name, None)
        elif chance.random() < 0.2 and isinstance(given.get(name), str):
            given[name] = _text_changed(chance, str(given[name]))
        else:
            given[name] = chance.choice(_NASTY)
    return given


def _text_changed(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text) + 1)
    return (
        text[:at]
        + chance.choice(["", chr(chance.randrange(0x10FFFF)), text, "_", "\n"])
        + text[at + chance.randrange(3) :]
    )


def _query(chance: random.Random, given: dict[str, object]) -> bytes:
    pairs = [f"{quote(str(n), errors='replace')}={quote(str(v)[:9_000], errors='replace')}" for n, v in given.items()]
    if pairs and chance.random() < 0.1:
        pairs.append(chance.choice([*pairs, "=", "&", "%zz=%ff", "a=%ed%a0%80", ";", "limit=%D9%A1"]))
    return ("?" + "&".join(pairs)).encode() if pairs or chance.random() < 0.1 else b""


def _key(chance: random.Random, target: Target) -> list[bytes]:
    wrong = [b"Authorization: Bearer sk_live_" + b"0" * 36, b"Authorization: Bearer dt_nobody", b"Authorization: \xff"]
    right = b"Authorization: Bearer " + target.key.encode()
    return [right] if chance.random() < 0.95 else chance.choice([[], [right, right], [chance.choice(wrong)]])


def _headers(chance: random.Random, target: Target) -> list[bytes]:
    headers = [b"Host: 127.0.0.1", b"Content-Type: application/json", *_key(chance, target)]
    for _ in range(chance.choice([0, 0, 0, 1, 3])):
        headers.insert(chance.randrange(len(headers) + 1), chance.choice(_HEADERS))
    return headers


def _is_framing(header: bytes) -> bool:
    name = header.partition(b":")[0].lower()
    return name.strip() in _FRAMING or not name.replace(b"-", b"").isalnum() or b"\n" in header or b"\0" in header


def _encoded(chance: random.Random, draft: Draft, *, is_last: bool) -> tuple[bytes, bool]:
    """Return the bytes of a request, and whether it is clear where it ends and that more may follow."""
    headers = [*draft.headers, *([b"Connection: close"] if is_last else [])]
    head = [draft.method.encode() + b" " + draft.target + b" HTTP/1.1", *headers]
    is_framed = not any(_is_framing(header) or len(header) > 60_000 for header in draft.headers)
    is_framed &= len(draft.target) < 50_000
    if not draft.body and draft.method != "POST":
        return b"\r\n".join([*head, b"", b""]), is_framed
    if chance.random() < 0.25:
        chunks, is_sound = _chunks(chance, draft.body)
        return b"\r\n".join([*head, b"Transfer-Encoding: chunked", b"", chunks]), is_framed and is_sound
    size = len(draft.body)
    if chance.random() < 0.03:
        size, is_framed = chance.choice([size - 1, size + 1, 0, 2**40]), False
    return b"\r\n".join([*head, b"Content-Length: %d" % size, b"", draft.body]), is_framed


def _chunks(chance: random.Random, body: bytes) -> tuple[bytes, bool]:
    encoded = b""
    while body:
        size = chance.randrange(1, len(body) + 1) if len(body) < 100_000 else len(body)
        encoded += b"%x%b\r\n%b\r\n" % (size, chance.choice([b"", b"", b";a=b"]), body[:size])
        body = body[size:]
    end = chance.choice(
        [b"0\r\n\r\n"] * 6 + [b"0\r\nX-Trailer: a\r\n\r\n", b"0\r\n", b"", b"-1\r\n\r\n", b"zz\r\n", b"0;\r\n\r\n"]
    )
    return encoded + end, end == b"0\r\n\r\n"


def _bytes_changed(chance: random.Random, raw: bytes) -> bytes:
    for _ in range(chance.choice([1, 1, 3, 10])):
        at = chance.randrange(len(raw) + 1)
        new = chance.choice(
            [b"", b"\0", b"\r\n", b"\n", b"\xff", b'"', b"{", b"[" * 50, b"\\u0000", raw[at : at + 20] * 2]
        )
        raw = raw[:at] + new + raw[at + chance.randrange(4) :]
    return raw


def _parts(chance: random.Random, raw: bytes) -> tuple[bytes, ...]:
    cuts = sorted(chance.randrange(len(raw) + 1) for _ in range(chance.choice([0, 0, 0, 1, 4])))
    return tuple(raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True))
