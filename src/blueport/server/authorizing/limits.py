"""How often a key may call, and how often an address may name a wrong one: counted in memory.

A window begins with its first call, and what comes in it beyond the limit neither counts nor makes it longer. Units of
work run in several threads, so that all counting is done under one lock. A clock that is set, back or forward, makes
nobody wait for longer than a window.
"""

import ipaddress
import threading
from typing import NamedTuple

import msgspec

from blueport.server.ids import KeyId

HOUR_MS = 60 * 60 * 1000
FAILURES = 200
FAILING_MS = 5 * 60 * 1000
# Of so many addresses failures are known: whoever has more of them gets more tries, and no more of our memory.
ADDRESSES = 10_000
# Whoever has one address of IPv6 has them all, as far as this.
_IPV6_PREFIX = 64


class Window(NamedTuple):
    """How many calls were made since it began (Unix milliseconds)."""

    began_at: int
    calls: int


_NEVER = Window(0, 0)


class Use(NamedTuple):
    """What is kept of a key's calls."""

    window: Window
    used_at: int


class Allowance(NamedTuple):
    """A key, its own limit if it has one, and the last window that was kept of it (0: none)."""

    key_id: KeyId
    hourly_limit: int | None
    window_began_at: int
    window_calls: int


class Standing(NamedTuple):
    """Where a key stands after a call: how many it may still make in the `reset_s` seconds that are left."""

    limit: int
    remaining: int
    reset_s: int
    is_over: bool


class _Count(msgspec.Struct):
    """A key's calls; changed in place, since every request does."""

    began_at: int
    calls: int
    used_at: int

    def use(self) -> Use:
        return Use(Window(self.began_at, self.calls), self.used_at)


class Limits:
    """The counts of one server."""

    def __init__(self, hourly_limit: int) -> None:
        self._hourly_limit = hourly_limit
        self._lock = threading.Lock()
        self._counts: dict[KeyId, _Count] = {}
        self._kept: dict[KeyId, Use] = {}
        self._failures: dict[str, Window] = {}

    def count(self, key: Allowance, now_ms: int) -> Standing:
        """Count a call under *key*, unless it is one too many."""
        limit = self._hourly_limit if key.hourly_limit is None else key.hourly_limit
        with self._lock:
            count = self._counts.get(key.key_id)
            if count is None:
                count = self._counts[key.key_id] = _Count(key.window_began_at, key.window_calls, now_ms)
            if not count.began_at <= now_ms < count.began_at + HOUR_MS:
                count.began_at, count.calls = _running(count.began_at, count.calls, now_ms, HOUR_MS)
            count.used_at = now_ms
            is_over = count.calls >= limit
            if not is_over:
                count.calls += 1
            return Standing(limit, max(limit - count.calls, 0), _seconds(count.began_at + HOUR_MS - now_ms), is_over)

    def count_failure(self, address: str, now_ms: int) -> int | None:
        """Count a wrong key; return for how many seconds that address has to wait, None if it need not."""
        network = _network(address)
        with self._lock:
            began_at, failures = _running(*self._failures.pop(network, _NEVER), now_ms, FAILING_MS)
            is_over = failures >= FAILURES
            if len(self._failures) == ADDRESSES:
                del self._failures[next(iter(self._failures))]
            self._failures[network] = Window(began_at, failures if is_over else failures + 1)
        return _seconds(began_at + FAILING_MS - now_ms) if is_over else None

    def not_kept(self) -> dict[KeyId, Use]:
        """Return what is to be written to the database."""
        with self._lock:
            uses = {key_id: count.use() for key_id, count in self._counts.items()}
        return {key_id: use for key_id, use in uses.items() if self._kept.get(key_id) != use}

    def note_kept(self, uses: dict[KeyId, Use]) -> None:
        """Take note that *uses* were written."""
        self._kept.update(uses)


def _running(began_at: int, calls: int, now_ms: int, length_ms: int) -> tuple[int, int]:
    """Return when the window began that *now_ms* is in, and how many calls were made in it."""
    if now_ms >= began_at + length_ms:
        return now_ms, 0
    # Before its beginning: the clock was set back, or another thread was a little faster.
    return min(began_at, now_ms), calls


def _seconds(ms: int) -> int:
    return max(1, -(-ms // 1000))


def _network(address: str) -> str:
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
