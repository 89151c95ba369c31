"""The loop that tries deliveries as they fall due.

Nothing is remembered here: what is due, what is being tried and when to try again are rows. A process that dies leaves
leases behind, and whoever finds it gone, or one of them expired, tries again, under the same delivery id. One that is
told to end is given time for what it is trying, and gives the rest back. No transaction is open during a try, so that a
receiver may call the API before it answers.
"""

import asyncio
import contextlib
import functools
from time import perf_counter

from blueport.failpoints import reached
from blueport.logs.lines import logger, named
from blueport.server.blobs.links import Links
from blueport.server.errors import StoreUnavailableError
from blueport.server.notifying import service
from blueport.server.notifying.sender import Sender
from blueport.server.notifying.service import Claimed, Outcome, Try
from blueport.server.store.interface import Store
from blueport.server.store.wakeups import waited
from blueport.server.tallies import Tallies

log = logger(__name__)

POLL_S = 5.0
TROUBLE_S = 1.0


class Dispatcher:
    """Claims, tries and settles deliveries from its start until it is closed."""

    def __init__(
        self, store: Store, sender: Sender, links: Links, *, lease_s: float, tallies: Tallies[str] | None = None
    ) -> None:
        self._store = store
        self._sender = sender
        self._links = links
        self._lease_s = lease_s
        self._is_leaving = False
        self._loop: asyncio.Task[None] | None = None
        self._tries: set[asyncio.Task[None]] = set()
        # Those that may be cut short, by token: what has an outcome is written down.
        self._attempts: dict[str, asyncio.Task[None]] = {}
        self._tallies: Tallies[str] = Tallies() if tallies is None else tallies

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
        for task in self._attempts.values():
            task.cancel()
        await asyncio.gather(*self._tries, return_exceptions=True)  # what befell one is logged where it ends
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
            except StoreUnavailableError as error:
                log.warning("deliveries_wait_for_database", **named(error))
                await waited(ticket, TROUBLE_S)
            except Exception:
                log.exception("loop_fell_over", task="dispatching")
                await asyncio.sleep(TROUBLE_S)

    async def _claimed(self) -> Claimed:
        process = self._store.process
        return await self._store.write_holding("deliveries", service.claim, self._links, process, lease_s=self._lease_s)

    def _start(self, claimed: Try) -> None:
        task = asyncio.create_task(self._try(claimed))
        self._tries.add(task)
        self._attempts[claimed.token] = task
        task.add_done_callback(functools.partial(self._end, claimed.token))

    def _end(self, token: str, task: asyncio.Task[None]) -> None:
        self._tries.discard(task)
        self._attempts.pop(token, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # its lease runs out, and it is tried again
            log.error("loop_fell_over", task="trying", exc_info=error)

    async def _try(self, claimed: Try) -> None:
        reached("server.trying")
        began_s = perf_counter()
        outcome = await self._sender.attempt(claimed)
        reached("server.tried")
        del self._attempts[claimed.token]  # from here on it is not cut short
        self._note(claimed, outcome, perf_counter() - began_s)
        try:
            is_mine = await self._store.write_holding(None, service.settle, claimed, outcome)
        except StoreUnavailableError:
            return  # the lease runs out, and the try is repeated
        if not is_mine:
            log.warning("delivery_outlived_its_lease", delivery_id=claimed.due.id)

    def _note(self, tried: Try, outcome: Outcome, took_s: float) -> None:
        self._tallies[_kind_of(outcome.reason)].add(took_s)
        if not outcome.is_delivered:
            log.info(
                "delivery_failed",
                delivery_id=tried.due.id,
                webhook_id=tried.due.webhook_id,
                event_type=tried.due.event_type,
                attempts=tried.due.attempts + 1,
                reason=outcome.reason,
                duration_ms=round(took_s * 1000),
            )


def _kind_of(reason: str) -> str:
    """Return *reason* with the receiver's own choice of a status left out: `http_5xx`."""
    return f"{reason[:6]}xx" if reason.startswith("http_") else reason


def _pause_s(next_in_ms: int | None) -> float:
    return POLL_S if next_in_ms is None else min(POLL_S, next_in_ms / 1000)
