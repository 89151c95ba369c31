"""Sends text, trying the names of a conversation in turn for as long as Messages surely has nothing of it."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, assert_never

from blueport.daemon.health import Condition
from blueport.daemon.settings import Settings
from blueport.daemon.transports.applescript.osascript import Ended, run_script
from blueport.daemon.transports.applescript.script import (
    LAUNCH,
    LONGEST_ARGUMENT_BYTES,
    Address,
    addresses,
    error_number,
    meaning,
    sending,
    word_of,
)
from blueport.daemon.transports.base import NotNowError, OutcomeUnknownError, TransportError
from blueport.protocol.commands import Command
from blueport.protocol.door import Capability

_LAUNCH_TIMEOUT_S = 10
_LAUNCHES_BEFORE_GIVING_UP = 3
_AFTER_LAUNCH_S = 1.0
# Messages' own limit lies below ours, so that its answer comes before the kill.
_ANSWER_MARGIN_S = 2
# A shell tells of a child that died of a signal by a code above this one.
_HIGHEST_OWN_CODE = 128

_NO_AUTOMATION = Condition(
    "no_automation", "Allow this program to control Messages: System Settings, Privacy & Security, Automation."
)
_NOT_SIGNED_IN = Condition("not_signed_in", "Sign in to iMessage in the Messages app of this Mac.")


class AppleScript:
    """The transport that every Mac has."""

    capabilities: tuple[Capability, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self._osascript = settings.osascript
        self._timeout_s = settings.send_timeout_s

    async def perform(self, command: Command) -> None:
        """Hand *command* over; see the base module for how it may end."""
        if command.reply_to_guid is not None:
            raise TransportError("advanced_features_required", permanent=True)
        if "\x00" in command.text:
            raise TransportError("text_holds_nul", permanent=True)
        for address in addresses(command):
            if await self._sent_to(address, command.text):
                return
        raise TransportError("chat_not_in_messages", permanent=True)

    async def _sent_to(self, address: Address, text: str) -> bool:
        """Send to one address, with Messages started if need be; False if Messages knows no such conversation."""
        for _ in range(_LAUNCHES_BEFORE_GIVING_UP):
            said = _said(await self._send(address, text))
            if said != "not_running":
                return said == "taken"
            await self._launch()
        raise TransportError("messages_not_running", permanent=False)

    async def _send(self, address: Address, text: str) -> Ended:
        by_file = len(text.encode()) > LONGEST_ARGUMENT_BYTES
        script = sending(address.target, by_file=by_file, timeout_s=max(1, int(self._timeout_s - _ANSWER_MARGIN_S)))
        with _in_file(text) if by_file else _as_it_is(text) as argument:
            ended = await self._run(script, address.name, argument, timeout_s=self._timeout_s)
        # A signal is not Messages' answer: the event may have left before it came.
        if ended is None or not 0 <= ended.code <= _HIGHEST_OWN_CODE:
            raise OutcomeUnknownError
        return ended

    async def _launch(self) -> None:
        await self._run(LAUNCH, timeout_s=_LAUNCH_TIMEOUT_S)
        await asyncio.sleep(_AFTER_LAUNCH_S)

    async def _run(self, script: str, *arguments: str, timeout_s: float) -> Ended | None:
        try:
            return await run_script(self._osascript, script, *arguments, timeout_s=timeout_s)
        except OSError as error:
            hint = f"{self._osascript} cannot be run: {error.strerror}"
            raise NotNowError(Condition("degraded", hint)) from error


def _said(ended: Ended) -> Literal["taken", "no_such_chat", "not_running"]:
    if ended.code == 0:
        return "taken"
    number = error_number(ended.stderr)
    match meaning(number):
        case "no_such_chat" | "not_running" as said:
            return said
        case "not_allowed":
            raise NotNowError(_NO_AUTOMATION)
        case "not_signed_in":
            raise NotNowError(_NOT_SIGNED_IN)
        case "refused":
            raise TransportError(word_of(number), permanent=True)
        case "unknown":
            raise OutcomeUnknownError
        case _ as never:
            assert_never(never)


@contextmanager
def _as_it_is(text: str) -> Iterator[str]:
    yield text


@contextmanager
def _in_file(text: str) -> Iterator[str]:
    with tempfile.NamedTemporaryFile(prefix="blueport-") as file:
        file.write(text.encode())
        file.flush()
        yield file.name
