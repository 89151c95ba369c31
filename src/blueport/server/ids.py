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
UserId = NewType("UserId", str)
SessionId = NewType("SessionId", str)

Prefix = Literal[
    "acc",
    "key",
    "dmn",
    "ln",
    "cht",
    "msg",
    "obx",
    "evt",
    "wh",
    "dlv",
    "file",
    "rxn",
    "ind",
    "rcp",
    "req",
    "tok",
    "usr",
    "ses",
]

# Crockford's alphabet: no i, l, o, u, so that an id read aloud stays itself.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGIT_OF_BYTE = (_ALPHABET * 8).encode()
_RANDOM_DIGITS = 16
# Randomness is fetched for many ids at once: a system call for each would be a tenth of a request.
_randomness: deque[str] = deque()
# Many are minted in the same millisecond.
_now_and_digits = (-1, "")


def mint(prefix: Prefix, now_ms: int) -> str:
    """Return a new id that sorts by *now_ms* (Unix milliseconds) among its kind."""
    return f"{prefix}_{_time_digits(now_ms)}{_random_digits()}"


def lowest(prefix: Prefix, now_ms: int) -> str:
    """Return what sorts before every id of its kind that is minted at *now_ms* (Unix milliseconds) or later."""
    return f"{prefix}_{_time_digits(now_ms)}"


def _time_digits(now_ms: int) -> str:
    global _now_and_digits  # noqa: PLW0603 - replaced whole: no thread sees half of it
    known_ms, digits = _now_and_digits
    if known_ms != now_ms:
        digits = "".join([_ALPHABET[(now_ms >> shift) & 31] for shift in range(45, -1, -5)])
        _now_and_digits = now_ms, digits
    return digits


def _random_digits() -> str:
    try:
        return _randomness.pop()  # atomic: no two threads get the same
    except IndexError:
        fetched = os.urandom(_RANDOM_DIGITS * 512).translate(_DIGIT_OF_BYTE).decode()
        chunks = [fetched[at : at + _RANDOM_DIGITS] for at in range(0, len(fetched), _RANDOM_DIGITS)]
        _randomness.extend(chunks[1:])
        return chunks[0]
