"""Hints that there may be work. A waiter polls all the same: a hint that is lost costs time, never work."""

import asyncio
from collections.abc import Iterable

from blueport.server.store.tx import Topic


class Wakeups:
    """Who waits for what, in this process."""

    def __init__(self) -> None:
        self._woken: dict[Topic, asyncio.Event] = {}

    def ticket(self, topic: Topic) -> asyncio.Event:
        """Return what the next hint on *topic* sets; take it before looking for work, so that no hint falls between."""
        return self._woken.setdefault(topic, asyncio.Event())

    def wake(self, topics: Iterable[Topic]) -> None:
        """Tell all who hold a ticket for one of *topics*."""
        for topic in topics:
            event = self._woken.pop(topic, None)
            if event is not None:
                event.set()


async def waited(ticket: asyncio.Event, timeout_s: float) -> bool:
    """Wait for *ticket*; False if nothing was heard for *timeout_s*."""
    try:
        async with asyncio.timeout(timeout_s):
            await ticket.wait()
    except TimeoutError:
        return False
    return True
