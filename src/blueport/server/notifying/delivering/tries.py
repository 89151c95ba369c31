"""A try of a delivery, before it is made and after."""

from typing import NamedTuple

from blueport.server.notifying.delivering.outcomes import Outcome
from blueport.server.notifying.delivering.queries import Due


class Try(NamedTuple):
    """A claimed delivery; its outcome must carry the token. It must have begun before `lease_until` (Unix ms)."""

    due: Due
    token: str
    lease_until: int


class Tried(NamedTuple):
    """A try that has ended, and how; it began at `started_at` (Unix milliseconds), and took `took_s` seconds."""

    made: Try
    outcome: Outcome
    started_at: int
    took_s: float

    @property
    def duration_ms(self) -> int:
        """How long it took, as the log has it."""
        return round(self.took_s * 1000)
