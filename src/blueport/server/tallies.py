"""How often something happened and how long it took, counted where it happens and read when somebody looks.

Every request counts itself more than once, so that this may cost next to nothing: durations are gathered, and sorted
into their classes many at a time, which takes little more than half of what it takes one by one. Each tally
belongs to one event loop.
"""

from bisect import bisect_right
from collections.abc import Hashable
from typing import TypeVar

# Upper bounds of the classes of duration, in seconds; what took longer is in one more.
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
GATHERED = 512
# Kinds come from closed sets; should one not be closed after all, it fills no memory.
MOST_KINDS = 1000

Kind = TypeVar("Kind", bound=Hashable)


class Tally:
    """How often, and how long each time."""

    __slots__ = ("_below", "_gathered", "_sum_s")

    def __init__(self) -> None:
        self._below = [0] * (len(BOUNDS_S) + 1)
        self._sum_s = 0.0
        self._gathered: list[float] = []

    def add(self, took_s: float) -> None:
        """Count one that took *took_s* seconds."""
        self._gathered.append(took_s)
        if len(self._gathered) == GATHERED:
            self._sort_in()

    def add_all(self, other: "Tally") -> None:
        """Count all that *other* has counted."""
        self._below = [mine + its for mine, its in zip(self.below, other.below, strict=True)]
        self._sum_s += other.sum_s

    @property
    def below(self) -> list[int]:
        """How many took no longer than each of the bounds, and last how many there were."""
        self._sort_in()
        return self._below

    @property
    def sum_s(self) -> float:
        """How long all of them took together."""
        self._sort_in()
        return self._sum_s

    @property
    def count(self) -> int:
        """How many there were."""
        return self.below[-1]

    def _sort_in(self) -> None:
        gathered, self._gathered = sorted(self._gathered), []
        self._sum_s += sum(gathered)
        new = [*(bisect_right(gathered, bound) for bound in BOUNDS_S), len(gathered)]
        self._below = [old + more for old, more in zip(self._below, new, strict=True)]


class Tallies(dict[Kind, Tally]):
    """A tally for each kind that occurred: `tallies[kind].add(...)`."""

    def __missing__(self, kind: Kind) -> Tally:
        """Begin a tally."""
        tally = Tally()
        if len(self) < MOST_KINDS:
            self[kind] = tally
        return tally
