"""The loop that tries deliveries as they fall due.

Nothing is remembered here: what is due, what is being tried and when to try again are rows. A process that dies leaves
leases behind, and whoever finds one expired tries again, under the same delivery id. No transaction is open during a
try, so that a receiver may call the API before it answers.
"""

import asyncio
import logging

from blueport.server.blobs.links import Links
from blueport.server.errors import StoreUnavailableError
from blueport.server.notifying import service
from blueport.server.notifying.sender import Sender
from blueport.server.notifying.service import Try
from blueport.server.store.interface import Store
from blueport.server.store.wakeups import waited

log = logging.getLogger(__name__)

POLL_S = 5.0
TROUBLE_S = 1.0


class Dispatcher:
    """Claims, tries and settles deliveries until it is cancelled."""

    def __init__(self, store: Store, sender: Sender, links: Links, *, lease_s: float) -> None:
        self._store = store
        self._sender = sender
        self._links = links
        self._lease_s = lease_s
        self._tries: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Try whatever falls due; on cancellation let the tries under way be settled by whoever finds their leases."""
        while True:
            ticket = self._store.wakeups.ticket("deliveries")
            try:
                claimed = await self._store.write_holding(
                    "deliveries", service.claim, self._links, lease_s=self._lease_s
                )
                for each in claimed.tries:
                    self._start(each)
                if not claimed.tries:
                    await waited(ticket, _pause_s(claimed.next_in_ms))
            except StoreUnavailableError:
                log.warning("deliveries wait: the database is not available")
                await asyncio.sleep(TROUBLE_S)
            except Exception:
                log.exception("the dispatcher fell over; it goes on")
                await asyncio.sleep(TROUBLE_S)

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
