"""Times as people write them on the command line."""

import argparse
import re
from datetime import datetime

from blueport import clock

_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_UNIX_MS = re.compile(r"[0-9]{13}")


def seconds(words: str) -> int:
    """Read `30d`, `24h`, `15m` or `90s`, as seconds."""
    match = _DURATION.fullmatch(words)
    if match is None:
        raise argparse.ArgumentTypeError(f"{words!r} is no time like 30d, 24h, 15m or 90s")
    return int(match[1]) * _UNIT_S[match[2]]


def moment_ms(words: str) -> int:
    """Read `2h` (so long ago), a date, or Unix milliseconds; a date that names no zone is in the local one."""
    if _UNIX_MS.fullmatch(words):
        return int(words)
    if _DURATION.fullmatch(words):
        return clock.now_ms() - seconds(words) * 1000
    try:
        return round(datetime.fromisoformat(words).timestamp() * 1000)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{words!r} is no time like 2h (ago), 2026-01-31T15:00 or 1760000000000 (Unix milliseconds)"
        ) from None
