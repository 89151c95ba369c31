"""The database's clock, by which all processes judge what is due and whose lease is over.

Each has a clock of its own, which may be wrong by hours, or be set in the midst of it. So the database is asked for the
time now and then, and from there on we count by ourselves: to ask in each transaction would cost a round trip.
"""

import time
from collections.abc import Callable

ASK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
# Who waited longer for the answer does not know when it was given.
LONGEST_WAIT_MS = 500


def monotonic_ms() -> int:
    """Return milliseconds of a clock that nobody sets."""
    return time.monotonic_ns() // 1_000_000


class DatabaseClock:
    """The database's time as far as it is known; until it was told, our own."""

    def __init__(self, own: Callable[[], int]) -> None:
        self._own = own
        self._began_at: int | None = None  # the database's time when our count was 0

    def __call__(self) -> int:
        """Return Unix time in milliseconds."""
        return self._own() if self._began_at is None else self._began_at + monotonic_ms()

    def note(self, told_ms: int, *, asked_at: int, heard_at: int) -> None:
        """Take to heart what the database said, which was asked and heard at these moments of our count."""
        if heard_at - asked_at <= LONGEST_WAIT_MS:
            self._began_at = told_ms - (asked_at + heard_at) // 2
