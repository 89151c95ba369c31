"""The form of a delivery: its body, its headers and its signatures."""

import base64
import functools
import hmac
import secrets
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

_PREFIX = "whsec_"


class Signed(NamedTuple):
    """One try, ready to be sent: exactly these bytes are signed."""

    body: bytes
    headers: dict[str, str]


class Delivery(msgspec.Struct, frozen=True):
    """The body of a delivery."""

    event: Annotated[str, Meta(description="What happened.")]
    data: Annotated[msgspec.Raw, Meta(description="What it happened to.")]
    timestamp: Annotated[int, Meta(description="When this try was sent (Unix milliseconds).", examples=[1760000000000])]
    delivery_id: Annotated[
        str,
        Meta(
            description="The same for every try of one delivery: keep it, and do nothing when it comes again.",
            examples=["dlv_01k742sg000000000000000001"],
        ),
    ]


def new_secret() -> str:
    """Return a fresh webhook secret: as Standard Webhooks have it, and of letters and digits alone."""
    while True:
        encoded = base64.b64encode(secrets.token_bytes(33)).decode()
        if encoded.isalnum():
            return f"{_PREFIX}{encoded}"


def signature(secret: str, timestamp_ms: int, body: bytes) -> str:
    """Return the lower-case hex HMAC-SHA256 of `{timestamp}.{body}`, keyed with the secret's own UTF-8 bytes."""
    return hmac.digest(secret.encode(), b"%d.%b" % (timestamp_ms, body), "sha256").hex()


def standard_signature(secret: str, delivery_id: str, timestamp_s: int, body: bytes) -> str:
    """Return Standard Webhooks 1.0.0's signature of `{id}.{seconds}.{body}`, keyed with what *secret* encodes."""
    signed_text = b"%b.%d.%b" % (delivery_id.encode(), timestamp_s, body)
    return "v1," + base64.b64encode(hmac.digest(_key_in(secret), signed_text, "sha256")).decode()


def signed(event: str, data: str, *, delivery_id: str, secrets: Sequence[str], now_ms: int) -> Signed:
    """Render one try of a delivery. Each try is stamped anew, or receivers would refuse a late one as a replay.

    The first of *secrets* is the webhook's; the others are those that it had before, and may still be known by.
    """
    body = msgspec.json.encode(Delivery(event, msgspec.Raw(data.encode()), now_ms, delivery_id))
    timestamp_s = now_ms // 1000
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Blueport",
        "Accept-Encoding": "identity",
        "X-Webhook-Signature": signature(secrets[0], now_ms, body),
        "X-Webhook-Timestamp": str(now_ms),
        "X-Webhook-Delivery-Id": delivery_id,
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(standard_signature(each, delivery_id, timestamp_s, body) for each in secrets),
    }
    return Signed(body, headers)


@functools.lru_cache(maxsize=1024)
def _key_in(secret: str) -> bytes:
    """Return the bytes that a secret encodes; those of older webhooks are in the alphabet for URLs, without padding."""
    encoded = secret.removeprefix(_PREFIX).translate(str.maketrans("-_", "+/"))
    return base64.b64decode(encoded + "=" * (-len(encoded) % 4))
