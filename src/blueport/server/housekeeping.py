"""What a server does now and then: it sweeps what has ended, and what processes left that are gone."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from blueport import clock
from blueport.logs.lines import logger, named
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.limits import Limits
from blueport.server.blobs import queries as blobs
from blueport.server.blobs.storage import Blobs
from blueport.server.errors import StoreUnavailableError
from blueport.server.http import repeating
from blueport.server.link import service as link
from blueport.server.notifying.delivering import service as delivering
from blueport.server.notifying.log import service as event_log
from blueport.server.sending import service as sending
from blueport.server.signalling import service as signalling
from blueport.server.signing_in import service as signing_in
from blueport.server.store.interface import Store
from blueport.server.store.tx import Tx

log = logger(__name__)

SWEEP_S = 15.0
KEEP_USES_S = 5.0
SWEEP_FILES_S = 6 * 60 * 60
DROP_OLD_S = 5 * 60
# A draft that is still written to has news every half minute; bytes are told of right after they are in their place.
DRAFT_LIFE_MS = 60 * 60 * 1000
UNTOLD_LIFE_MS = 24 * 60 * 60 * 1000


class Watch(NamedTuple):
    """When the last sweep was, and until when nobody is called silent (Unix milliseconds)."""

    swept_at: int = 0
    quiet_until: int = 0


class Housekeeper:
    """Keeps one server's house; any number of them may work on one database."""

    def __init__(self, store: Store, limits: Limits, blobs: Blobs, *, lease_s: int) -> None:
        self._store = store
        self._limits = limits
        self._blobs = blobs
        self._lease_s = lease_s
        self._watch = Watch()
        self._loops: list[asyncio.Task[None]] = []

    def start(self, *, sweeps: bool) -> None:
        """Do it from now on; *sweeps*: for the others, too."""
        every: list[tuple[Callable[[], Awaitable[None]], float]] = [(self.keep_uses, KEEP_USES_S)]
        if sweeps:
            every += [(self.sweep, SWEEP_S), (self.sweep_files, SWEEP_FILES_S), (self.drop_old, DROP_OLD_S)]
        self._loops = [asyncio.create_task(_forever(work, every_s)) for work, every_s in every]

    async def close(self) -> None:
        """Do it no more, but for what would be lost."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        with contextlib.suppress(StoreUnavailableError):
            await self.keep_uses()

    async def sweep(self) -> None:
        """End what has waited for too long, and free what processes held that are gone."""
        self._watch = await self._store.write(_swept, self._watch, lease_s=self._lease_s)

    async def drop_old(self) -> None:
        """Drop what is kept no longer: sessions; and events, some at a time, so that others come in between."""
        await self._store.write_holding(None, signing_in.drop_old)
        while await self._store.write_holding("log", event_log.drop_old):
            pass

    async def sweep_files(self) -> None:
        """Remove bytes that nobody knows of: of uploads that broke off, and of processes that died before they told."""
        await self._blobs.sweep_drafts(clock.now_ms() - DRAFT_LIFE_MS)
        async for keys in self._blobs.listed(clock.now_ms() - UNTOLD_LIFE_MS):
            for key in set(keys) - await self._store.read(blobs.known_keys, keys):
                await self._blobs.drop(key)

    async def keep_uses(self) -> None:
        """Write down when keys were used since this was last done."""
        uses = self._limits.taken_uses()
        try:
            if uses:
                await self._store.write_holding(None, authorizing.keep_uses, uses)
        except BaseException:
            self._limits.put_back_uses(uses)
            raise


async def _forever(work: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await work()
        except StoreUnavailableError as error:
            log.warning("task_waits_for_database", task=work.__name__, **named(error))
        except Exception:
            log.exception("task_fell_over", task=work.__name__)


def _swept(tx: Tx, watch: Watch, *, lease_s: int) -> Watch:
    """Sweep once.

    If the clock was not there since the last sweep, because this machine slept, stood still or had its clock set, the
    daemons are given the time to renew what they hold before any of them is taken for silent.
    """
    repeating.drop_old(tx)
    signalling.end_expired(tx)
    delivering.recover(tx)
    delivering.expire(tx)
    quiet_until = watch.quiet_until
    if not 0 <= tx.now_ms - watch.swept_at <= 2 * SWEEP_S * 1000:
        delivering.set_right(tx)
        quiet_until = tx.now_ms + lease_s * 1000
    if tx.now_ms >= quiet_until:
        sending.end_the_silent(tx)
        link.note_silent_lines(tx)
    return Watch(tx.now_ms, quiet_until)
