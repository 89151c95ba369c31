"""A database as the rest of the server sees it: SQLite's and PostgreSQL's stores both are this."""

from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from blueport.server.store.counting import Counts
from blueport.server.store.measuring import StoreTallies
from blueport.server.store.tx import Tx
from blueport.server.store.wakeups import Wakeups

P = ParamSpec("P")
T = TypeVar("T")


class Store(Protocol):
    """Where everything is kept; `now_ms` is the clock of all transactions, `process` our name among all processes."""

    process: str
    wakeups: Wakeups
    now_ms: Callable[[], int]

    tallies: StoreTallies

    @property
    def counts(self) -> Counts:
        """Return what counts calls."""

    async def join(self) -> None:
        """Become one of the processes that work on the database: hear of their hints, and be known as alive."""

    def write(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Run *unit* in a transaction while nobody else writes; return its result once that is durable.

        It may begin at once, or only when it is awaited.

        A unit may be run again, whole, if it came to nothing: it changes nothing but the database.

        Raises:
            StoreUnavailableError: The database did not take it; nothing was done.
        """

    def write_holding(
        self, name: str | None, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        """Run *unit* as `write` does, but beside others, also of other processes, that hold other names, or none.

        Such a unit stands on constraints, on rows that it locks, and on what only who holds *name* changes.
        """

    async def read(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *unit* on one consistent view of what is committed; it cannot write.

        Raises:
            StoreUnavailableError: The database could not be read.
        """

    async def close(self) -> None:
        """Finish what was accepted, then let go of the database."""
