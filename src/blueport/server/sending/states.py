"""What may become of an outbox item, decided without a database.

An item is *pending* until a daemon claims it, and *claimed* by that daemon's journal until it ends *sent* or *failed*.
From `begun` on it may be in Messages' hands: then only the journal that began it can say how it ended, and if that
journal is lost the outcome is unknown. What is unknown is never sent again.
"""

from typing import Literal, NamedTuple

from blueport.server.ids import OutboxId

Status = Literal["pending", "claimed", "sent", "failed"]
# offer: to be claimed now. skip: in good hands, look at the next. wait: the line's order holds back what follows.
# unknown, exhausted: it ends failed.
Verdict = Literal["offer", "skip", "wait", "unknown", "exhausted"]

OUTCOME_UNKNOWN = "outcome_unknown"
ATTEMPTS_EXHAUSTED = "attempts_exhausted"
RETRY_AFTER_MS = (2_000, 10_000, 30_000, 120_000)


class OpenItem(NamedTuple):
    """An item that has not ended; times are Unix milliseconds."""

    id: OutboxId
    status: Status
    attempts: int
    max_attempts: int
    available_at: int
    claim_token: str | None
    claimed_by: str | None
    lease_until: int | None
    begun_at: int | None


def verdict(item: OpenItem, *, journal: str, holding: frozenset[str], now_ms: int) -> Verdict:
    """Say what a claim by *journal*, which still holds the items *holding*, may do with *item*."""
    if item.status == "pending":
        return _offer(item) if item.available_at <= now_ms else "wait"
    if item.claimed_by == journal:
        if item.id in holding:
            return "skip"
        # The journal never got our answer, or it was restored from a backup.
        return _offer(item) if item.begun_at is None else "unknown"
    if item.lease_until is not None and item.lease_until > now_ms:
        return "wait"
    return _offer(item) if item.begun_at is None else "unknown"


def retry_at(attempts: int, now_ms: int) -> int:
    """Return when an item that failed *attempts* times, surely unsent, may be tried again."""
    return now_ms + RETRY_AFTER_MS[min(attempts, len(RETRY_AFTER_MS)) - 1]


def _offer(item: OpenItem) -> Verdict:
    return "offer" if item.attempts < item.max_attempts else "exhausted"
