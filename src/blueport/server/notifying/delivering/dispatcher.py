"""The loops that try deliveries as they fall due, and write down what came of it.

Nothing is remembered here: what is due, what is being tried and when to try again are rows. A process that dies leaves
leases behind, and whoever finds it gone, or one of them expired, tries again, under the same delivery id. One that is
told to end is given time for what it is trying, and gives the rest back. No transaction is open during a try, so that a
receiver may call the API before it answers. What has ended while the last outcomes were written down is written down
together: commits, not tries, would be what a delivery costs.
"""

import asyncio
import contextlib
from time import perf_counter

import msgspec

from blueport.failpoints import reached
from blueport.logs.lines import logger, named
from blueport.server.blobs.links import Links
from blueport.server.errors import StoreUnavailableError
from blueport.server.notifying.delivering import service
from blueport.server.notifying.delivering.outcomes import NOT_RENDERED, Outcome
from blueport.server.notifying.delivering.sender import Sender
from blueport.server.notifying.delivering.service import Claimed, Places
from blueport.server.notifying.delivering.tries import Tried, Try
from blueport.server.notifying.rendering import rendered
from blueport.server.store.interface import Store
from blueport.server.store.wakeups import waited
from blueport.server.tallies import Tallies

log = logger(__name__)

POLL_S = 5.0
TROUBLE_S = 1.0
# Within which most transactions end that have a hold on what we are about to write down.
BUSY_S = 0.01
# Tries under way at a time, and how many of them with what has failed before.
PLACES = Places(512, 256)
# Tries that begin in one claim.
CLAIM_LIMIT = 64


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
        self._loops: list[asyncio.Task[None]] = []
        self._tries: dict[asyncio.Task[None], bool] = {}  # whether it was tried before
        self._ended: list[Tried] = []
        self._has_ended = asyncio.Event()
        self._tallies: Tallies[str] = Tallies() if tallies is None else tallies

    def start(self) -> None:
        """Try whatever falls due."""
        self._loops = [asyncio.create_task(self._claiming()), asyncio.create_task(self._settling())]

    def let_go(self) -> None:
        """Begin no more tries."""
        self._is_leaving = True
        self._store.wakeups.wake(["deliveries"])

    async def close(self, grace_s: float) -> None:
        """Let the tries under way come to their end, but not for longer than that; the rest others may try at once."""
        if not self._loops:
            return
        self.let_go()
        claiming, settling = self._loops
        await claiming
        if self._tries:
            await asyncio.wait(self._tries, timeout=grace_s)
        for task in self._tries:
            task.cancel()
        await asyncio.gather(*self._tries, return_exceptions=True)  # what befell one is logged where it ends
        self._has_ended.set()
        await settling
        with contextlib.suppress(StoreUnavailableError):  # then their leases run out
            await self._store.write_holding(None, service.give_back, self._store.process)

    async def _claiming(self) -> None:
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
        free = PLACES.all - len(self._tries)
        if free == 0:
            return Claimed([], None)
        places = Places(min(free, CLAIM_LIMIT), PLACES.again - sum(self._tries.values()))
        process = self._store.process
        return await self._store.write_holding("deliveries", service.claim, places, process, lease_s=self._lease_s)

    def _start(self, claimed: Try) -> None:
        task = asyncio.create_task(self._try(claimed))
        self._tries[task] = claimed.due.attempts > 1
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        del self._tries[task]
        error = None if task.cancelled() else task.exception()
        if error is not None:  # its lease runs out, and it is tried again
            log.error("loop_fell_over", task="trying", exc_info=error)

    async def _try(self, claimed: Try) -> None:
        reached("server.trying")
        began_s, began_at = perf_counter(), self._store.now_ms()
        if began_at >= claimed.lease_until:
            return  # this process stood still, and another may be at it
        outcome = await self._outcome(claimed, began_at)
        reached("server.tried")
        took_s = perf_counter() - began_s
        self._note(claimed, outcome, took_s)
        self._ended.append(Tried(claimed, outcome, began_at, round(took_s * 1000)))
        self._has_ended.set()

    async def _outcome(self, claimed: Try, now_ms: int) -> Outcome:
        due = claimed.due
        try:
            data = rendered(due.data, due.attachments, self._links, now_ms)
        except (msgspec.MsgspecError, ValueError):  # a fault of ours, which its owner is not to be left in the dark of
            log.exception("delivery_not_rendered", delivery_id=due.id)
            return Outcome(is_delivered=False, reason=NOT_RENDERED)
        return await self._sender.attempt(due._replace(data=data), now_ms)

    async def _settling(self) -> None:
        """Write down what has ended, until there is nothing left that could."""
        while not self._is_leaving or self._tries or self._ended:
            await self._has_ended.wait()
            self._has_ended.clear()
            ended, self._ended = self._ended, []
            try:
                await self._settle(ended)
            except StoreUnavailableError:
                if not self._is_leaving:  # who is cannot wait, and others repeat the tries once their leases end
                    await self._keep_for_later(ended, TROUBLE_S)
            except Exception:
                log.exception("loop_fell_over", task="settling")

    async def _keep_for_later(self, ended: list[Tried], pause_s: float) -> None:
        """Write it down with what ends next, after a while."""
        self._ended = ended + self._ended
        self._has_ended.set()
        await asyncio.sleep(pause_s)

    async def _settle(self, ended: list[Tried]) -> None:
        if not ended:
            return
        settled = await self._store.write_holding(None, service.settle, ended)
        for each in settled.lost:
            log.warning("delivery_outlived_its_lease", delivery_id=each.made.due.id)
        if settled.busy:
            await self._keep_for_later(settled.busy, BUSY_S)

    def _note(self, tried: Try, outcome: Outcome, took_s: float) -> None:
        self._tallies[_kind_of(outcome.reason)].add(took_s)
        if not outcome.is_delivered:
            log.info(
                "delivery_failed",
                delivery_id=tried.due.id,
                webhook_id=tried.due.webhook_id,
                event_type=tried.due.event_type,
                attempts=tried.due.attempts,
                reason=outcome.reason,
                duration_ms=round(took_s * 1000),
            )


def _kind_of(reason: str) -> str:
    """Return *reason* with the receiver's own choice of a status left out: `http_5xx`."""
    return f"{reason[:6]}xx" if reason.startswith("http_") else reason


def _pause_s(next_in_ms: int | None) -> float:
    return POLL_S if next_in_ms is None else min(POLL_S, next_in_ms / 1000)
