"""How fast a line sends: the generic cell rate algorithm, in one number, the moment up to which its pace is used up.

Each message moves that moment on by one interval, from now if it is past. A message may go while the moment is no
further ahead than the burst allows: so after a rest the whole burst may go at once, and then one message an interval.

A fuse is a second pace of the same kind, over an hour: no account of Messages may look like a sender of spam.
"""

from typing import NamedTuple

HOUR_MS = 3_600_000


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

    def has_rested(self, now_ms: int) -> bool:
        """Say whether half of the burst could go at once."""
        return not self.interval_ms or self.free_at(now_ms, self.burst // 2) <= now_ms


def fuse(hourly_limit: int, used_until: int) -> Pace:
    """Return the pace under which no hour sees more than *hourly_limit* messages; 0 is none.

    A quarter of them may go at once after a rest, the others come one by one.
    """
    burst = max(1, hourly_limit // 4)
    return Pace(-(-HOUR_MS // (hourly_limit - burst + 1)) if hourly_limit else 0, burst, used_until)


class Allowance(NamedTuple):
    """How much a line may send now: as its pace has it, and as its fuse."""

    pace: Pace
    fuse: Pace

    def as_of(self, now_ms: int) -> "Allowance":
        """Return both as they can be."""
        return Allowance(self.pace.as_of(now_ms), self.fuse.as_of(now_ms))

    def free_at(self, now_ms: int, ahead: int = 0) -> int:
        """Return when both let a message go that has so many *ahead* of it; what is past means now."""
        return max(each.free_at(now_ms, ahead) for each in self)

    def less_one(self, now_ms: int) -> "Allowance":
        """Return what is left once a message has gone."""
        return Allowance(self.pace.less_one(now_ms), self.fuse.less_one(now_ms))
