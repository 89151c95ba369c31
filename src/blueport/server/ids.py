"""Ids: a prefix that tells the kind, then 26 base-32 digits that sort by the time of minting."""

import os
from collections import deque
from typing import Literal, NewType

AccountId = NewType("AccountId", str)
KeyId = NewType("KeyId", str)
DaemonId = NewType("DaemonId", str)
LineId = NewType("LineId", str)
ChatId = NewType("ChatId", str)
MessageId = NewType("MessageId", str)
OutboxId = NewType("OutboxId", str)
EventId = NewType("EventId", str)
WebhookId = NewType("WebhookId", str)
DeliveryId = NewType("DeliveryId", str)
FileId = NewType("FileId", str)
ReactionId = NewType("ReactionId", str)
TypingId = NewType("TypingId", str)
ReceiptId = NewType("ReceiptId", str)

Prefix = Literal[
    "acc", "key", "dmn", "ln", "cht", "msg", "obx", "evt", "wh", "dlv", "file", "rxn", "ind", "rcp", "req", "tok"
]

# Crockford's alphabet: no i, l, o, u, so that an id read aloud stays itself.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_RANDOM_BYTES = 10
# Randomness is fetched for many ids at once: a system call for each would be a tenth of a request.
_randomness: deque[bytes] = deque()


def mint(prefix: Prefix, now_ms: int) -> str:
    """Return a new id that sorts by *now_ms* (Unix milliseconds) among its kind."""
    value = (now_ms << 80) | int.from_bytes(_random_bytes(), "big")
    digits = "".join([_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)])
    return f"{prefix}_{digits}"


def _random_bytes() -> bytes:
    try:
        return _randomness.pop()  # atomic: no two threads get the same
    except IndexError:
        fetched = os.urandom(_RANDOM_BYTES * 512)
        chunks = [fetched[at : at + _RANDOM_BYTES] for at in range(0, len(fetched), _RANDOM_BYTES)]
        _randomness.extend(chunks[1:])
        return chunks[0]
