"""What may become of an outbox item, decided without a database.

An item is *pending* until a daemon claims it, and *claimed* by that daemon's journal until it ends *sent* or *failed*.
From `begun` on it may be in Messages' hands: then only the journal that began it can say how it ended, and if that
journal is lost the outcome is unknown. What is unknown is never sent again.
"""

from typing import Literal, NamedTuple

from blueport.server.ids import OutboxId
from blueport.server.shapes import Status

Kind = Literal["text", "file", "audio", "react", "edit", "unsend", "group", "rename", "add", "remove", "leave"]
# offer: to be claimed now. skip: in good hands, look at the next. wait: the line's order holds back what follows.
# unknown, exhausted: it ends failed.
Verdict = Literal["offer", "skip", "wait", "unknown", "exhausted"]

# As long after it was sent, and so often, as Messages lets anybody see that a message was changed.
EDIT_WITHIN_MS, MOST_EDITS = 15 * 60_000, 5
UNSEND_WITHIN_MS = 2 * 60_000

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
    claim_asked_at: int | None
    lease_until: int | None
    begun_at: int | None
    part_of: OutboxId | None


class Asking(NamedTuple):
    """Who asks for work: a journal, the items that it holds, and the moment by its own clock."""

    journal: str
    holding: frozenset[str]
    asked_at: int


def verdict(item: OpenItem, asking: Asking, now_ms: int) -> Verdict:
    """Say what may be done with *item* for *asking*."""
    if item.status == "pending":
        return _offer(item, asking) if _is_due(item, now_ms) else "wait"
    if item.claimed_by == asking.journal and item.id in asking.holding:
        return "skip"
    if not _is_lost(item, asking) and item.lease_until is not None and item.lease_until > now_ms:
        return "wait"
    return _offer(item, asking) if item.begun_at is None else "unknown"


def is_new(item: OpenItem) -> bool:
    """Say whether nobody was given *item* before."""
    return item.attempts == 0


def is_new_attempt(item: OpenItem, journal: str) -> bool:
    """Say whether it counts to offer *item* to *journal*: not if the journal had it, and never began it."""
    return item.claimed_by != journal


def retry_at(attempts: int, now_ms: int) -> int:
    """Return when an item that failed *attempts* times, surely unsent, may be tried again."""
    return now_ms + RETRY_AFTER_MS[min(attempts, len(RETRY_AFTER_MS)) - 1]


def _is_due(item: OpenItem, now_ms: int) -> bool:
    """Say whether the item need not wait; only a clock that was set back puts it further away than its retry can be."""
    return not now_ms < item.available_at <= retry_at(item.attempts, now_ms)


def _is_lost(item: OpenItem, asking: Asking) -> bool:
    """Say whether the journal never got our answer, or was restored from a backup.

    A claim that waits may have been left behind by a newer one, whose items it does not know.
    """
    return item.claimed_by == asking.journal and (item.claim_asked_at or 0) < asking.asked_at


def _offer(item: OpenItem, asking: Asking) -> Verdict:
    may_be_tried = item.attempts < item.max_attempts or not is_new_attempt(item, asking.journal)
    return "offer" if may_be_tried else "exhausted"
