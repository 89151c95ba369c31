"""What `imsg` asks of Messages through its bridge: the parameters of its methods, and no others."""

from typing import Annotated

import msgspec

from blueport.simulator.tapbacks import Tapback

Part = Annotated[int, msgspec.Meta(ge=0)]


class SendRich(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answer a message."""

    chat_guid: str
    text: str
    reply_to: str
    part_index: Part = 0


class SendAttachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send a file; with `audio` as a voice memo."""

    chat_guid: str
    file: str
    audio: bool = False
    reply_to: str | None = None
    part_index: Part = 0


class PutTapback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Put something on a message, or take it off."""

    chat_guid: str
    message_guid: str
    reaction: Tapback
    remove: bool = False
    part_index: Part = 0


class SetTyping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Show, or no longer show, that the line types."""

    chat_guid: str
    typing: bool


class MarkRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mark a conversation as read."""

    chat_guid: str


Asked = SendRich | SendAttachment | PutTapback | SetTyping | MarkRead

METHODS: dict[str, type[Asked]] = {
    "send.rich": SendRich,
    "send.attachment": SendAttachment,
    "tapback": PutTapback,
    "typing": SetTyping,
    "read": MarkRead,
}
SUBSCRIBE = "bridge.events.subscribe"
