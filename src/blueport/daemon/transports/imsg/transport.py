"""Does what AppleScript cannot; what `imsg` says of an outcome decides what may follow.

Two of its processes run. One does commands; another does signals and tells of typing, so that a call there that hangs,
as those do now and then, holds up no message.

What surely was not done may be tried under another name of the chat: the database says `any;-;...` where the bridge
knows `iMessage;-;...`, and the other way round. Only those two stand for each other: what is a chat's in SMS is asked
for by no other name, since that could send what was said as something else.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from blueport.daemon.settings import Settings
from blueport.daemon.transports.base import (
    ADVANCED_FEATURES_REQUIRED,
    CHAT_NOT_IN_MESSAGES,
    OutcomeUnknownError,
    TransportError,
)
from blueport.daemon.transports.imsg.calls import SENDING_NAMED, Call, call_of, can, capabilities_of, naming
from blueport.daemon.transports.imsg.events import SUBSCRIBING, TypingEvent, typing_in
from blueport.daemon.transports.imsg.probing import Found, found_by_asking
from blueport.daemon.transports.imsg.rpc import (
    BLOCKED,
    BUSY,
    NO_BRIDGE,
    NO_DATABASE,
    Rpc,
    RpcLostError,
    RpcRefusedError,
    RpcUnavailableError,
)
from blueport.protocol.commands import Command, CreateGroup, SendText, Signal
from blueport.protocol.door import Capability

# Until it is there, and to notice when it has gone.
_SEARCH_S = 3.0
_LOOK_AGAIN_S = 60.0
_SUBSCRIBE_TIMEOUT_S = 5.0
_SIGNAL_TIMEOUT_S = 5.0
_NO_EVENTS_PAUSE_S = 30.0
_LOST_EVENTS_PAUSE_S = 1.0
# Of errors that are the same under any name of the chat, the words for an item's `error`.
_WORDS: Mapping[int, str] = {
    BUSY: "imsg_busy",
    NO_DATABASE: "imsg_has_no_database",
    NO_BRIDGE: ADVANCED_FEATURES_REQUIRED,
    BLOCKED: "imsg_blocked",
}
_ALIKE: Mapping[str, str] = {"any": "iMessage", "iMessage": "any"}
_RPC_ERRORS = (RpcUnavailableError, RpcLostError, RpcRefusedError, msgspec.ValidationError)


class _Done(msgspec.Struct, frozen=True):
    """What is answered when all went well; nothing in it is needed."""


class _RefusedError(TransportError):
    """It was not done, whatever the chat is called."""


class Imsg:
    """The transport of a Mac on which `imsg` is installed and its bridge is up; *on_typing* hears who types.

    `doubted` is set when what it was found to be able to do may be so no longer.
    """

    def __init__(
        self, imsg: str, settings: Settings, on_typing: Callable[[TypingEvent], None] = lambda _: None
    ) -> None:
        self.capabilities: tuple[Capability, ...] = ()
        self.doubted = asyncio.Event()
        self._imsg = imsg
        self._found = Found()
        self._commands = Rpc(imsg)
        self._signals = Rpc(imsg, self._hear)
        self._on_typing = on_typing
        self._timeout_s = settings.send_timeout_s

    @property
    def look_again_s(self) -> float:
        """How long what was found out may be taken for true, unless it is doubted."""
        return _LOOK_AGAIN_S if self.capabilities or self._found.is_dear else _SEARCH_S

    def can(self, wish: Command | Signal) -> bool:
        """Say whether it can do that now, as far as was found out."""
        return can(self._found, wish)

    async def probe(self) -> bool:
        """Find out what it can do now; True if that is news."""
        self.doubted.clear()
        try:
            self._found = await found_by_asking(self._commands, self._imsg)
        except _RPC_ERRORS:
            self._found = Found()
        before = self.capabilities
        self.capabilities = capabilities_of(self._found)
        return self.capabilities != before

    async def close(self) -> None:
        """End the program."""
        await self._commands.close()
        await self._signals.close()

    async def perform(self, command: Command, file: Path | None = None) -> None:
        """Hand *command* over under one of the guids of its chat; see the base module for how it may end."""
        call = call_of(command, file)
        if isinstance(command, CreateGroup):
            await self._done(self._commands, call, timeout_s=self._timeout_s)
        else:
            await self._under_a_guid(self._commands, command.chat_guids, call, timeout_s=self._timeout_s)

    def can_name(self) -> bool:
        """Say whether it can send a text under a guid of ours now, as far as was found out."""
        return SENDING_NAMED in self._found.methods

    async def send_named(self, command: SendText, guid: str) -> None:
        """Hand a plain text over as the message of that guid, a UUID that was never used; else as `perform`."""
        call = naming(command.text, guid)
        await self._under_a_guid(self._commands, command.chat_guids, call, timeout_s=self._timeout_s)

    async def signal(self, signal: Signal) -> None:
        """Do what *signal* says, or fail soon.

        Raises:
            TransportError: It was not done.
            OutcomeUnknownError: It may have been done.
        """
        call = call_of(signal, None)
        await self._under_a_guid(self._signals, signal.chat_guids, call, timeout_s=_SIGNAL_TIMEOUT_S)

    async def listen_for_ever(self) -> None:
        """Have events told, again after each end of the process."""
        while True:
            try:
                await self._signals.call(SUBSCRIBING, {}, _Done, timeout_s=_SUBSCRIBE_TIMEOUT_S)
            except _RPC_ERRORS:
                await asyncio.sleep(_NO_EVENTS_PAUSE_S)
            else:
                await self._signals.ended.wait()
                await asyncio.sleep(_LOST_EVENTS_PAUSE_S)

    async def _under_a_guid(self, rpc: Rpc, chat_guids: tuple[str, ...], call: Call, *, timeout_s: float) -> None:
        refusal = TransportError(CHAT_NOT_IN_MESSAGES, permanent=True)
        for guid in _names_of(chat_guids):
            params = {"chat_guid": guid, **call.params}
            try:
                return await self._done(rpc, Call(call.method, params), timeout_s=timeout_s)
            except _RefusedError:
                raise
            except TransportError as error:
                refusal = error
        raise refusal

    async def _done(self, rpc: Rpc, call: Call, *, timeout_s: float) -> None:
        try:
            await rpc.call(call.method, call.params, _Done, timeout_s=timeout_s)
        except RpcUnavailableError as error:
            self.doubted.set()
            raise _RefusedError("imsg_not_available", permanent=False) from error
        except RpcRefusedError as error:
            self.doubted.set()
            raise _outcome_of(error) from error
        except (RpcLostError, msgspec.ValidationError) as error:
            self.doubted.set()
            raise OutcomeUnknownError from error

    def _hear(self, method: str, params: msgspec.Raw) -> None:
        event = typing_in(method, params)
        if event is not None:
            self._on_typing(event)


def _outcome_of(error: RpcRefusedError) -> TransportError | OutcomeUnknownError:
    if not error.was_not_done:
        return OutcomeUnknownError()
    if error.code in _WORDS:
        return _RefusedError(_WORDS[error.code], permanent=False)
    return TransportError(f"imsg_error_{error.code}", permanent=not error.may_be_repeated)


def _names_of(chat_guids: tuple[str, ...]) -> list[str]:
    """Return under what names a chat may be known, those first that are known from chat.db."""
    others = []
    for service, separator, rest in (guid.partition(";") for guid in chat_guids):
        if service in _ALIKE:
            others.append(f"{_ALIKE[service]}{separator}{rest}")
    return [*dict.fromkeys([*chat_guids, *others])]
