"""Dates of chat.db: integers since 2001-01-01T00:00:00Z, in nanoseconds, in old rows and some columns in seconds."""

APPLE_EPOCH_MS = 978_307_200_000
_AT_LEAST_NANOSECONDS = 10**15
BELOW_SECONDS = 10**11


def unix_ms(apple: int | None) -> int | None:
    """Turn a date into Unix milliseconds; None for never (NULL or 0) and for what is no date in either unit."""
    if not apple:
        return None
    if abs(apple) >= _AT_LEAST_NANOSECONDS:
        return APPLE_EPOCH_MS + apple // 1_000_000
    if abs(apple) < BELOW_SECONDS:
        return APPLE_EPOCH_MS + apple * 1000
    return None


def apple_ns(unix: int) -> int:
    """Turn Unix milliseconds into nanoseconds since 2001."""
    return (unix - APPLE_EPOCH_MS) * 1_000_000


def apple_s(unix: int) -> int:
    """Turn Unix milliseconds into seconds since 2001."""
    return (unix - APPLE_EPOCH_MS) // 1000


def around(apple: int, ms: int) -> tuple[int, int]:
    """Return the dates that are so many milliseconds before and after one, written as that is."""
    span = ms * 1_000_000 if abs(apple) >= _AT_LEAST_NANOSECONDS else ms // 1000
    return apple - span, apple + span
