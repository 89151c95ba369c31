"""Tells who follows a log that something has happened in his account, and not when it was in another one.

After each hint there is one look for all who follow at this process: with fifty of them, each looking by himself cost
half a millisecond for each event of anybody's.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from blueport.logs.lines import logger, named
from blueport.server.errors import StoreUnavailableError
from blueport.server.ids import AccountId
from blueport.server.notifying.log import queries
from blueport.server.notifying.log.queries import Head
from blueport.server.store.interface import Store
from blueport.server.store.wakeups import waited

# A hint may be lost.
POLL_S = 5.0
# However often there are hints.
LOOK_EVERY_S = 0.02
TROUBLE_S = 1.0

log = logger(__name__)


class Bells:
    """One for each account that somebody follows here; they are rung from when the first follower comes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._followers: Counter[AccountId] = Counter()
        self._bells: dict[AccountId, asyncio.Event] = {}
        self._heads: dict[AccountId, Head] = {}
        self._listening: asyncio.Task[None] | None = None
        self._is_closing = False

    @contextmanager
    def followed(self, account_id: AccountId) -> Iterator[None]:
        """Have the bell of an account rung for as long as the block lasts."""
        self._followers[account_id] += 1
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            self._followers[account_id] -= 1
            self._followers += Counter()  # drops what nobody follows

    def ticket(self, account_id: AccountId) -> asyncio.Event:
        """Return what is set once something has happened; take it before looking, so that nothing falls between."""
        return self._bells.setdefault(account_id, asyncio.Event())

    def close(self) -> None:
        """Ring all, and no more."""
        self._is_closing = True
        self._ring([*self._bells])
        self._store.wakeups.wake(["events"])

    async def _listen(self) -> None:
        pause_s = POLL_S
        while self._followers and not self._is_closing:
            ticket = self._store.wakeups.ticket("events")
            try:
                pause_s = await self._pause_after_a_look(pause_s)
            except StoreUnavailableError as error:
                log.warning("task_waits_for_database", task="listening", **named(error))
                pause_s = TROUBLE_S
            except Exception:
                log.exception("loop_fell_over", task="listening")
                pause_s = TROUBLE_S
            await waited(ticket, pause_s)
            await asyncio.sleep(LOOK_EVERY_S)
        self._heads.clear()

    async def _pause_after_a_look(self, last_pause_s: float) -> float:
        """Ring where something is new; return when to look again: soon, while what is there is not settled."""
        heads = {head.account_id: head for head in await self._store.read(queries.heads, [*self._followers])}
        news = [account_id for account_id, head in heads.items() if head != self._heads.get(account_id)]
        self._heads = heads
        self._ring(news)
        if all(head.settled == head.newest for head in heads.values()):
            return POLL_S
        return LOOK_EVERY_S if news else min(2 * last_pause_s, TROUBLE_S)

    def _ring(self, account_ids: list[AccountId]) -> None:
        for account_id in account_ids:
            bell = self._bells.pop(account_id, None)
            if bell is not None:
                bell.set()
