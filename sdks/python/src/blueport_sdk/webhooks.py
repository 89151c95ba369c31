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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from blueport_sdk.envelopes import json_in
from blueport_sdk.errors import SignatureVerificationError
from blueport_sdk.events import EventData, WebhookEvent, delivery_of
from blueport_sdk.shapes import MismatchError

SIGNATURE_HEADER = "X-Webhook-Signature"
TOLERANCE_S = 300.0


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
    signature: str | None,
    secret: str | Sequence[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now_ms: int | None = None,
) -> WebhookEvent:
    """Return what a delivery tells, once it is certain that it is genuine and fresh.

    Args:
        body: The body as it came.
        signature: The header `X-Webhook-Signature`.
        secret: The webhook's secret; several while it is being changed.
        tolerance_s: How old it may be, and how far ahead, in seconds.
        now_ms: Unix milliseconds; the clock's where nothing is said.

    Raises:
        SignatureVerificationError: It is forged, altered, no delivery, or too old.
    """
    secrets = [each for each in ([secret] if isinstance(secret, str) else secret) if each]
    if not secrets:
        raise SignatureVerificationError("there is no secret to verify with, and under an empty one anybody can sign")
    if not signature:
        raise SignatureVerificationError(f"the delivery has no {SIGNATURE_HEADER}")
    raw = _bytes(body)
    timestamp = _timestamp(raw)
    # All are tried, so that the time it takes does not tell which one fits.
    fits = [_fits(sign_webhook(each, timestamp, raw), signature) for each in secrets]
    if not any(fits):
        raise SignatureVerificationError("the signature is not that of this body under this secret")
    moment = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    if abs(moment - timestamp) > tolerance_s * 1000:
        raise SignatureVerificationError(f"the delivery is more than {tolerance_s:g} s off: is the clock right?")
    return _event(raw)


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
        **_standard_headers(secret, name, stamp // 1000, body),
    }
    return SignedDelivery(body, headers)


def _standard_headers(secret: str, name: str, stamp_s: int, body: bytes) -> dict[str, str]:
    """Return what Standard Webhooks 1.0.0 asks for; nothing if *secret* is not of the form that it has."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return {}
    signature = base64.b64encode(hmac.digest(key, f"{name}.{stamp_s}.".encode() + body, "sha256")).decode()
    return {"webhook-id": name, "webhook-timestamp": str(stamp_s), "webhook-signature": f"v1,{signature}"}


def _bytes(body: bytes | str) -> bytes:
    # What no encoding has is in no genuine body: whatever becomes of it, its signature does not fit.
    return body.encode(errors="replace") if isinstance(body, str) else body


def _timestamp(raw: bytes) -> int:
    try:
        timestamp = json_in(raw).get("timestamp")
    except MismatchError as error:
        raise SignatureVerificationError(f"the body is no delivery: {error}") from None
    if type(timestamp) is not int:
        raise SignatureVerificationError("the body is no delivery: it has no timestamp")
    return timestamp


def _fits(expected: str, signature: str) -> bool:
    # As bytes: a stranger may write anything, and only ASCII can be compared as text.
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def _event(raw: bytes) -> WebhookEvent:
    try:
        return delivery_of(json_in(raw))
    except MismatchError as error:
        raise SignatureVerificationError(f"the body is no delivery: {error}") from None
