"""Who is typing, told while it is true: nobody keeps it, and what cannot be told at once is not told."""

import asyncio
from functools import partial
from typing import NamedTuple

from blueport.clock import now_ms
from blueport.daemon.chatdb.database import ChatDb
from blueport.daemon.chatdb.thread import ChatDbError, ChatDbThread
from blueport.daemon.journal.file import Journal
from blueport.daemon.transports.imsg.events import TypingEvent
from blueport.daemon.uplink import Uplink
from blueport.daemon.watching.noting import Noting
from blueport.protocol.door import Sightings
from blueport.protocol.sightings import TypingSeen

# Those behind are of no interest by the time that their turn comes.
_MOST_WAITING = 50


class _Heard(NamedTuple):
    event: TypingEvent
    at: int


class TypingDots:
    """The way of typing indicators from Messages to the server."""

    def __init__(self, journal: Journal, uplink: Uplink, chat_db: ChatDbThread, noting: Noting) -> None:
        self._journal = journal
        self._uplink = uplink
        self._chat_db = chat_db
        self._noting = noting
        self._heard: asyncio.Queue[_Heard] = asyncio.Queue(_MOST_WAITING)

    def hear(self, event: TypingEvent) -> None:
        """Take note of *event*, now."""
        if self._heard.full():
            self._heard.get_nowait()
        self._heard.put_nowait(_Heard(event, now_ms()))

    async def tell_for_ever(self) -> None:
        """Tell what is heard, in its order."""
        while True:
            seen = await self._seen(await self._heard.get())
            if seen is not None:
                await self._uplink.tell_now(Sightings(self._journal.id, (seen,)))

    async def _seen(self, heard: _Heard) -> TypingSeen | None:
        """Return what to tell: nothing of a group, or of a chat in which nothing was ever said."""
        event, at = heard
        try:
            row = await self._chat_db.ask(partial(ChatDb.newest_of_chat, guid=event.chat_guid))
        except ChatDbError:
            return None
        return None if row is None else self._noting.typing_seen(row, is_typing=event.is_typing, at=at)
