"""Sends text and files, trying the names of a conversation in turn for as long as Messages surely has nothing of it.

Whether Messages listens is asked before the first send, and again after each of which nobody knows what became: then
no second one is put into its hands while it hangs.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple, assert_never

from blueport.daemon.health import Condition
from blueport.daemon.remedies import NO_AUTOMATION, NO_SESSION, NOT_SIGNED_IN
from blueport.daemon.settings import Settings
from blueport.daemon.transports.applescript.osascript import run_script
from blueport.daemon.transports.applescript.script import (
    LAUNCH,
    LIST_CHATS,
    LONGEST_ARGUMENT_BYTES,
    QUESTION,
    QUIT,
    Address,
    Form,
    addresses,
    error_number,
    listed_addresses,
    meaning,
    sending,
    word_of,
)
from blueport.daemon.transports.base import (
    ADVANCED_FEATURES_REQUIRED,
    CHAT_NOT_IN_MESSAGES,
    SMS_NOT_AVAILABLE,
    HangingError,
    NotNowError,
    OutcomeUnknownError,
    TransportError,
)
from blueport.daemon.transports.children import Ended, run_program
from blueport.protocol.commands import Command, SendFile, SendText
from blueport.protocol.door import Capability

_LAUNCH_TIMEOUT_S = 10
_LAUNCHES_BEFORE_GIVING_UP = 3
_AFTER_LAUNCH_S = 1.0
_QUESTION_TIMEOUT_S = 10.0
# A list of thousands of conversations takes its time.
_LIST_TIMEOUT_S = 30.0
_KILL_TIMEOUT_S = 5.0
# Messages' own limit lies below ours, so that its answer comes before the kill.
_ANSWER_MARGIN_S = 2
# A shell tells of a child that died of a signal by a code above this one.
_HIGHEST_OWN_CODE = 128
_TIMED_OUT = -1712

_Said = Literal["taken", "no_such_chat", "not_running", "cannot_run"]


class _Content(NamedTuple):
    """What is sent, as an argument of a script."""

    form: Form
    argument: str


class AppleScript:
    """The transport that every Mac has."""

    capabilities: tuple[Capability, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self._osascript = settings.osascript
        # Both are in one folder, also where they only stand in for what a Mac has.
        self._killall = str(Path(settings.osascript).with_name("killall"))
        self._timeout_s = settings.send_timeout_s
        self._listens = False

    async def require_answer(self, _command: Command) -> bool:
        """Make sure that Messages listens; see the base module."""
        if self._listens:
            return True
        timeout_s = min(self._timeout_s, _QUESTION_TIMEOUT_S)
        ended = await self._asked(QUESTION, timeout_s)
        if ended is None or error_number(ended.stderr) == _TIMED_OUT:
            raise HangingError
        if meaning(error_number(ended.stderr)) == "not_allowed":
            raise NotNowError(NO_AUTOMATION)
        self._listens = True
        return True

    async def restart(self) -> None:
        """End Messages, by force if it does not listen, and start it again."""
        ended = await self._asked(QUIT, min(self._timeout_s, _QUESTION_TIMEOUT_S))
        if ended is None or ended.code != 0:
            with suppress(OSError):
                await run_program(self._killall, "Messages", timeout_s=_KILL_TIMEOUT_S)
        await asyncio.sleep(_AFTER_LAUNCH_S)
        await self._launch()

    async def perform(self, command: Command, file: Path | None = None) -> None:
        """Hand *command* over; see the base module for how it may end."""
        try:
            await self._perform(command, file)
        except OutcomeUnknownError:
            self._listens = False
            raise

    async def _perform(self, command: Command, file: Path | None) -> None:
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
        if command.recipient is None:
            for address in listed_addresses(command, await self._listed_chats()):
                if await self._sent_to(address, content):
                    return
        is_by_sms = command.service == "sms" and command.recipient is not None
        raise TransportError(SMS_NOT_AVAILABLE if is_by_sms else CHAT_NOT_IN_MESSAGES, permanent=True)

    async def _sent_to(self, address: Address, content: _Content) -> bool:
        """Send to one address, with Messages started if need be; False if Messages knows no such conversation."""
        said: _Said = "not_running"
        for _ in range(_LAUNCHES_BEFORE_GIVING_UP):
            said = _said(await self._send(address, content), address)
            if said in ("taken", "no_such_chat"):
                return said == "taken"
            if not await self._launch():
                said = "cannot_run"
        if said == "cannot_run":
            raise NotNowError(NO_SESSION)
        raise TransportError("messages_not_running", permanent=False)

    async def _send(self, address: Address, content: _Content) -> Ended:
        script = sending(address.target, content.form, timeout_s=_within(self._timeout_s))
        ended = await self._run(script, address.name, content.argument, timeout_s=self._timeout_s)
        # A signal is not Messages' answer: the event may have left before it came.
        if ended is None or not 0 <= ended.code <= _HIGHEST_OWN_CODE:
            raise OutcomeUnknownError
        return ended

    async def _launch(self) -> bool:
        """Start Messages; False if there is no screen for it to be started on."""
        ended = await self._run(LAUNCH, timeout_s=_LAUNCH_TIMEOUT_S)
        await asyncio.sleep(_AFTER_LAUNCH_S)
        return ended is None or meaning(error_number(ended.stderr)) != "cannot_run"

    async def _listed_chats(self) -> list[str]:
        """Return the guids of the conversations that Messages lists; none if it says nothing of them."""
        ended = await self._asked(LIST_CHATS, _LIST_TIMEOUT_S)
        return [] if ended is None or ended.code != 0 else ended.stdout.split("\n")

    async def _asked(self, script: str, timeout_s: float) -> Ended | None:
        """Run a script that sends nothing; None if it had to be killed."""
        return await self._run(script.format(timeout_s=_within(timeout_s)), timeout_s=timeout_s)

    async def _run(self, script: str, *arguments: str, timeout_s: float) -> Ended | None:
        try:
            return await run_script(self._osascript, script, *arguments, timeout_s=timeout_s)
        except OSError as error:
            hint = f"{self._osascript} cannot be run: {error.strerror}"
            raise NotNowError(Condition("degraded", hint)) from error


def _said(ended: Ended, address: Address) -> _Said:
    if ended.code == 0:
        return "taken"
    number = error_number(ended.stderr)
    match meaning(number):
        case "no_such_chat" | "not_running" | "cannot_run" as said:
            return said
        case "not_allowed":
            raise NotNowError(NO_AUTOMATION)
        case "not_signed_in":
            raise NotNowError(NOT_SIGNED_IN)
        case "refused":
            raise TransportError(word_of(number, address.target), permanent=True)
        case "unknown":
            raise OutcomeUnknownError
        case _ as never:
            assert_never(never)


def _within(timeout_s: float) -> int:
    return max(1, int(timeout_s - _ANSWER_MARGIN_S))


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
