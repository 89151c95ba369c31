"""What `imsg` tells unasked: who types."""

from contextlib import suppress
from typing import NamedTuple

import msgspec

SUBSCRIBING = "bridge.events.subscribe"
_IS_TYPING = {"started-typing": True, "stopped-typing": False}


class TypingEvent(NamedTuple):
    """Somebody began or stopped to type in a chat."""

    chat_guid: str
    is_typing: bool


class _Place(msgspec.Struct, frozen=True):
    chat_guid: str = msgspec.field(name="chatGuid")


class _Event(msgspec.Struct, frozen=True):
    event: str
    data: _Place


class _Wrapped(msgspec.Struct, frozen=True):
    event: _Event


def typing_in(method: str, params: msgspec.Raw) -> TypingEvent | None:
    """Return who began or stopped to type, None if that is not what is told."""
    said = _event_in(params) if method == "bridge.event" else None
    if said is None or said.event not in _IS_TYPING:
        return None
    return TypingEvent(said.data.chat_guid, _IS_TYPING[said.event])


def _event_in(params: msgspec.Raw) -> _Event | None:
    """Return the event that is told of, None for others and for other forms: of those nothing is known."""
    # It is told under the name of its subscription, and was told by itself before.
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(params, type=_Wrapped).event
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(params, type=_Event)
    return None
