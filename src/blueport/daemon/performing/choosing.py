"""Chooses the way for each command: AppleScript for what it can do, since every Mac has it, `imsg` for the rest."""

import asyncio

from blueport.daemon.health import MacHealth
from blueport.daemon.transports.base import Transport
from blueport.daemon.transports.imsg.transport import Imsg
from blueport.protocol.commands import Command
from blueport.protocol.door import Capability

# Until it is there, and to notice when it has gone.
_SEARCH_S = 3.0
_LOOK_AGAIN_S = 60.0


class Chosen:
    """All the transports of a Mac as one."""

    def __init__(self, applescript: Transport, imsg: Imsg | None) -> None:
        self._applescript = applescript
        self._imsg = imsg

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """What one of them can do beyond plain text."""
        return self._imsg.capabilities if self._imsg is not None else ()

    async def perform(self, command: Command) -> None:
        """Hand *command* over; see `Transport`."""
        if command.reply_to_guid is not None and self._imsg is not None and "replies" in self._imsg.capabilities:
            await self._imsg.perform(command)
        else:
            await self._applescript.perform(command)

    async def probe(self) -> bool:
        """Look what can be done now; True if that is news."""
        return self._imsg is not None and await self._imsg.probe()

    async def probe_for_ever(self, health: MacHealth) -> None:
        """Look again and again, and have news told with the health of this Mac."""
        try:
            while True:
                await asyncio.sleep(_LOOK_AGAIN_S if self.capabilities else _SEARCH_S)
                if await self.probe():
                    health.changed.set()
        finally:
            if self._imsg is not None:
                await self._imsg.close()
