"""Chooses the way for each command: AppleScript for what it can do, since every Mac has it, `imsg` for the rest.

Where AppleScript can do nothing for now, since nobody allowed it or nobody is signed in there, a plain text may go by
`imsg` all the same, if that sends it under the guid that we give it: then its row is known by that, whatever Messages
makes of the text.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import msgspec

from blueport.daemon.health import MacHealth
from blueport.daemon.transports.applescript.script import known_guids
from blueport.daemon.transports.base import (
    ADVANCED_FEATURES_REQUIRED,
    HangingError,
    NotNowError,
    Transport,
    TransportError,
)
from blueport.daemon.transports.imsg.transport import Imsg
from blueport.protocol.commands import Command, SendFile, SendText, Signal
from blueport.protocol.door import Capability


class Chosen:
    """All the transports of a Mac as one."""

    def __init__(self, applescript: Transport, imsg: Imsg | None) -> None:
        self._applescript = applescript
        self._imsg = imsg

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """What one of them can do beyond plain text."""
        return self._imsg.capabilities if self._imsg is not None else ()

    async def require_answer(self, command: Command) -> bool:
        """Make sure that Messages would answer; see `Transport`. `imsg` says that by itself, of what only it can do."""
        if not isinstance(command, SendText | SendFile) or not _is_plain(command):
            return False
        try:
            return await self._applescript.require_answer(command)
        except HangingError:
            raise
        except NotNowError:
            if isinstance(command, SendText) and self._can_name():
                return False
            raise

    async def restart(self) -> None:
        """Start Messages anew; see `Transport`."""
        await self._applescript.restart()

    async def perform(self, command: Command, file: Path | None = None, guid: str | None = None) -> None:
        """Hand *command* over, as a message of that *guid* where that can be; see `Transport`."""
        match command:
            case SendText(reply_to_guid=None, effect=None):
                await self._send_plain(command, guid)
            case SendFile(reply_to_guid=None):
                await self._applescript.perform(command, file)
            case _ if self._imsg is not None and self._imsg.can(command):
                await self._imsg.perform(command, file)
            case _:
                raise TransportError(ADVANCED_FEATURES_REQUIRED, permanent=True)

    async def _send_plain(self, command: SendText, guid: str | None) -> None:
        try:
            await self._applescript.perform(command)
        except NotNowError as not_now:
            if guid is None or self._imsg is None or not self._imsg.can_name():
                raise
            of_the_line = msgspec.structs.replace(command, chat_guids=tuple(known_guids(command)))
            try:
                await self._imsg.send_named(of_the_line, guid)
            except TransportError:
                raise not_now from None  # neither has taken it: it waits for whichever is mended first

    async def signal(self, signal: Signal) -> None:
        """Do what *signal* says; see `Imsg`."""
        if self._imsg is None or not self._imsg.can(signal):
            raise TransportError(ADVANCED_FEATURES_REQUIRED, permanent=True)
        await self._imsg.signal(signal)

    async def probe(self) -> bool:
        """Look what can be done now; True if that is news."""
        return self._imsg is not None and await self._imsg.probe()

    async def probe_for_ever(self, health: MacHealth) -> None:
        """Look again and again, and have news told with the health of this Mac."""
        try:
            while True:
                await self._doubted()
                if await self.probe():
                    health.changed.set()
        finally:
            if self._imsg is not None:
                await self._imsg.close()

    async def _doubted(self) -> None:
        """Wait until it is doubtful what can be done, which it is after a while in any case."""
        if self._imsg is None:
            await asyncio.Event().wait()
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._imsg.look_again_s):
                    await self._imsg.doubted.wait()

    def _can_name(self) -> bool:
        return self._imsg is not None and self._imsg.can_name()


def _is_plain(command: SendText | SendFile) -> bool:
    """Say whether AppleScript can do it."""
    has_effect = isinstance(command, SendText) and command.effect is not None
    return command.reply_to_guid is None and not has_effect
