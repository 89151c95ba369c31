"""The form of secrets: `sk_live_`, 30 random base-62 digits, 6 digits of checksum.

The checksum tells a typo from a revoked key without asking the database, and lets a scanner recognise a leaked key.
A key has too much randomness to be guessed from its hash, so that a fast hash is enough. GitHub's tokens are the model.
"""

import functools
import hashlib
import re
import secrets
import zlib
from typing import Literal, get_args

Scope = Literal[
    "messages:read",
    "messages:write",
    "chats:read",
    "lines:read",
    "reactions:read",
    "reactions:write",
    "typing:read",
    "typing:write",
    "receipts:read",
    "receipts:write",
    "webhooks:read",
    "webhooks:write",
    "outbox:read",
    "files:read",
    "files:write",
    "settings:read",
    "settings:write",
    "events:read",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY = re.compile(r"sk_live_([0-9A-Za-z]{30})([0-9A-Za-z]{6})", re.ASCII)
_TOKEN = re.compile(r"dt_[0-9A-Za-z_-]{43}", re.ASCII)
_BEARER = re.compile(rb"bearer +([\x21-\x7e]+) *", re.IGNORECASE)


def new_key() -> str:
    """Return a fresh API key."""
    random = "".join(secrets.choice(_DIGITS) for _ in range(30))
    return f"sk_live_{random}{_checksum(random)}"


def new_daemon_token() -> str:
    """Return a fresh token for a daemon."""
    return f"dt_{secrets.token_urlsafe(32)}"


def is_token(said: str) -> bool:
    """Tell whether *said* has the form of a daemon's token of ours."""
    return _TOKEN.fullmatch(said) is not None


def is_well_formed(key: str) -> bool:
    """Tell whether *key* could be one of ours."""
    match = _KEY.fullmatch(key)
    return match is not None and secrets.compare_digest(match[2], _checksum(match[1]))


@functools.lru_cache(maxsize=1024)
def hash_in(authorization: bytes) -> str | None:
    """Return the form in which the API key of a header is looked up, None if it cannot be one of ours.

    Remembered: the same few keys come again and again, and this says nothing of whether they are let in.
    """
    key = bearer([authorization])
    return digest(key) if key is not None and is_well_formed(key) else None


def digest(secret: str) -> str:
    """Return the form in which a secret is stored and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer(headers: list[bytes]) -> str | None:
    """Return the token of the one Authorization header in *headers*, or None if it is none that we could know."""
    match = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
    return match[1].decode("ascii") if match else None


def _checksum(random: str) -> str:
    value = zlib.crc32(random.encode())
    digits = ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits = _DIGITS[digit] + digits
    return digits
