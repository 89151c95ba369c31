"""Counts calls within a window of time: exactly, over all processes of a database, whatever becomes of the call."""

from typing import Protocol

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """A call to be counted under a name, unless there were *limit* since its window began; times are milliseconds."""

    name: str
    limit: int
    length_ms: int
    now_ms: int


class Window(msgspec.Struct, frozen=True):
    """How many were counted since it began (Unix milliseconds)."""

    began_at: int
    calls: int

    def at(self, now_ms: int, length_ms: int) -> "Window":
        """Return the window that *now_ms* is in: this one, or a new one."""
        if now_ms >= self.began_at + length_ms:
            return Window(now_ms, 0)
        # Before its beginning: the clock was set back, or somebody else was a little faster.
        return Window(now_ms, self.calls) if now_ms < self.began_at else self


class Counted(msgspec.Struct, frozen=True):
    """When the window began (Unix milliseconds), how many calls were counted in it, and whether this one was not."""

    began_at: int
    calls: int
    is_over: bool


class Counts(Protocol):
    """The counts of one database."""

    def count(self, asked: Asked) -> Counted:
        """Count a call, from inside a unit of work; it stays counted when the unit is undone.

        Raises:
            StoreUnavailableError: It could not be counted.
        """
