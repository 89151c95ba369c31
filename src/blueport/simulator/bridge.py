"""What `imsg` asks of Messages through its bridge: the parameters of its methods, and no others."""

import uuid
from typing import Annotated, Literal

import msgspec

from blueport.simulator.tapbacks import Tapback

Part = Annotated[int, msgspec.Meta(ge=0)]


class SendRich(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send a text that answers a message, comes with an effect, or both."""

    chat_guid: str
    text: str
    reply_to: str | None = None
    part_index: Part = 0
    effect: str | None = None


class SendAttachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send a file; with `audio` as a voice memo."""

    chat_guid: str
    file: str
    audio: bool = False
    reply_to: str | None = None
    part_index: Part = 0


class SendTracked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send a text whose message is to have the guid that the caller gives it."""

    chat_guid: str
    text: str
    attempt_id: uuid.UUID
    allow_sms_fallback: bool = True


class PutTapback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Put something on a message, one of the six or an emoji, or take it off."""

    chat_guid: str
    message_guid: str
    reaction: Tapback | None = None
    emoji: str | None = None
    remove: bool = False
    part_index: Part = 0

    def __post_init__(self) -> None:
        """Refuse what is neither, or both."""
        if (self.reaction is None) == (self.emoji is None):
            raise ValueError("reaction or emoji is required")


class EditMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Give a part of an own message another text."""

    chat_guid: str
    message_guid: str
    text: Annotated[str, msgspec.Meta(min_length=1)]
    part_index: Part = 0


class UnsendMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take back a part of an own message."""

    chat_guid: str
    message_guid: str
    part_index: Part = 0


class CreateChat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Write the first text into a conversation with several people."""

    addresses: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    text: Annotated[str, msgspec.Meta(min_length=1)]
    name: str | None = None
    service: Literal["iMessage"] = "iMessage"


class RenameGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Give a group another name."""

    chat_guid: str
    name: str


class AddParticipant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take somebody into a group."""

    chat_guid: str
    address: str


class RemoveParticipant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Put somebody out of a group."""

    chat_guid: str
    address: str


class LeaveGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Leave a group."""

    chat_guid: str


class SetTyping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Show, or no longer show, that the line types."""

    chat_guid: str
    typing: bool


class MarkRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mark a conversation as read."""

    chat_guid: str


GroupChange = RenameGroup | AddParticipant | RemoveParticipant | LeaveGroup
Asked = (
    SendRich
    | SendTracked
    | SendAttachment
    | PutTapback
    | EditMessage
    | UnsendMessage
    | CreateChat
    | GroupChange
    | SetTyping
    | MarkRead
)

METHODS: dict[str, type[Asked]] = {
    "send.rich": SendRich,
    "send.tracked": SendTracked,
    "send.attachment": SendAttachment,
    "tapback": PutTapback,
    "message.edit": EditMessage,
    "message.unsend": UnsendMessage,
    "chats.create": CreateChat,
    "group.rename": RenameGroup,
    "group.addParticipant": AddParticipant,
    "group.removeParticipant": RemoveParticipant,
    "group.leave": LeaveGroup,
    "typing": SetTyping,
    "read": MarkRead,
}
SUBSCRIBE = "bridge.events.subscribe"
# What an earlier generation does not know.
NEWER = ("send.tracked",)
