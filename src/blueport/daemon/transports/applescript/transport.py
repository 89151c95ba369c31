"""Sends text and files, trying the names of a conversation in turn for as long as Messages surely has nothing of it."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, assert_never

from blueport.daemon.health import Condition
from blueport.daemon.remedies import NO_AUTOMATION, NOT_SIGNED_IN
from blueport.daemon.settings import Settings
from blueport.daemon.transports.applescript.osascript import Ended, run_script
from blueport.daemon.transports.applescript.script import (
    LAUNCH,
    LONGEST_ARGUMENT_BYTES,
    Address,
    Form,
    addresses,
    error_number,
    meaning,
    sending,
    word_of,
)
from blueport.daemon.transports.base import (
    ADVANCED_FEATURES_REQUIRED,
    CHAT_NOT_IN_MESSAGES,
    NotNowError,
    OutcomeUnknownError,
    TransportError,
)
from blueport.protocol.commands import Command, SendFile, SendText
from blueport.protocol.door import Capability

_LAUNCH_TIMEOUT_S = 10
_LAUNCHES_BEFORE_GIVING_UP = 3
_AFTER_LAUNCH_S = 1.0
# Messages' own limit lies below ours, so that its answer comes before the kill.
_ANSWER_MARGIN_S = 2
# A shell tells of a child that died of a signal by a code above this one.
_HIGHEST_OWN_CODE = 128


class _Content(NamedTuple):
    """What is sent, as an argument of a script."""

    form: Form
    argument: str


class AppleScript:
    """The transport that every Mac has."""

    capabilities: tuple[Capability, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self._osascript = settings.osascript
        self._timeout_s = settings.send_timeout_s

    async def perform(self, command: Command, file: Path | None = None) -> None:
        """Hand *command* over; see the base module for how it may end."""
        match command:
            case SendText(reply_to_guid=None, effect=None, text=text):
                with _argument_of(text) as content:
                    await self._send_to_first(command, content)
            case SendFile(reply_to_guid=None) if file is not None:
                await self._send_to_first(command, _Content("file", str(file)))
            case _:
                raise TransportError(ADVANCED_FEATURES_REQUIRED, permanent=True)

    async def _send_to_first(self, command: SendText | SendFile, content: _Content) -> None:
        """Send to the first address that Messages knows."""
        for address in addresses(command):
            if await self._sent_to(address, content):
                return
        raise TransportError(CHAT_NOT_IN_MESSAGES, permanent=True)

    async def _sent_to(self, address: Address, content: _Content) -> bool:
        """Send to one address, with Messages started if need be; False if Messages knows no such conversation."""
        for _ in range(_LAUNCHES_BEFORE_GIVING_UP):
            said = _said(await self._send(address, content))
            if said != "not_running":
                return said == "taken"
            await self._launch()
        raise TransportError("messages_not_running", permanent=False)

    async def _send(self, address: Address, content: _Content) -> Ended:
        script = sending(address.target, content.form, timeout_s=max(1, int(self._timeout_s - _ANSWER_MARGIN_S)))
        ended = await self._run(script, address.name, content.argument, timeout_s=self._timeout_s)
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
            raise NotNowError(NO_AUTOMATION)
        case "not_signed_in":
            raise NotNowError(NOT_SIGNED_IN)
        case "refused":
            raise TransportError(word_of(number), permanent=True)
        case "unknown":
            raise OutcomeUnknownError
        case _ as never:
            assert_never(never)


@contextmanager
def _argument_of(text: str) -> Iterator[_Content]:
    if "\x00" in text:
        raise TransportError("text_holds_nul", permanent=True)
    if len(text.encode()) <= LONGEST_ARGUMENT_BYTES:
        yield _Content("text", text)
        return
    with tempfile.NamedTemporaryFile(prefix="blueport-") as file:
        file.write(text.encode())
        file.flush()
        yield _Content("text in file", file.name)
