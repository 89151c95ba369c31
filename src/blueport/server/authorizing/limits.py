"""How often a key may call, and how often an address may name a wrong one.

A window begins with its first call, and what comes in it beyond the limit neither counts nor makes it longer. A clock
that is set, back or forward, makes nobody wait for longer than a window. Calls are counted beside the database, by all
processes together; wrong keys in the memory of each: units of work run in several threads, so under a lock.
"""

import ipaddress
import threading

import msgspec

from blueport.server.ids import KeyId
from blueport.server.store.counting import Asked, Counts, Window

HOUR_MS = 60 * 60 * 1000
FAILURES = 200
FAILING_MS = 5 * 60 * 1000
# Of so many addresses failures are known: whoever has more of them gets more tries, and no more of our memory.
ADDRESSES = 10_000
# Whoever has one address of IPv6 has them all, as far as this.
_IPV6_PREFIX = 64


_NEVER = Window(0, 0)


class Allowance(msgspec.Struct, frozen=True):
    """A key, and its own limit if it has one."""

    key_id: KeyId
    hourly_limit: int | None


class Standing(msgspec.Struct, frozen=True):
    """Where a key stands after a call: how many it may still make in the `reset_s` seconds that are left."""

    limit: int
    remaining: int
    reset_s: int
    is_over: bool


class Limits:
    """What one server knows of how often it is called."""

    def __init__(self, hourly_limit: int, counts: Counts) -> None:
        self.hourly_limit = hourly_limit
        self._counts = counts
        self._lock = threading.Lock()
        self._used_at: dict[KeyId, int] = {}
        self._failures: dict[str, Window] = {}

    def count(self, key: Allowance, now_ms: int) -> Standing:
        """Count a call under *key*, unless it is one too many; from inside a unit of work.

        Raises:
            StoreUnavailableError: It could not be counted.
        """
        limit = self.hourly_limit if key.hourly_limit is None else key.hourly_limit
        counted = self._counts.count(Asked(key.key_id, limit, HOUR_MS, now_ms))
        with self._lock:
            self._used_at[key.key_id] = now_ms
        reset_s = _seconds(counted.began_at + HOUR_MS - now_ms)
        return Standing(limit, max(limit - counted.calls, 0), reset_s, counted.is_over)

    def count_failure(self, address: str, now_ms: int) -> int | None:
        """Count a wrong key; return for how many seconds that address has to wait, None if it need not."""
        network = network_of(address)
        with self._lock:
            window = self._failures.pop(network, _NEVER).at(now_ms, FAILING_MS)
            is_over = window.calls >= FAILURES
            if len(self._failures) == ADDRESSES:
                del self._failures[next(iter(self._failures))]
            self._failures[network] = Window(window.began_at, window.calls if is_over else window.calls + 1)
        return _seconds(window.began_at + FAILING_MS - now_ms) if is_over else None

    def taken_uses(self) -> dict[KeyId, int]:
        """Return when keys were used last (Unix milliseconds), of those that were since this was last asked."""
        with self._lock:
            taken, self._used_at = self._used_at, {}
        return taken

    def put_back_uses(self, uses: dict[KeyId, int]) -> None:
        """Have back what could not be kept."""
        with self._lock:
            self._used_at = uses | self._used_at


def _seconds(ms: int) -> int:
    return max(1, -(-ms // 1000))


def network_of(address: str) -> str:
    """Return what one client may have to itself: an address of IPv4, a network of IPv6."""
    if ":" not in address:
        return address
    try:
        given = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if given.ipv4_mapped is not None:
        return str(given.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(given), _IPV6_PREFIX), strict=False))
