"""Does what AppleScript cannot; what `imsg` says of an outcome decides what may follow.

Two of its processes run. One does commands; another does signals and tells of typing, so that a call there that hangs,
as those do now and then, holds up no message.

What surely was not done may be tried under another name of the chat: the database says `any;-;...` where the bridge
knows `iMessage;-;...`, and the other way round. Only those two stand for each other: what is a chat's in SMS is asked
for by no other name, since that could send what was said as something else.
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
from blueport.daemon.transports.imsg.effects import STYLE_IDS
from blueport.daemon.transports.imsg.probing import EMOJI_TAPBACKS, Found, found_by_asking
from blueport.daemon.transports.imsg.rpc import (
    BLOCKED,
    BUSY,
    NO_BRIDGE,
    NO_DATABASE,
    Params,
    Rpc,
    RpcLostError,
    RpcRefusedError,
    RpcUnavailableError,
)
from blueport.protocol.commands import (
    AddMember,
    Change,
    Command,
    CreateGroup,
    EditText,
    Effect,
    GroupChange,
    LeaveGroup,
    MarkRead,
    React,
    RemoveMember,
    RenameGroup,
    SendAudio,
    SendFile,
    SendText,
    SetTyping,
    Signal,
    Unsend,
)
from blueport.protocol.door import Capability

# Until it is there, and to notice when it has gone.
_SEARCH_S = 3.0
_LOOK_AGAIN_S = 60.0
_SUBSCRIBE_TIMEOUT_S = 5.0
_SIGNAL_TIMEOUT_S = 5.0
_NO_EVENTS_PAUSE_S = 30.0
_LOST_EVENTS_PAUSE_S = 1.0
_SENDING_TEXT, _SENDING_FILES, _TAPBACK, _TYPING, _READING = "send.rich", "send.attachment", "tapback", "typing", "read"
# Its text becomes a message of the guid that we give it; of this no older one knows.
_SENDING_NAMED = "send.tracked"
_EDITING, _UNSENDING, _CREATING = "message.edit", "message.unsend", "chats.create"
_RENAMING, _ADDING, _REMOVING = "group.rename", "group.addParticipant", "group.removeParticipant"
_LEAVING = "group.leave"
_METHODS: Mapping[Capability, str] = {
    "replies": _SENDING_TEXT,
    "reactions": _TAPBACK,
    "typing": _TYPING,
    "receipts": _READING,
    "audio": _SENDING_FILES,
    "emoji_tapbacks": _TAPBACK,
    "effects": _SENDING_TEXT,
    "edit": _EDITING,
    "unsend": _UNSENDING,
    "groups": _CREATING,
}
_FEATURES: Mapping[Capability, str] = {"emoji_tapbacks": EMOJI_TAPBACKS}
# Of errors that are the same under any name of the chat, the words for an item's `error`.
_WORDS: Mapping[int, str] = {
    BUSY: "imsg_busy",
    NO_DATABASE: "imsg_has_no_database",
    NO_BRIDGE: ADVANCED_FEATURES_REQUIRED,
    BLOCKED: "imsg_blocked",
}
_ALIKE: Mapping[str, str] = {"any": "iMessage", "iMessage": "any"}
_IS_TYPING = {"started-typing": True, "stopped-typing": False}
_RPC_ERRORS = (RpcUnavailableError, RpcLostError, RpcRefusedError, msgspec.ValidationError)


class TypingEvent(NamedTuple):
    """Somebody began or stopped to type in a chat."""

    chat_guid: str
    is_typing: bool


class _Done(msgspec.Struct, frozen=True):
    """What is answered when all went well; nothing in it is needed."""


class _Place(msgspec.Struct, frozen=True):
    chat_guid: str = msgspec.field(name="chatGuid")


class _Event(msgspec.Struct, frozen=True):
    event: str
    data: _Place


class _Wrapped(msgspec.Struct, frozen=True):
    event: _Event


class _Call(NamedTuple):
    """A method and its params, but for the chat."""

    method: str
    params: Params


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
        is_emoji = isinstance(wish, React) and wish.emoji is not None
        is_able = not is_emoji or EMOJI_TAPBACKS in self._found.features
        return is_able and _call_of(wish, None).method in self._found.methods

    async def probe(self) -> bool:
        """Find out what it can do now; True if that is news."""
        self.doubted.clear()
        try:
            self._found = await found_by_asking(self._commands, self._imsg)
        except _RPC_ERRORS:
            self._found = Found()
        before = self.capabilities
        self.capabilities = _words_for(self._found)
        return self.capabilities != before

    async def close(self) -> None:
        """End the program."""
        await self._commands.close()
        await self._signals.close()

    async def perform(self, command: Command, file: Path | None = None) -> None:
        """Hand *command* over under one of the guids of its chat; see the base module for how it may end."""
        call = _call_of(command, file)
        if isinstance(command, CreateGroup):
            await self._done(self._commands, call, timeout_s=self._timeout_s)
        else:
            await self._under_a_guid(self._commands, command.chat_guids, call, timeout_s=self._timeout_s)

    def can_name(self) -> bool:
        """Say whether it can send a text under a guid of ours now, as far as was found out."""
        return _SENDING_NAMED in self._found.methods

    async def send_named(self, command: SendText, guid: str) -> None:
        """Hand a plain text over as the message of that guid, a UUID that was never used; else as `perform`."""
        params: Params = {"text": command.text, "attempt_id": guid, "allow_sms_fallback": False}
        call = _Call(_SENDING_NAMED, params)
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
                await self._signals.call("bridge.events.subscribe", {}, _Done, timeout_s=_SUBSCRIBE_TIMEOUT_S)
            except _RPC_ERRORS:
                await asyncio.sleep(_NO_EVENTS_PAUSE_S)
            else:
                await self._signals.ended.wait()
                await asyncio.sleep(_LOST_EVENTS_PAUSE_S)

    async def _under_a_guid(self, rpc: Rpc, chat_guids: tuple[str, ...], call: _Call, *, timeout_s: float) -> None:
        refusal = TransportError(CHAT_NOT_IN_MESSAGES, permanent=True)
        for guid in _names_of(chat_guids):
            params = {"chat_guid": guid, **call.params}
            try:
                return await self._done(rpc, _Call(call.method, params), timeout_s=timeout_s)
            except _RefusedError:
                raise
            except TransportError as error:
                refusal = error
        raise refusal

    async def _done(self, rpc: Rpc, call: _Call, *, timeout_s: float) -> None:
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
        if method == "bridge.event" and (said := _event_in(params)) is not None and said.event in _IS_TYPING:
            self._on_typing(TypingEvent(said.data.chat_guid, _IS_TYPING[said.event]))


def _words_for(found: Found) -> tuple[Capability, ...]:
    ready = [word for word, method in _METHODS.items() if method in found.methods]
    return tuple(word for word in ready if word not in _FEATURES or _FEATURES[word] in found.features)


def _event_in(params: msgspec.Raw) -> _Event | None:
    """Return the event that is told of, None for others and for other forms: of those nothing is known."""
    # It is told under the name of its subscription, and was told by itself before.
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(params, type=_Wrapped).event
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(params, type=_Event)
    return None


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


def _call_of(wish: Command | Signal, file: Path | None) -> _Call:
    return _signal_call(wish) if isinstance(wish, SetTyping | MarkRead) else _command_call(wish, file)


def _command_call(command: Command, file: Path | None) -> _Call:
    match command:
        case SendText(text=text, effect=effect):
            return _Call(_SENDING_TEXT, {"text": text, **_reply(command), **_effect(effect)})
        case SendFile():
            return _Call(_SENDING_FILES, {"file": str(file), **_reply(command)})
        case SendAudio():
            return _Call(_SENDING_FILES, {"file": str(file), "audio": True, **_reply(command)})
        case React():
            return _Call(_TAPBACK, _tapback(command))
        case _:
            return _rarer_call(command)


def _rarer_call(command: CreateGroup | GroupChange | Change) -> _Call:
    match command:
        case CreateGroup():
            return _Call(_CREATING, _group(command))
        case EditText() | Unsend():
            return _change_call(command)
        case _:
            return _group_call(command)


def _group_call(change: GroupChange) -> _Call:
    match change:
        case RenameGroup(name=name):
            return _Call(_RENAMING, {"name": name})
        case AddMember(handle=handle):
            return _Call(_ADDING, {"address": handle})
        case RemoveMember(handle=handle):
            return _Call(_REMOVING, {"address": handle})
        case LeaveGroup():
            return _Call(_LEAVING, {})
        case _ as never:
            assert_never(never)


def _change_call(change: Change) -> _Call:
    match change:
        case EditText(message_guid=guid, text=text):
            return _Call(_EDITING, {"message_guid": guid, "text": text})
        case Unsend(message_guid=guid):
            return _Call(_UNSENDING, {"message_guid": guid})
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


def _group(command: CreateGroup) -> Params:
    name: Params = {} if command.name is None else {"name": command.name}
    return {"addresses": command.participants, "text": command.text, **name}


def _tapback(react: React) -> Params:
    what: Params = {"reaction": react.tapback} if react.tapback is not None else {"emoji": react.emoji or ""}
    removal: Params = {"remove": True} if react.is_removed else {}
    return {"message_guid": react.message_guid, **what, "part_index": react.part, **removal}


def _reply(command: SendText | SendFile | SendAudio) -> Params:
    if command.reply_to_guid is None:
        return {}
    part: Params = {"part_index": command.reply_to_part} if command.reply_to_part else {}
    return {"reply_to": command.reply_to_guid, **part}


def _effect(effect: Effect | None) -> Params:
    return {} if effect is None else {"effect": STYLE_IDS[effect]}
