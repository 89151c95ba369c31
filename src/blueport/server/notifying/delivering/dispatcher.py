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

from blueport.failpoints import reached
from blueport.logs.lines import logger, named
from blueport.server.blobs.links import Links
from blueport.server.errors import StoreUnavailableError
from blueport.server.notifying.delivering import service
from blueport.server.notifying.delivering.outcomes import Outcome
from blueport.server.notifying.delivering.preparing import prepared
from blueport.server.notifying.delivering.schedule import lease_s
from blueport.server.notifying.delivering.sender import Sender
from blueport.server.notifying.delivering.service import Places, Settled
from blueport.server.notifying.delivering.signing import Signed
from blueport.server.notifying.delivering.tries import Tried, Try
from blueport.server.sealing import Keyring
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
# Tries that are signed and begin before the loop hears of others again: one by one each step would find its code cold,
# all at once its data.
AT_ONCE = 16
# How long what has ended waits for others that are under way to end too.
GATHER_S = 0.002


class Dispatcher:
    """Claims, tries and settles deliveries from its start until it is closed."""

    def __init__(
        self, store: Store, sender: Sender, links: Links, keyring: Keyring, tallies: Tallies[str] | None = None
    ) -> None:
        self._store = store
        self._sender = sender
        self._links = links
        self._keyring = keyring
        self._lease_s = lease_s(sender.limit_s)
        self._is_leaving = False
        self._loop: asyncio.Task[None] | None = None
        self._tries: dict[asyncio.Task[None], bool] = {}  # whether it was tried before
        self._ended: list[Tried] = []
        self._unwritten: list[Tried] = []  # what ended before, and could not be written down yet
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
        while not self._is_leaving or self._tries or self._ended or self._unwritten:
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
        """Return what is to be written down."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for each in self._ended:
            self._note(each)
        taken = self._unwritten + self._ended
        self._unwritten, self._ended = [], []
        return taken

    def _keep_for_later(self, ended: list[Tried]) -> None:
        """Have it written down another time; who is leaving cannot wait: others try again once their leases end."""
        if not self._is_leaving:
            self._unwritten = ended

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
        await self._start_all(turn.tries)
        return _pause_s(turn.next_in_ms)

    def _look_after(self, settled: Settled) -> None:
        for late in settled.lost:
            log.warning("delivery_outlived_its_lease", delivery_id=late.made.due.id)
        if settled.busy:
            self._unwritten = settled.busy
            self._turn_in(BUSY_S)

    def _places(self) -> Places:
        free = 0 if self._is_leaving else PLACES.all - len(self._tries)
        return Places(min(free, CLAIM_LIMIT), PLACES.again - sum(self._tries.values()))

    async def _start_all(self, tries: list[Try]) -> None:
        for number, each in enumerate(tries, 1):
            if self._is_leaving:
                return  # what is left is given back in the end
            self._start(each)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _start(self, claimed: Try) -> None:
        began_at = self._store.now_ms()
        try:
            ready = prepared(claimed.due, self._links, self._keyring, began_at)
        except Exception:  # its lease runs out, and it is tried again
            log.exception("loop_fell_over", task="preparing")
            return
        task = asyncio.create_task(self._try(claimed, ready, began_at))
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

    async def _try(self, claimed: Try, ready: Signed | Outcome, began_at: int) -> None:
        reached("server.trying")
        began_s = perf_counter()
        if self._store.now_ms() >= claimed.lease_until:
            return  # this process stood still, and another may be at it
        url = claimed.due.url
        outcome = ready if isinstance(ready, Outcome) else await self._sender.attempt(url, ready, began_at)
        reached("server.tried")
        self._ended.append(Tried(claimed, outcome, began_at, perf_counter() - began_s))

    def _note(self, tried: Tried) -> None:
        due, outcome = tried.made.due, tried.outcome
        self._tallies[_kind_of(outcome.reason)].add(tried.took_s)
        if not outcome.is_delivered:
            log.info(
                "delivery_failed",
                delivery_id=due.id,
                webhook_id=due.webhook_id,
                event_type=due.event_type,
                attempts=due.attempts,
                reason=outcome.reason,
                duration_ms=tried.duration_ms,
            )


def _kind_of(reason: str) -> str:
    """Return *reason* with the receiver's own choice of a status left out: `http_5xx`."""
    return f"{reason[:6]}xx" if reason.startswith("http_") else reason


def _pause_s(next_in_ms: int | None) -> float:
    return POLL_S if next_in_ms is None else min(POLL_S, next_in_ms / 1000)
