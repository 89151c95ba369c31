"""A delivery as it goes out: its body, and its headers but for the signatures, which only a try with the secret has."""

from typing import NamedTuple

from blueport.server.notifying.delivering.signing import new_secret, signed

# Its signatures are not shown. One for all: what secrets decode to is kept, and has no room for more than there are.
_NOBODYS = new_secret()
# What stands in the place of signatures.
_SIGNATURES = {
    "X-Webhook-Signature": "by the secret: the HMAC-SHA256 of the timestamp, a full stop and the body, in hexadecimal",
    "webhook-signature": "the same as Standard Webhooks has it, by each secret that is good",
}


class Header(NamedTuple):
    """A header; of one that is a signature, words stand in the place of its value."""

    name: str
    value: str
    is_signature: bool


class Sent(NamedTuple):
    """What is posted: a body of JSON, and the headers in their order."""

    body: str
    headers: list[Header]


def sent(event: str, data: str, *, delivery_id: str, at: int) -> Sent:
    """Return a try that began at that moment (Unix milliseconds)."""
    ready = signed(event, data, delivery_id=delivery_id, secrets=[_NOBODYS], now_ms=at)
    headers = [Header(name, _SIGNATURES.get(name, value), name in _SIGNATURES) for name, value in ready.headers.items()]
    return Sent(ready.body.decode(), headers)
