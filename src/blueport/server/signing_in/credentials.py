"""E-mails and passwords: what they may be, and how a password is kept.

As NIST SP 800-63B has it: length counts, and what everybody guesses first is refused; nobody is told to add a digit.
Hashing takes a twentieth of a second and 64 MiB on purpose, and is no work for a transaction or an event loop.
"""

import re
import unicodedata
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 10
LONGEST = 256
# Fewer different ones are a key that was held down, or a short word again and again.
FEWEST_CHARACTERS = 4

_hasher = PasswordHasher()  # RFC 9106's second recommendation
# Of nobody's password, with the hasher's parameters: an unknown e-mail is answered as late as a known one.
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$kCYhJIgcQsTys+m9FUb3Dw$pRbebNhh78OMGTopCPlqpWQVnEJXclShDJXAo0CytNs"
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,189}")
# The commonest of all lists of passwords that leaked, of this length.
COMMONEST = frozenset(Path(__file__).with_name("commonest.txt").read_text().split())


def canonical_email(said: str) -> str | None:
    """Return the form in which an e-mail is kept and compared, None if it can be none."""
    email = unicodedata.normalize("NFKC", said).strip().casefold()
    return email if _EMAIL.fullmatch(email) and email.isprintable() else None


def weakness_of(password: str, email: str) -> str | None:
    """Return why *password* is none for a new user with that e-mail, None if it may be."""
    normal = _normal(password)
    if not SHORTEST <= len(normal) <= LONGEST:
        return f"A password has {SHORTEST} to {LONGEST} characters."
    plain = normal.casefold()
    if plain in COMMONEST or len(set(plain)) < FEWEST_CHARACTERS:
        return "This password is one of the first that anybody would try. Take a few words that are yours."
    if plain in (email, email.partition("@")[0]):
        return "A password is not one's e-mail."
    return None


def hashed(password: str) -> str:
    """Return the form in which a password is kept."""
    return _hasher.hash(_normal(password))


def is_right(password: str, login_hash: str | None) -> bool:
    """Tell whether that is the password that is kept; None is nobody's, and takes as long."""
    try:
        _hasher.verify(login_hash or NOBODYS, _normal(password))
    except (InvalidHashError, VerificationError):
        return False
    return login_hash is not None


def is_outdated(login_hash: str) -> bool:
    """Tell whether it would be kept under other parameters today."""
    return _hasher.check_needs_rehash(login_hash)


def _normal(password: str) -> str:
    """Return it as it is compared: one keyboard writes an accent into its letter, another beside it."""
    return unicodedata.normalize("NFKC", password)
