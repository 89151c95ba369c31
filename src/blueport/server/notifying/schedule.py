"""When a delivery that failed is tried again."""

# Twelve tries over about 76 hours: the first waits are short for a receiver that restarts, the last long for one that
# is gone.
DELAYS_S = (5, 30, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 43_200, 43_200, 86_400)
JITTER = 0.2


def next_attempt_at(failed_attempts: int, now_ms: int, *, jitter: float) -> int | None:
    """Return when to try again after *failed_attempts* tries (Unix milliseconds), None if that was the last.

    Args:
        failed_attempts: How many tries there were, 1 or more.
        now_ms: Unix milliseconds.
        jitter: Between -1 and 1: spreads the tries of many deliveries over a fifth of the wait.
    """
    if failed_attempts > len(DELAYS_S):
        return None
    return now_ms + round(DELAYS_S[failed_attempts - 1] * (1 + JITTER * jitter) * 1000)
