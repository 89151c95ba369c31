"""The form of a delivery: its body, its headers and its signature."""

import hashlib
import hmac
import secrets
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta


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
    """Return a fresh webhook secret."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def signature(secret: str, timestamp_ms: int, body: bytes) -> str:
    """Return the lower-case hex HMAC-SHA256 of `{timestamp}.{body}`, keyed with the secret's own UTF-8 bytes."""
    return hmac.new(secret.encode(), b"%d." % timestamp_ms + body, hashlib.sha256).hexdigest()


def signed(event: str, data: str, *, delivery_id: str, secret: str, now_ms: int) -> Signed:
    """Render one try of a delivery. Each try is stamped anew, or receivers would refuse a late one as a replay."""
    body = msgspec.json.encode(Delivery(event, msgspec.Raw(data.encode()), now_ms, delivery_id))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Blueport",
        "X-Webhook-Signature": signature(secret, now_ms, body),
        "X-Webhook-Timestamp": str(now_ms),
        "X-Webhook-Delivery-Id": delivery_id,
    }
    return Signed(body, headers)
