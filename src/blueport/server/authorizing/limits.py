"""How often a key may call, and how often an address may name a wrong one: counted in memory.

A window begins with its first call, and what comes in it beyond the limit neither counts nor makes it longer. Units of
work run in several threads, so that all counting is done under one lock. A clock that is set, back or forward, makes
nobody wait for longer than a window.
"""

import ipaddress
import threading
from typing import NamedTuple

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


class Use(NamedTuple):
    """What is kept of a key's calls."""

    window: Window
    used_at: int


class Allowance(NamedTuple):
    """A key, its own limit if it has one, and the last window that was kept of it."""

    key_id: KeyId
    hourly_limit: int | None
    kept: Window


class Standing(NamedTuple):
    """Where a key stands after a call: how many it may still make in the `reset_s` seconds that are left."""

    limit: int
    remaining: int
    reset_s: int
    is_over: bool


class Limits:
    """The counts of one server."""

    def __init__(self, hourly_limit: int) -> None:
        self._hourly_limit = hourly_limit
        self._lock = threading.Lock()
        self._uses: dict[KeyId, Use] = {}
        self._kept: dict[KeyId, Use] = {}
        self._failures: dict[str, Window] = {}

    def count(self, key: Allowance, now_ms: int) -> Standing:
        """Count a call under *key*, unless it is one too many."""
        limit = self._hourly_limit if key.hourly_limit is None else key.hourly_limit
        with self._lock:
            use = self._uses.get(key.key_id)
            began_at, calls = _running(key.kept if use is None else use.window, now_ms, HOUR_MS)
            is_over = calls >= limit
            calls += not is_over
            self._uses[key.key_id] = Use(Window(began_at, calls), now_ms)
        return Standing(limit, max(limit - calls, 0), _seconds(began_at + HOUR_MS - now_ms), is_over)

    def count_failure(self, address: str, now_ms: int) -> int | None:
        """Count a wrong key; return for how many seconds that address has to wait, None if it need not."""
        network = _network(address)
        with self._lock:
            window = _running(self._failures.pop(network, None), now_ms, FAILING_MS)
            is_over = window.calls >= FAILURES
            if len(self._failures) == ADDRESSES:
                del self._failures[next(iter(self._failures))]
            self._failures[network] = Window(window.began_at, window.calls + (not is_over))
        return _seconds(window.began_at + FAILING_MS - now_ms) if is_over else None

    def not_kept(self) -> dict[KeyId, Use]:
        """Return what is to be written to the database."""
        with self._lock:
            return {key_id: use for key_id, use in self._uses.items() if self._kept.get(key_id) != use}

    def note_kept(self, uses: dict[KeyId, Use]) -> None:
        """Take note that *uses* were written."""
        with self._lock:
            self._kept.update(uses)


def _running(window: Window | None, now_ms: int, length_ms: int) -> Window:
    """Return the window that *now_ms* is in."""
    if window is None or now_ms >= window.began_at + length_ms:
        return Window(now_ms, 0)
    # Before its beginning: the clock was set back, or another thread was a little faster.
    return window if window.began_at <= now_ms else Window(now_ms, window.calls)


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
