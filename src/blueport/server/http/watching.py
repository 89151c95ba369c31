"""Streams for who watches: it is looked again and again, since not all that changes leaves a hint.

They are for an operator or a developer with a page or two; what accounts follow is in `following`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.types import Receive

from blueport.logs.lines import logger, named
from blueport.server.errors import StoreUnavailableError
from blueport.server.http.answers import Stream
from blueport.server.http.following import KEEP_ALIVE
from blueport.server.http.problems import busy
from blueport.server.http.reading import hung_up

SILENT_S = 15.0
AT_ONCE = 50

# Returns what is new, empty if nothing is, or None if there is nothing to be watched any more.
Look = Callable[[], Awaitable[bytes | None]]

log = logger(__name__)


class Watching:
    """All that is watched at one server, with so long between two looks."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._watchers = 0
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End all streams: who watches comes again, to another process."""
        self._closing.set()

    def stream(self, look: Look, receive: Receive) -> Stream:
        """Return what each look finds new, for as long as somebody listens.

        Raises:
            ApiError: `service_unavailable`: too many watch.
        """
        if self._watchers >= AT_ONCE:
            raise busy()
        self._watchers += 1
        return Stream(None, self._parts(look, receive), self._left)

    def _left(self) -> None:
        self._watchers -= 1

    async def _parts(self, look: Look, receive: Receive) -> AsyncIterator[bytes]:
        over: list[asyncio.Future[object]] = [
            asyncio.ensure_future(each) for each in (hung_up(receive), self._closing.wait())
        ]
        silent_s = 0.0
        try:
            while not any(each.done() for each in over) and (news := await _looked(look)) is not None:
                silent_s = 0.0 if news or silent_s >= SILENT_S else silent_s + self._every_s
                if news or not silent_s:
                    yield news or KEEP_ALIVE
                await asyncio.wait(over, timeout=self._every_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in over:
                each.cancel()


async def _looked(look: Look) -> bytes | None:
    """Look; a database that is away for a while ends no stream."""
    try:
        return await look()
    except StoreUnavailableError as error:
        log.warning("stream_waits_for_database", **named(error))
        return b""
