"""Deliveries that a receiver must take, and such that it must refuse, each with the reason."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from blueport.server.notifying.delivering.signing import signature
from tests.server.world import MINUTE_MS, NOON_MS, Json

SECRET = "whsec_3Qk0c1vYv5J8m2n7Xr4tZ6bLwPd9sGhAeFuKoTiRyNc"
FOREIGN_SECRET = "whsec_9Zt7b5xWq3R1p8k6Vd4sY2mJhLg0fAaCeEnUoPiTrBv"
WORDED_SECRET = "geheim: Grüße, 你好 🔑"


class Vector(NamedTuple):
    """A delivery as it arrives at the moment `now`; `why` says what is wrong with one that is not genuine."""

    name: str
    is_genuine: bool
    why: str | None
    secret: str
    timestamp: int
    body: str
    signature: str
    now: int


def signatures(body: str) -> Json:
    """Return the vectors made of a delivery's *body*, which was sent at NOON_MS."""
    return {
        "tolerance_ms": 5 * MINUTE_MS,
        "vectors": [vector._asdict() for vector in (*_genuine(body), *_late_or_early(body), *_false(body))],
    }


def _signed(name: str, body: str, why: str | None = None, *, secret: str = SECRET, now: int = NOON_MS) -> Vector:
    return Vector(name, why is None, why, secret, NOON_MS, body, signature(secret, NOON_MS, body.encode()), now)


def _genuine(body: str) -> Iterator[Vector]:
    yield _signed("as_sent", body)
    yield _signed("text_beyond_ascii", _with_text(body, "Grüße 你好 👋🏽"))
    yield _signed("text_escaped", json.dumps(json.loads(_with_text(body, "Grüße 👋🏽")), separators=(",", ":")))
    yield _signed("secret_beyond_ascii", body, secret=WORDED_SECRET)
    yield _signed("pretty_printed_by_the_sender", json.dumps(json.loads(body), indent=2, ensure_ascii=False))
    yield _signed("with_a_newline_at_its_end", body + "\n")


def _late_or_early(body: str) -> Iterator[Vector]:
    tolerance = 5 * MINUTE_MS
    yield _signed("five_minutes_old", body, now=NOON_MS + tolerance)
    yield _signed("five_minutes_ahead", body, now=NOON_MS - tolerance)
    yield _signed("too_old", body, "sent more than five minutes ago", now=NOON_MS + tolerance + 1)
    yield _signed("too_far_in_the_future", body, "sent more than five minutes from now", now=NOON_MS - tolerance - 1)
    yield _signed("a_day_old", body, "sent more than five minutes ago", now=NOON_MS + 24 * 60 * MINUTE_MS)


def _false(body: str) -> Iterator[Vector]:
    genuine = _signed("", body)
    given = json.loads(body)
    compact = {"ensure_ascii": False, "separators": (",", ":")}
    foreign = signature(FOREIGN_SECRET, NOON_MS, body.encode())
    beyond = _with_text(body, "Grüße")
    changed_bodies = {
        "body_changed": (_with_text(body, "Send me the money"), "the body is not the one that was signed"),
        "data_from_another_line": (body.replace("+1555", "+1556"), "the body is not the one that was signed"),
        "keys_in_another_order": (json.dumps(given, sort_keys=True, **compact), "the keys were put in another order"),
        "pretty_printed_on_the_way": (json.dumps(given, indent=2), "the body was parsed and printed again"),
        "spaces_after_separators": (json.dumps(given), "the body was parsed and printed again"),
        "newline_added": (body + "\n", "a newline was added to the body"),
    }
    for name, (changed, why) in changed_bodies.items():
        yield _as_false(genuine, name, why, body=changed)
    yield _as_false(
        _signed("", beyond),
        "escaped_on_the_way",
        "the body was parsed and printed again",
        body=json.dumps(json.loads(beyond), separators=(",", ":")),
    )
    restamped = NOON_MS + 1_000
    yield _as_false(
        genuine,
        "timestamp_changed",
        "the timestamp is not the one that was signed",
        timestamp=restamped,
        body=body.replace(f'"timestamp":{NOON_MS}', f'"timestamp":{restamped}'),
        now=restamped,
    )
    changed_signatures = {
        "wrong_secret": (foreign, "signed with another webhook's secret"),
        "upper_case": (genuine.signature.upper(), "the signature is not in lower case"),
        "prefixed": (f"sha256={genuine.signature}", "the signature has a prefix"),
        "cut_short": (genuine.signature[:-2], "the signature is too short"),
        "with_a_newline": (f"{genuine.signature}\n", "the signature is followed by a newline"),
        "not_hexadecimal": ("g" * 64, "the signature is no hexadecimal number"),
        "beyond_ascii": ("é" * 64, "the signature is no hexadecimal number"),
        "no_signature": ("", "the signature is empty"),
    }
    for name, (given_signature, why) in changed_signatures.items():
        yield _as_false(genuine, name, why, signature=given_signature)
    yield _signed("no_body", "", "an empty body is no event")
    yield _signed("no_secret", body, "with an empty secret anybody can sign", secret="")


def _as_false(genuine: Vector, name: str, why: str, **changed: Json) -> Vector:
    return genuine._replace(name=name, is_genuine=False, why=why, **changed)


def _with_text(body: str, text: str) -> str:
    """Return *body* with another text, otherwise byte by byte the same."""
    said = json.dumps(json.loads(body)["data"]["text"], ensure_ascii=False)
    assert f'"text":{said}' in body
    return body.replace(f'"text":{said}', f'"text":{json.dumps(text, ensure_ascii=False)}')
