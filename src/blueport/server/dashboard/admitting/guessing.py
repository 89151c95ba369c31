"""Bounds how often somebody may try to sign in, over all processes, and whether or not there is such a user."""

import hashlib
import hmac

from blueport.server.authorizing.limits import network_of
from blueport.server.errors import ApiError
from blueport.server.store.counting import Asked, Counts
from blueport.server.store.interface import Store
from blueport.server.store.tx import Tx

# Tries under one e-mail within WINDOW_MS, right ones too: from one place, and from everywhere. By the second others can
# keep the owner out, but not who is signed in, and not who makes a link on the server.
TRIES = 10
TRIES_OF_ALL = 100
WINDOW_MS = 15 * 60 * 1000
# Of its name's hash: so there are so many counts at most, and no stranger can tell which he shares with whom.
_DIGITS = 4


class Guessing:
    """The tries that one server sees."""

    def __init__(self, store: Store, secret: bytes) -> None:
        self._store = store
        self._secret = secret

    async def count(self, email: str, address: str) -> None:
        """Count a try before it is made, so that many at once are no more than that.

        Raises:
            ApiError: `rate_limit_exceeded`.
        """
        here = self._name("here", network_of(address), email)
        # One after the other: who is refused here does not count everywhere.
        for name, limit in ((here, TRIES), (self._name("anywhere", "", email), TRIES_OF_ALL)):
            wait_s = await self._store.read(_counted, self._store.counts, name, limit)
            if wait_s is not None:
                minutes = -(-wait_s // 60)
                message = f"Too many tries to sign in. Wait for {minutes} minute{'s' * (minutes > 1)}, and try again."
                raise ApiError("rate_limit_exceeded", message, retry_after_s=wait_s)

    def _name(self, where: str, place: str, email: str) -> str:
        said = f"{where}\0{place}\0{email}".encode()
        return f"sign_in {where} {hmac.digest(self._secret, said, hashlib.sha256).hex()[:_DIGITS]}"


def _counted(tx: Tx, counts: Counts, name: str, limit: int) -> int | None:
    """Count a try; return for how many seconds to wait if it is one too many."""
    counted = counts.count(Asked(name, limit, WINDOW_MS, tx.now_ms))
    return max(1, -(-(counted.began_at + WINDOW_MS - tx.now_ms) // 1000)) if counted.is_over else None
