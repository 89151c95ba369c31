"""What is said of webhooks, and what one can choose to be done with them."""

from typing import NamedTuple

from blueport.server.dashboard.webhooks.queries import WebhookCard
from blueport.server.resources.deliveries.service import UNDELIVERED


class Health(NamedTuple):
    """How a receiver is: a word for it, its tone, and what it means; empty if all is well."""

    word: str
    tone: str
    meaning: str


class Lost(NamedTuple):
    """What can be made again: those deliveries that ended in one of *states*."""

    words: str
    meaning: str
    states: list[str]


_OFF = {
    "gone": "Its receiver answered 410, which says that it is gone for good.",
    "failing": "Every try failed for three days.",
}
# The states of deliveries that the log of a webhook can be narrowed to.
STATES = {
    "": ("All", ("waiting", "pending", "running", "delivered", "failed", "cancelled")),
    "open": ("Pending", ("waiting", "pending", "running")),
    "delivered": ("Delivered", ("delivered",)),
    "failed": ("Failed", ("failed",)),
    "cancelled": ("Cancelled", ("cancelled",)),
}
LOST = {
    "failed": Lost("What failed", "Every try was in vain.", ["failed"]),
    "cancelled": Lost("What was cancelled", "It waited for a week while the webhook was disabled.", ["cancelled"]),
    "missed": Lost(
        "What it was never sent",
        "It happened while the webhook was disabled, or not made yet: maybe long ago.",
        ["missed"],
    ),
    "all": Lost("All three", "Whatever it did not get.", UNDELIVERED),
    "delivered": Lost("What it got already", "Once more, as for a receiver that lost its data.", ["delivered"]),
}
HOUR_MS = 3_600_000
# Of how long ago, in milliseconds; 0 is as far back as the log goes.
SINCE = {"1h": HOUR_MS, "24h": 24 * HOUR_MS, "7d": 7 * 24 * HOUR_MS, "all": 0}
# For how long an earlier secret signs beside a new one, in seconds.
OVERLAPS_S = {"24h": 24 * 3600, "7d": 7 * 24 * 3600, "1h": 3600, "0": 0}


def health_of(webhook: WebhookCard) -> Health:
    """Return how the receiver of a webhook is."""
    if not webhook.is_active:
        return Health("disabled", "bad", _OFF.get(webhook.disabled_reason or "", ""))
    if webhook.failures:
        word = "last try failed" if webhook.failures == 1 else f"{webhook.failures} tries failed"
        return Health(word, "warn", "What failed is tried again by itself, later and later.")
    return Health("active", "good", "")
