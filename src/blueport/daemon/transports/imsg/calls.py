"""What is asked of `imsg`: the method and the params of each command and signal, and what has to be ready for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, assert_never

from blueport.daemon.transports.imsg.effects import STYLE_IDS
from blueport.daemon.transports.imsg.probing import EMOJI_TAPBACKS, Found
from blueport.daemon.transports.imsg.rpc import Params
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

_SENDING_TEXT, _SENDING_FILES, _TAPBACK, _TYPING, _READING = "send.rich", "send.attachment", "tapback", "typing", "read"
# Its text becomes a message of the guid that we give it; of this no older one knows.
SENDING_NAMED = "send.tracked"
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


class Call(NamedTuple):
    """A method and its params, but for the chat."""

    method: str
    params: Params


def can(found: Found, wish: Command | Signal) -> bool:
    """Say whether what was *found* is enough for a command or a signal."""
    is_emoji = isinstance(wish, React) and wish.emoji is not None
    is_able = not is_emoji or EMOJI_TAPBACKS in found.features
    return is_able and call_of(wish, None).method in found.methods


def capabilities_of(found: Found) -> tuple[Capability, ...]:
    """Return what a line can do by what was *found*."""
    ready = [word for word, method in _METHODS.items() if method in found.methods]
    return tuple(word for word in ready if word not in _FEATURES or _FEATURES[word] in found.features)


def naming(text: str, guid: str) -> Call:
    """Return how a plain text is sent as the message of that guid."""
    return Call(SENDING_NAMED, {"text": text, "attempt_id": guid, "allow_sms_fallback": False})


def call_of(wish: Command | Signal, file: Path | None) -> Call:
    """Return how a command, with the *file* that it sends, or a signal is asked for."""
    return _signal_call(wish) if isinstance(wish, SetTyping | MarkRead) else _command_call(wish, file)


def _command_call(command: Command, file: Path | None) -> Call:
    match command:
        case SendText(text=text, effect=effect):
            return Call(_SENDING_TEXT, {"text": text, **_reply(command), **_effect(effect)})
        case SendFile():
            return Call(_SENDING_FILES, {"file": str(file), **_reply(command)})
        case SendAudio():
            return Call(_SENDING_FILES, {"file": str(file), "audio": True, **_reply(command)})
        case React():
            return Call(_TAPBACK, _tapback(command))
        case _:
            return _rarer_call(command)


def _rarer_call(command: CreateGroup | GroupChange | Change) -> Call:
    match command:
        case CreateGroup():
            return Call(_CREATING, _group(command))
        case EditText() | Unsend():
            return _change_call(command)
        case _:
            return _group_call(command)


def _group_call(change: GroupChange) -> Call:
    match change:
        case RenameGroup(name=name):
            return Call(_RENAMING, {"name": name})
        case AddMember(handle=handle):
            return Call(_ADDING, {"address": handle})
        case RemoveMember(handle=handle):
            return Call(_REMOVING, {"address": handle})
        case LeaveGroup():
            return Call(_LEAVING, {})
        case _ as never:
            assert_never(never)


def _change_call(change: Change) -> Call:
    match change:
        case EditText(message_guid=guid, text=text):
            return Call(_EDITING, {"message_guid": guid, "text": text})
        case Unsend(message_guid=guid):
            return Call(_UNSENDING, {"message_guid": guid})
        case _ as never:
            assert_never(never)


def _signal_call(signal: Signal) -> Call:
    match signal:
        case SetTyping(is_typing=is_typing):
            return Call(_TYPING, {"typing": is_typing})
        case MarkRead():
            return Call(_READING, {})
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
