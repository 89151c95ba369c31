"""Webhooks: whether one is to be believed, and how they are signed.

The signature is the HMAC-SHA256 of `{timestamp}.{body}` under the secret's own bytes, in lower-case hexadecimal. It is
over the body as it came: verify the bytes, never JSON that was read and written again.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Protocol

from blueport_sdk.envelopes import json_in
from blueport_sdk.errors import SignatureVerificationError
from blueport_sdk.events import EventData, WebhookEvent, delivery_of
from blueport_sdk.shapes import MismatchError

SIGNATURE_HEADER = "X-Webhook-Signature"
TOLERANCE_S = 300.0


class Headers(Protocol):
    """What each framework has them in."""

    def get(self, name: str, /) -> str | None:
        """Return the header of that name, however it is spelt."""


@dataclass(frozen=True)
class SignedDelivery:
    """A delivery to post to one's own receiver."""

    body: bytes
    headers: Mapping[str, str]


def sign_webhook(secret: str, timestamp: int, body: bytes | str) -> str:
    """Return the signature of *body* at *timestamp* (Unix milliseconds)."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + _bytes(body), hashlib.sha256).hexdigest()


def verify_webhook(
    body: bytes | str,
    signature: str | bytes | None,
    secret: str | Sequence[str | None] | None,
    *,
    tolerance_s: float = TOLERANCE_S,
    now_ms: int | None = None,
) -> WebhookEvent:
    """Return what a delivery tells, once it is certain that it is genuine and fresh.

    Args:
        body: The body as it came.
        signature: The header `X-Webhook-Signature`, or `webhook-signature`, which fits the earlier secret too while one
            is changed; both, with a space between them, are as good.
        secret: The webhook's secret; several while it is being changed.
        tolerance_s: How old it may be, and how far ahead, in seconds.
        now_ms: Unix milliseconds; the clock's where nothing is said.

    Raises:
        SignatureVerificationError: It is forged, altered, no delivery, or too old.
    """
    secrets = [each for each in ([secret] if isinstance(secret, str) else secret or []) if each]
    if not secrets:
        raise SignatureVerificationError("there is no secret to verify with, and under an empty one anybody can sign")
    if not signature:
        raise SignatureVerificationError(f"the delivery has no {SIGNATURE_HEADER}")
    raw, said = _received(body), _text(signature)
    told = _told(raw)
    stamp, name = _signed_parts(told)
    expected = [made for each in secrets for made in _signatures(each, stamp, name, raw)]
    # All are tried, so that the time it takes does not tell which one fits.
    fits = [_fits(made, given) for made in expected for given in said.split(" ")]
    if not any(fits):
        raise SignatureVerificationError("the signature is not that of this body under this secret")
    moment = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    if abs(moment - stamp) > tolerance_s * 1000:
        raise SignatureVerificationError(f"the delivery is more than {tolerance_s:g} s off: is the clock right?")
    return _event(told)


def signature_in(headers: Headers) -> str | None:
    """Return what a request is signed with, as `verify_webhook` takes it; *headers* do not mind the case of names."""
    found = [headers.get(name) for name in (SIGNATURE_HEADER, "webhook-signature")]
    return " ".join(filter(None, found)) or None


def build_webhook_delivery(
    event: str,
    data: EventData | Mapping[str, object],
    secret: str,
    *,
    timestamp: int | None = None,
    delivery_id: str | None = None,
) -> SignedDelivery:
    """Return a delivery like the server's, which `verify_webhook` accepts, to try one's own receiver with.

    Args:
        event: Its name, such as `message.received`.
        data: What it tells, in the names of the wire.
        secret: The webhook's secret.
        timestamp: Unix milliseconds; now where nothing is said.
        delivery_id: `dlv_...`; a new one where nothing is said.
    """
    stamp = time.time_ns() // 1_000_000 if timestamp is None else timestamp
    name = delivery_id or f"dlv_{uuid.uuid4().hex[:26]}"
    told: Any = asdict(data) if is_dataclass(data) else data
    envelope = {"event": event, "data": told, "timestamp": stamp, "delivery_id": name}
    body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        SIGNATURE_HEADER: sign_webhook(secret, stamp, body),
        "X-Webhook-Timestamp": str(stamp),
        "X-Webhook-Delivery-Id": name,
        **_standard_headers(secret, stamp, name, body),
    }
    return SignedDelivery(body, headers)


def _signatures(secret: str, stamp: int, name: str, body: bytes) -> Iterator[str]:
    yield sign_webhook(secret, stamp, body)
    standard = _standard(secret, stamp, name, body)
    if standard is not None:
        yield standard


def _standard(secret: str, stamp: int, name: str, body: bytes) -> str | None:
    """Return the signature of Standard Webhooks 1.0.0, None if *secret* is not of the form that it has."""
    key = _key_in(secret)
    if key is None or not name:
        return None
    signed = f"{name}.{stamp // 1000}.".encode(errors="replace") + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def _key_in(secret: str) -> bytes | None:
    encoded = secret.removeprefix("whsec_").replace("-", "+").replace("_", "/")
    try:
        # An empty key is anybody's.
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True) or None
    except ValueError:
        return None


def _standard_headers(secret: str, stamp: int, name: str, body: bytes) -> dict[str, str]:
    signature = _standard(secret, stamp, name, body)
    if signature is None:
        return {}
    return {"webhook-id": name, "webhook-timestamp": str(stamp // 1000), "webhook-signature": signature}


def _bytes(body: bytes | str) -> bytes:
    # What no encoding has is in no genuine body: whatever becomes of it, its signature does not fit.
    return body.encode(errors="replace") if isinstance(body, str) else body


def _received(body: object) -> bytes:
    if isinstance(body, str):
        return _bytes(body)
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise SignatureVerificationError(
        f"the body is a {type(body).__name__}: it has to be what was received, before anything parses it"
    )


def _text(signature: object) -> str:
    if isinstance(signature, str):
        return signature
    if isinstance(signature, bytes):  # as ASGI has headers
        return signature.decode("latin-1")
    raise SignatureVerificationError(f"the signature is a {type(signature).__name__}: it has to be that one header")


def _told(raw: bytes) -> dict[str, object]:
    try:
        return json_in(raw)
    except MismatchError as error:
        raise SignatureVerificationError(f"the body is no delivery: {error}") from None


def _signed_parts(told: Mapping[str, object]) -> tuple[int, str]:
    """Return the timestamp and the delivery's id, which may be empty."""
    stamp, name = told.get("timestamp"), told.get("delivery_id")
    if type(stamp) is not int:
        raise SignatureVerificationError("the body is no delivery: it has no timestamp")
    return stamp, name if isinstance(name, str) else ""


def _fits(expected: str, signature: str) -> bool:
    # As bytes: a stranger may write anything, and only ASCII can be compared as text.
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def _event(told: object) -> WebhookEvent:
    try:
        return delivery_of(told)
    except MismatchError as error:
        raise SignatureVerificationError(f"the body is no delivery: {error}") from None
