"""What others could use who get hold of the database stands sealed in it, under keys that are kept elsewhere.

Sealed with AES-256-GCM it reads `sealed:<key id>:<base64 of nonce and ciphertext>`. It opens only at its place: in the
row of its webhook, by the id, or as the answer to its request, by the fingerprint. The key's id tells a key that is not
here from a value that was changed. What is stored as it is has no such beginning, and is read by everybody: so an
installation that had no key can be given one.
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from typing import Final

from blueport.server.errors import MisconfiguredError

MARK = "sealed:"
_ID_DIGITS = 12
# What stands before the base64.
HEAD_LENGTH = len(MARK) + _ID_DIGITS + 1
_KEY_BYTES = 32
# Taken at random, a key is good for four thousand million of them (NIST SP 800-38D, 8.3).
_NONCE_BYTES = 12


class NotReadableError(Exception):
    """What is stored was sealed under a key that is not here, or for another place, or was changed."""


class Keyring:
    """Seals under the first of its keys and opens under each; without keys, all is stored as it is."""

    def __init__(self, keys: Sequence[bytes] = (), *, seals: bool = True) -> None:
        """Take *keys*; unless it *seals*, they only open what was sealed before."""
        self._ciphers = {_id_of(key): _Cipher(key) for key in keys}
        self.key_id = next(iter(self._ciphers), None) if seals else None

    def stored(self, plain: str, *, place: str) -> str:
        """Return the form in which *plain* is stored at a place."""
        if self.key_id is None:
            return plain
        return f"{MARK}{self.key_id}:{self._ciphers[self.key_id].sealed(plain, place)}"

    def plain(self, stored: str, *, place: str) -> str:
        """Return what is stored at a place.

        Raises:
            NotReadableError: It cannot be opened.
        """
        key_id = key_id_in(stored)
        if key_id is None:
            return stored
        cipher = self._ciphers.get(key_id)
        plain = None if cipher is None else cipher.opened(stored[HEAD_LENGTH:], place)
        if plain is None:
            raise NotReadableError(f"what is sealed under the key {key_id} cannot be opened")
        return plain

    def is_current(self, stored: str) -> bool:
        """Tell whether it would be stored under the same key, or none, today."""
        return key_id_in(stored) == self.key_id

    def lacks(self, key_id: str) -> bool:
        """Tell whether that key is not here."""
        return key_id not in self._ciphers


class _Cipher:
    """AES-256-GCM with one key."""

    def __init__(self, key: bytes) -> None:
        # Who seals nothing need not load it.
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        self._aes = AESGCM(key)
        self._refusal = InvalidTag

    def sealed(self, plain: str, place: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._aes.encrypt(nonce, plain.encode(), place.encode())).decode()

    def opened(self, sealed: str, place: str) -> str | None:
        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._aes.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except (ValueError, self._refusal):
            return None


PLAIN: Final = Keyring()


def key_id_in(stored: str) -> str | None:
    """Return the id of the key that something is sealed under, None if it is stored as it is."""
    return stored[len(MARK) : HEAD_LENGTH - 1] if stored.startswith(MARK) else None


def keyring_of(given: str | None, *, seals: bool = True) -> Keyring:
    """Return the keys that the setting `secrets_key` lists.

    Raises:
        MisconfiguredError: One of them is no key.
    """
    if given is None:
        return PLAIN
    return Keyring([_key_in(word.strip(), number) for number, word in enumerate(given.split(","), 1)], seals=seals)


def new_sealing_key() -> str:
    """Return a fresh key for `secrets_key`."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _key_in(word: str, number: int) -> bytes:
    try:
        key = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise MisconfiguredError(
            f"`secrets_key` takes keys of {_KEY_BYTES} bytes in base64 with commas between them, as `blueport key"
            f" --secrets` makes them: number {number} is none"
        )
    return key


def _id_of(key: bytes) -> str:
    """Return what a key is called: it tells nothing of the key, which was made at random."""
    return hashlib.blake2b(key, digest_size=_ID_DIGITS // 2, person=b"key id").hexdigest()
