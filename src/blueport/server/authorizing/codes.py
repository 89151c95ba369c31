"""Pairing codes: what an operator reads to a Mac, so that its daemon is let in.

Three groups of four letters and digits. The first only says which code is meant, and is kept as it is; the other two
are 40 random bits, which is too little to be kept under a fast hash, and too much for the few tries that a code takes.
"""

import hashlib
import secrets
from typing import NamedTuple

# So many wrong tries end a code: of those who know its first group, one in 200,000,000,000 comes across the rest.
MOST_WRONG_TRIES = 5
CODE_MS = 15 * 60 * 1000

# Crockford's alphabet: a code that is typed from a screen, or read aloud, stays itself.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011", "- ")
_GROUP = 4
_LENGTH = 3 * _GROUP
# A tenth of a second of one core, and 16 MiB.
_COST = {"n": 2**14, "r": 8, "p": 1}


class Code(NamedTuple):
    """A code as it is looked up, and as it is compared."""

    selector: str
    secret: str


def new_code() -> Code:
    """Return a fresh code."""
    digits = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return Code(digits[:_GROUP], digits[_GROUP:])


def written(code: Code) -> str:
    """Return a code as people write it."""
    return "-".join([code.selector, code.secret[:_GROUP], code.secret[_GROUP:]])


def code_in(said: str) -> Code | None:
    """Return what somebody says as a code, however it is spelled; None if it cannot be one."""
    digits = said.upper().translate(_READ_AS)
    if len(digits) != _LENGTH or not set(digits) <= set(_ALPHABET):
        return None
    return Code(digits[:_GROUP], digits[_GROUP:])


def digest(code: Code) -> str:
    """Return the form in which the secret part of a code is kept."""
    return hashlib.scrypt(code.secret.encode(), salt=code.selector.encode(), **_COST).hex()


def is_of(code: Code, kept: str) -> bool:
    """Say whether *kept* is the digest of that code."""
    return secrets.compare_digest(digest(code), kept)
