"""Counts calls within a window of time: exactly, over all processes of a database, whatever becomes of the call."""

from typing import NamedTuple, Protocol


class Asked(NamedTuple):
    """A call to be counted under a name, unless there were *limit* since its window began; times are milliseconds."""

    name: str
    limit: int
    length_ms: int
    now_ms: int


class Counted(NamedTuple):
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
