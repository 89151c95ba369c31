"""Does what AppleScript cannot; what `imsg` says of an outcome decides what may follow.

Two of its processes run. One does commands; another does signals and tells of typing, so that a call there that hangs,
as those do now and then, holds up no message.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, assert_never

import msgspec

from blueport.daemon.settings import Settings
from blueport.daemon.transports.base import (
    ADVANCED_FEATURES_REQUIRED,
    CHAT_NOT_IN_MESSAGES,
    OutcomeUnknownError,
    TransportError,
)
from blueport.daemon.transports.imsg.rpc import (
    Params,
    Rpc,
    RpcLostError,
    RpcRefusedError,
    RpcUnavailableError,
)
from blueport.protocol.commands import Command, MarkRead, React, SendAudio, SendFile, SendText, SetTyping, Signal
from blueport.protocol.door import Capability

_PROBE_TIMEOUT_S = 5.0
_SIGNAL_TIMEOUT_S = 5.0
# The program runs, but has no way into Messages.
_NO_BRIDGE = -32003
_NO_EVENTS_PAUSE_S = 30.0
_LOST_EVENTS_PAUSE_S = 1.0
_SENDING_TEXT, _SENDING_FILES, _TAPBACK, _TYPING, _READING = "send.rich", "send.attachment", "tapback", "typing", "read"
_METHODS: Mapping[Capability, str] = {
    "replies": _SENDING_TEXT,
    "reactions": _TAPBACK,
    "typing": _TYPING,
    "receipts": _READING,
    "audio": _SENDING_FILES,
}
_IS_TYPING = {"started-typing": True, "stopped-typing": False}
_RPC_ERRORS = (RpcUnavailableError, RpcLostError, RpcRefusedError, msgspec.ValidationError)


class TypingEvent(NamedTuple):
    """Somebody began or stopped to type in a chat."""

    chat_guid: str
    is_typing: bool


class _Status(msgspec.Struct, frozen=True):
    methods: tuple[str, ...] = ()


class _Done(msgspec.Struct, frozen=True):
    """What is answered when all went well; nothing in it is needed."""


class _Place(msgspec.Struct, frozen=True):
    chat_guid: str = msgspec.field(name="chatGuid")


class _Event(msgspec.Struct, frozen=True):
    event: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


class _Call(NamedTuple):
    """A method and its params, but for the chat."""

    method: str
    params: Params


class Imsg:
    """The transport of a Mac on which `imsg` is installed and its bridge is up; *on_typing* hears who types."""

    def __init__(
        self, imsg: str, settings: Settings, on_typing: Callable[[TypingEvent], None] = lambda _: None
    ) -> None:
        self.capabilities: tuple[Capability, ...] = ()
        self._methods: frozenset[str] = frozenset()
        self._commands = Rpc(imsg)
        self._signals = Rpc(imsg, self._hear)
        self._on_typing = on_typing
        self._timeout_s = settings.send_timeout_s

    def can(self, wish: Command | Signal) -> bool:
        """Say whether it can do that now, as far as was found out."""
        return _call_of(wish, None).method in self._methods

    async def probe(self) -> bool:
        """Find out what it can do now; True if that is news."""
        try:
            status = await self._commands.call("status", {}, _Status, timeout_s=_PROBE_TIMEOUT_S)
        except _RPC_ERRORS:
            status = _Status()
        before = self.capabilities
        self._methods = frozenset(status.methods)
        self.capabilities = tuple(word for word, method in _METHODS.items() if method in self._methods)
        return self.capabilities != before

    async def close(self) -> None:
        """End the program."""
        await self._commands.close()
        await self._signals.close()

    async def perform(self, command: Command, file: Path | None = None) -> None:
        """Hand *command* over under one of the guids of its chat; see the base module for how it may end."""
        call = _call_of(command, file)
        await self._under_a_guid(self._commands, command.chat_guids, call, timeout_s=self._timeout_s)

    async def signal(self, signal: Signal) -> None:
        """Do what *signal* says, or fail soon.

        Raises:
            TransportError: It was not done.
            OutcomeUnknownError: It may have been done.
        """
        call = _call_of(signal, None)
        await self._under_a_guid(self._signals, signal.chat_guids, call, timeout_s=_SIGNAL_TIMEOUT_S)

    async def listen_for_ever(self) -> None:
        """Have events told, again after each end of the process."""
        while True:
            try:
                await self._signals.call("bridge.events.subscribe", {}, _Done, timeout_s=_PROBE_TIMEOUT_S)
            except _RPC_ERRORS:
                await asyncio.sleep(_NO_EVENTS_PAUSE_S)
            else:
                await self._signals.ended.wait()
                await asyncio.sleep(_LOST_EVENTS_PAUSE_S)

    async def _under_a_guid(self, rpc: Rpc, chat_guids: tuple[str, ...], call: _Call, *, timeout_s: float) -> None:
        refusal = TransportError(CHAT_NOT_IN_MESSAGES, permanent=True)
        for guid in chat_guids:
            try:
                return await _done(rpc, call.method, {"chat_guid": guid, **call.params}, timeout_s=timeout_s)
            except TransportError as error:
                refusal = error
                if not error.permanent:
                    break  # it is not the name of the chat that is at fault
        raise refusal

    def _hear(self, method: str, params: msgspec.Raw) -> None:
        # Of other events, and of other forms of these, nothing is known.
        with suppress(msgspec.DecodeError):
            said = msgspec.json.decode(params, type=_Event)
            if method == "bridge.event" and said.event in _IS_TYPING:
                place = msgspec.json.decode(said.data, type=_Place)
                self._on_typing(TypingEvent(place.chat_guid, _IS_TYPING[said.event]))


async def _done(rpc: Rpc, method: str, params: Params, *, timeout_s: float) -> None:
    try:
        await rpc.call(method, params, _Done, timeout_s=timeout_s)
    except RpcUnavailableError as error:
        raise TransportError("imsg_not_available", permanent=False) from error
    except RpcRefusedError as error:
        if not error.was_not_done:
            raise OutcomeUnknownError from error
        word = ADVANCED_FEATURES_REQUIRED if error.code == _NO_BRIDGE else f"imsg_error_{error.code}"
        raise TransportError(word, permanent=not error.may_be_repeated) from error
    except (RpcLostError, msgspec.ValidationError) as error:
        raise OutcomeUnknownError from error


def _call_of(wish: Command | Signal, file: Path | None) -> _Call:
    return _signal_call(wish) if isinstance(wish, SetTyping | MarkRead) else _command_call(wish, file)


def _command_call(command: Command, file: Path | None) -> _Call:
    match command:
        case SendText(text=text, reply_to_guid=guid):
            return _Call(_SENDING_TEXT, {"text": text, **_reply(guid)})
        case SendFile(reply_to_guid=guid):
            return _Call(_SENDING_FILES, {"file": str(file), **_reply(guid)})
        case SendAudio(reply_to_guid=guid):
            return _Call(_SENDING_FILES, {"file": str(file), "audio": True, **_reply(guid)})
        case React(message_guid=guid, tapback=tapback, part=part):
            return _Call(_TAPBACK, {"message_guid": guid, "reaction": tapback, "part_index": part})
        case _ as never:
            assert_never(never)


def _signal_call(signal: Signal) -> _Call:
    match signal:
        case SetTyping(is_typing=is_typing):
            return _Call(_TYPING, {"typing": is_typing})
        case MarkRead():
            return _Call(_READING, {})
        case _ as never:
            assert_never(never)


def _reply(guid: str | None) -> Params:
    return {} if guid is None else {"reply_to": guid}
