"""Activation codes: eight letters and digits that a person texts to the shared line."""

import re
import secrets

# Crockford's alphabet: a code that is typed from a screen stays itself.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 8
_WORD = re.compile(rf"(?<![^\W_])[0-9A-Za-z]{{{_LENGTH}}}(?![^\W_])")
# More words of that length than anybody has codes are a search for somebody else's.
WORDS = 3


def new_code() -> str:
    """Return a fresh code; 40 bits, so that nobody comes across another's."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def codes_in(text: str) -> list[str]:
    """Return what could be codes in *text*: whole words, in upper case, as many as are looked at."""
    return [word.upper() for word in _WORD.findall(text)][:WORDS]
