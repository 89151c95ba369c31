"""The loop that has deliveries tried as they fall due, and writes down what came of it.

Nothing is remembered here: what is due, what is being tried and when to try again are rows. A process that dies leaves
leases behind, and whoever finds it gone, or one of them expired, tries again, under the same delivery id. One that is
told to end is given time for what it is trying, and gives the rest back. No transaction is open during a try, so that a
receiver may call the API before it answers. What ends within a moment is written down together, with the claim of what
may be tried next: commits, not tries, would be what a delivery costs.
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
from blueport.server.notifying.delivering.outcomes import NOT_RENDERED, NOT_SIGNED, Outcome
from blueport.server.notifying.delivering.schedule import lease_s
from blueport.server.notifying.delivering.sender import Sender
from blueport.server.notifying.delivering.service import Places, Settled
from blueport.server.notifying.delivering.tries import Tried, Try
from blueport.server.notifying.rendering import rendered
from blueport.server.sealing import NotReadableError
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
CLAIM_LIMIT = 128
# Tries that begin before the loop hears of others again: with all of a claim at once each finds its memory cold at each
# of its steps, which costs a sixth of it.
AT_ONCE = 8
# How long what has ended waits for others that are under way to end too.
GATHER_S = 0.002


class Dispatcher:
    """Claims, tries and settles deliveries from its start until it is closed."""

    def __init__(self, store: Store, sender: Sender, links: Links, tallies: Tallies[str] | None = None) -> None:
        self._store = store
        self._sender = sender
        self._links = links
        self._lease_s = lease_s(sender.limit_s)
        self._is_leaving = False
        self._loop: asyncio.Task[None] | None = None
        self._tries: dict[asyncio.Task[None], bool] = {}  # whether it was tried before
        self._ended: list[Tried] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tallies: Tallies[str] = Tallies() if tallies is None else tallies

    def start(self) -> None:
        """Try whatever falls due."""
        self._loop = asyncio.create_task(self._turning())

    def let_go(self) -> None:
        """Begin no more tries."""
        self._is_leaving = True
        self._turn_now()

    async def close(self, grace_s: float) -> None:
        """Let the tries under way come to their end, but not for longer than that; the rest others may try at once."""
        if self._loop is None:
            return
        self.let_go()
        if self._tries:
            await asyncio.wait(self._tries, timeout=grace_s)
        for task in self._tries:
            task.cancel()
        await self._loop
        with contextlib.suppress(StoreUnavailableError):  # then their leases run out
            await self._store.write_holding(None, service.give_back, self._store.process)

    async def _turning(self) -> None:
        """Take turns, until there is nothing left that could end."""
        while not self._is_leaving or self._tries or self._ended:
            ticket = self._store.wakeups.ticket("deliveries")
            ended = self._taken()
            try:
                await waited(ticket, await self._turn(ended))
            except StoreUnavailableError as error:
                log.warning("deliveries_wait_for_database", **named(error))
                self._keep_for_later(ended)
                await waited(ticket, TROUBLE_S)
            except Exception:
                log.exception("loop_fell_over", task="dispatching")
                await asyncio.sleep(TROUBLE_S)

    def _taken(self) -> list[Tried]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ended, self._ended = self._ended, []
        return ended

    def _keep_for_later(self, ended: list[Tried]) -> None:
        """Have it written down another time; who is leaving cannot wait: others try again once their leases end."""
        if not self._is_leaving:
            self._ended = ended + self._ended

    async def _turn(self, ended: list[Tried]) -> float:
        """Write down what has ended, begin what is due, and return for how many seconds nothing else will be."""
        places = self._places()
        if not ended and places.all == 0:
            return POLL_S
        process = self._store.process
        turn = await self._store.write_holding(
            "deliveries", service.turn, ended, places, process, lease_s=self._lease_s
        )
        self._look_after(turn.settled)
        for number, each in enumerate(turn.tries, 1):
            self._start(each)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        return _pause_s(turn.next_in_ms)

    def _look_after(self, settled: Settled) -> None:
        for late in settled.lost:
            log.warning("delivery_outlived_its_lease", delivery_id=late.made.due.id)
        if settled.busy:
            self._ended = settled.busy + self._ended
            self._turn_in(BUSY_S)

    def _places(self) -> Places:
        free = 0 if self._is_leaving else PLACES.all - len(self._tries)
        return Places(min(free, CLAIM_LIMIT), PLACES.again - sum(self._tries.values()))

    def _start(self, claimed: Try) -> None:
        task = asyncio.create_task(self._try(claimed))
        self._tries[task] = claimed.due.attempts > 1
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        del self._tries[task]
        error = None if task.cancelled() else task.exception()
        if error is not None:  # its lease runs out, and it is tried again
            log.error("loop_fell_over", task="trying", exc_info=error)
        if not self._tries:
            self._turn_now()
        else:
            self._turn_in(GATHER_S)

    def _turn_in(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._turn_now)

    def _turn_now(self) -> None:
        self._store.wakeups.wake(["deliveries"])

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

    async def _outcome(self, claimed: Try, now_ms: int) -> Outcome:
        due = claimed.due
        try:
            data = rendered(due.data, due.attachments, self._links, now_ms)
        except (msgspec.MsgspecError, ValueError):  # a fault of ours, which its owner is not to be left in the dark of
            log.exception("delivery_not_rendered", delivery_id=due.id)
            return Outcome(is_delivered=False, reason=NOT_RENDERED)
        ready = due if data is due.data else due._replace(data=data)
        try:
            return await self._sender.attempt(ready, now_ms)
        except NotReadableError:  # its key may be given to this process, or another one may have it: it is tried again
            log.exception("delivery_not_signed", webhook_id=due.webhook_id, delivery_id=due.id)
            return Outcome(is_delivered=False, reason=NOT_SIGNED)

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
