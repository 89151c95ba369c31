"""How fast a line sends: the generic cell rate algorithm, in one number, the moment up to which its pace is used up.

Each message moves that moment on by one interval, from now if it is past. A message may go while the moment is no
further ahead than the burst allows: so after a rest the whole burst may go at once, and then one message an interval.
"""

from typing import NamedTuple


class Pace(NamedTuple):
    """A line's pace; an `interval_ms` of 0 is none. Times are Unix milliseconds."""

    interval_ms: int
    burst: int
    used_until: int

    def as_of(self, now_ms: int) -> "Pace":
        """Return the pace as it can be: with a clock set back, or made faster, more is used than there is."""
        return self._replace(used_until=min(self.used_until, now_ms + self.burst * self.interval_ms))

    def free_at(self, now_ms: int, ahead: int = 0) -> int:
        """Return when a message may go that has so many *ahead* of it; what is past means now."""
        return max(now_ms, self.used_until) + (ahead + 1 - self.burst) * self.interval_ms

    def less_one(self, now_ms: int) -> "Pace":
        """Return what is left once a message has gone."""
        return self._replace(used_until=max(now_ms, self.used_until) + self.interval_ms) if self.interval_ms else self
