"""How many units of work a store was asked for, how long they took, and how many it could not take."""

from collections.abc import Awaitable
from time import perf_counter
from typing import TypeVar

from blueport.server.errors import StoreUnavailableError
from blueport.server.tallies import Tally

T = TypeVar("T")


class UnitTally(Tally):
    """The units of one kind, from when they were asked for until their result was there."""

    __slots__ = ("failed",)

    def __init__(self) -> None:
        super().__init__()
        self.failed = 0

    async def measured(self, work: Awaitable[T]) -> T:
        """Return what *work* comes to, and count it."""
        began_s = perf_counter()
        try:
            result = await work
        except BaseException as error:
            self.note(perf_counter() - began_s, error)
            raise
        self.note(perf_counter() - began_s, None)
        return result

    def note(self, took_s: float, error: BaseException | None) -> None:
        """Count a unit that took *took_s* seconds, and came to *error*, if it did."""
        self.add(took_s)
        if isinstance(error, StoreUnavailableError):
            self.failed += 1


class StoreTallies:
    """The units of a store."""

    def __init__(self) -> None:
        self.reads = UnitTally()
        self.writes = UnitTally()
