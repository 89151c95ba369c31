"""What a signal is, and how long it is worth doing."""

from typing import Literal

Kind = Literal["typing", "read"]

# How long a signal waits for a daemon: Messages itself takes a typing bubble away after a while.
LIFETIME_MS: dict[Kind, int] = {"typing": 30_000, "read": 10 * 60_000}
LEASE_MS = 15_000
RETRY_AFTER_MS = 2_000

EXPIRED = "expired"
ATTEMPTS_EXHAUSTED = "attempts_exhausted"
# Not `sent`: nobody saw it, and an item that says so must have been done.
SUPERSEDED = "superseded"
