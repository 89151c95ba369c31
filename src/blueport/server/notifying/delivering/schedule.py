"""When a delivery that failed is tried again, and when a receiver is given up."""

from collections.abc import Sequence

from blueport.server.settings import LONGEST_TRY_S

# Twelve tries over about 76 hours: the first waits are short for a receiver that restarts, the last long for one that
# is gone.
DELAYS_S = (5, 30, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 43_200, 43_200, 86_400)
JITTER = 0.2
# Who had no time, or asked for less, is left alone at least for so long.
BREATHER_MS = 60_000
LONGEST_WISH_MS = 3_600_000

# How long news of a message waits for its files.
FILES_WAIT_MS = 10_000

GIVEN_UP_AFTER_MS = 72 * 3_600_000
GIVEN_UP_AFTER_FAILURES = 20
# From so many failures in a row on a receiver is taken for down: one try at a time finds out whether it is back.
DOWN_AFTER_FAILURES = 5


def lease_s(limit_s: float) -> float:
    """Return after how long a try that may take *limit_s* is taken for lost: it has ended, and been written down."""
    return limit_s * 2 + 10


LONGEST_LEASE_MS = round(lease_s(LONGEST_TRY_S) * 1000)


def next_attempt_at(
    failed_attempts: int,
    now_ms: int,
    *,
    jitter: float,
    delays_s: Sequence[int] = DELAYS_S,
    wish_ms: int = 0,
) -> int | None:
    """Return when to try again after *failed_attempts* tries (Unix milliseconds), None if that was the last.

    Args:
        failed_attempts: How many tries there were, 1 or more.
        now_ms: Unix milliseconds.
        jitter: Between -1 and 1: spreads the tries of many deliveries over a fifth of the wait.
        delays_s: The waits between the tries.
        wish_ms: How long the receiver asked to be left alone; more than LONGEST_WISH_MS nobody is granted.
    """
    if failed_attempts > len(delays_s):
        return None
    planned_ms = round(delays_s[failed_attempts - 1] * (1 + JITTER * jitter) * 1000)
    return now_ms + max(planned_ms, min(wish_ms, LONGEST_WISH_MS))


def is_given_up(failures: int, failing_since: int, now_ms: int) -> bool:
    """Tell whether a receiver that has failed *failures* times in a row since then (Unix ms) is asked no more."""
    return failures >= GIVEN_UP_AFTER_FAILURES and now_ms - failing_since >= GIVEN_UP_AFTER_MS


def is_down(failures: int, failing_since: int | None, now_ms: int) -> bool:
    """Tell whether a receiver that answers again was gone before, and did not only stumble."""
    has_lasted = failing_since is not None and now_ms - failing_since >= BREATHER_MS
    return failures >= DOWN_AFTER_FAILURES and has_lasted
