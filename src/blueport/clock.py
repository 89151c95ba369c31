"""The one reader of the wall clock."""

import time


def now_ms() -> int:
    """Return Unix time in milliseconds (UTC)."""
    return time.time_ns() // 1_000_000
