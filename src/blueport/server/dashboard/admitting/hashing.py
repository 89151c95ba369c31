"""Hashes passwords beside the event loop, few at a time: each takes 64 MiB, and whoever asks need not be signed in."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from blueport.server.http.problems import busy

AT_ONCE = 2
# Who comes when so many wait is told to come again.
MOST_WAITING = 30

P = ParamSpec("P")
T = TypeVar("T")


class Hashing:
    """The passwords that one server is at."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def done(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do *work* in a thread, once it is its turn.

        Raises:
            ApiError: `service_unavailable`: too many wait.
        """
        if self._waiting >= MOST_WAITING:
            raise busy()
        self._waiting += 1
        try:
            async with self._places:
                return await asyncio.to_thread(work, *args, **kwargs)
        finally:
            self._waiting -= 1
