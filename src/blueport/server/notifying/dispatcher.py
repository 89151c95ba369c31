"""The loop that tries deliveries as they fall due.

Nothing is remembered here: what is due, what is being tried and when to try again are rows. A process that dies leaves
leases behind, and whoever finds it gone, or one of them expired, tries again, under the same delivery id. One that is
told to end is given time for what it is trying, and gives the rest back. No transaction is open during a try, so that a
receiver may call the API before it answers.
"""

import asyncio
import contextlib
import logging

from blueport.server.blobs.links import Links
from blueport.server.errors import StoreUnavailableError
from blueport.server.notifying import service
from blueport.server.notifying.sender import Sender
from blueport.server.notifying.service import Claimed, Try
from blueport.server.store.interface import Store
from blueport.server.store.wakeups import waited

log = logging.getLogger(__name__)

POLL_S = 5.0
TROUBLE_S = 1.0


class Dispatcher:
    """Claims, tries and settles deliveries from its start until it is closed."""

    def __init__(self, store: Store, sender: Sender, links: Links, *, lease_s: float) -> None:
        self._store = store
        self._sender = sender
        self._links = links
        self._lease_s = lease_s
        self._is_leaving = False
        self._loop: asyncio.Task[None] | None = None
        self._tries: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Try whatever falls due."""
        self._loop = asyncio.create_task(self._run())

    def let_go(self) -> None:
        """Begin no more tries."""
        self._is_leaving = True
        self._store.wakeups.wake(["deliveries"])

    async def close(self, grace_s: float) -> None:
        """Let the tries under way come to their end, but not for longer than that; the rest others may try at once."""
        if self._loop is None:
            return
        self.let_go()
        await self._loop
        if self._tries:
            await asyncio.wait(self._tries, timeout=grace_s)
        for task in self._tries:
            task.cancel()
        await asyncio.gather(*self._tries, return_exceptions=True)
        with contextlib.suppress(StoreUnavailableError):  # then their leases run out
            await self._store.write_holding(None, service.release, self._store.process)

    async def _run(self) -> None:
        while not self._is_leaving:
            ticket = self._store.wakeups.ticket("deliveries")
            try:
                claimed = await self._claimed()
                for each in claimed.tries:
                    self._start(each)
                if not claimed.tries:
                    await waited(ticket, _pause_s(claimed.next_in_ms))
            except StoreUnavailableError:
                log.warning("deliveries wait: the database is not available")
                await waited(ticket, TROUBLE_S)
            except Exception:
                log.exception("the dispatcher fell over; it goes on")
                await asyncio.sleep(TROUBLE_S)

    async def _claimed(self) -> Claimed:
        process = self._store.process
        return await self._store.write_holding("deliveries", service.claim, self._links, process, lease_s=self._lease_s)

    def _start(self, claimed: Try) -> None:
        task = asyncio.create_task(self._try(claimed))
        self._tries.add(task)
        task.add_done_callback(self._tries.discard)

    async def _try(self, claimed: Try) -> None:
        outcome = await self._sender.attempt(claimed)
        try:
            is_mine = await self._store.write_holding(None, service.settle, claimed, outcome)
        except StoreUnavailableError:
            return  # the lease runs out, and the try is repeated
        if not is_mine:
            log.warning("a try outlived its lease; its outcome is dropped")


def _pause_s(next_in_ms: int | None) -> float:
    return POLL_S if next_in_ms is None else min(POLL_S, next_in_ms / 1000)
