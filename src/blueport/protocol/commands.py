"""What a daemon is asked to do for a line.

`recipient` is the canonical handle of a one-to-one chat and None for a group; `chat_guids` are the guids under which
the line's Messages knows the chat, the most recently seen first (empty if it was never seen). `service` is what the
line sends by: `imessage` and `sms` nothing else, `auto` what the conversation uses, and SMS if there is no iMessage.

A daemon of yesterday must be able to read what it can do: what was added later is left out while it says nothing.

A *command* leaves a row in chat.db, or changes one, which proves it; commands are done in the order of their line, each
once. A *signal* leaves none: the daemon says that it was done, it is worth little when it is late, and does no harm
when it is repeated.
"""

from typing import Literal

import msgspec

LineService = Literal["imessage", "sms", "auto"]
Tapback = Literal["love", "like", "dislike", "laugh", "emphasize", "question"]
# The first four move the bubble, the others fill the screen.
Effect = Literal[
    "slam",
    "loud",
    "gentle",
    "invisible_ink",
    "echo",
    "spotlight",
    "balloons",
    "confetti",
    "heart",
    "lasers",
    "fireworks",
    "celebration",
]


class FileToSend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file whose bytes are at the door, under its item's id; `filename` is fit for any disk, `size` is in bytes.

    The size of a voice message is None: it is still to be made.
    """

    filename: str
    mime_type: str
    size: int | None


class SendText(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="send_text"):
    """Send *text* into one chat, perhaps with an effect, or as an answer to part *reply_to_part* of a message."""

    recipient: str | None
    chat_guids: tuple[str, ...]
    text: str
    reply_to_guid: str | None = None
    reply_to_part: int = 0
    effect: Effect | None = None
    service: LineService = "imessage"


class SendFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="send_file"):
    """Send a file into one chat, as it is."""

    recipient: str | None
    chat_guids: tuple[str, ...]
    file: FileToSend
    reply_to_guid: str | None = None
    reply_to_part: int = 0
    service: LineService = "imessage"


class SendAudio(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="send_audio"):
    """Send Opus in a CAF file as a voice message, with its waveform."""

    recipient: str | None
    chat_guids: tuple[str, ...]
    file: FileToSend
    reply_to_guid: str | None = None
    reply_to_part: int = 0


class React(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="react"):
    """Put something on part *part* (from 0) of a message, in the place of what we had there, or take it off.

    It is one of the six, or else *emoji*.
    """

    recipient: str | None
    chat_guids: tuple[str, ...]
    message_guid: str
    tapback: Tapback | None
    part: int = 0
    emoji: str | None = None
    is_removed: bool = False


class CreateGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="create_group"):
    """Send *text* as the first word into a group of these people, by their canonical handles.

    Where Messages has a group without a name of exactly them, it may put it there.
    """

    participants: tuple[str, ...]
    text: str
    name: str | None = None
    recipient: None = None
    chat_guids: tuple[str, ...] = ()


class RenameGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="rename_group"):
    """Give a group another name."""

    recipient: None
    chat_guids: tuple[str, ...]
    name: str


class AddMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="add_member"):
    """Take somebody, by the canonical handle, into a group."""

    recipient: None
    chat_guids: tuple[str, ...]
    handle: str


class RemoveMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="remove_member"):
    """Put somebody, by the canonical handle, out of a group."""

    recipient: None
    chat_guids: tuple[str, ...]
    handle: str


class LeaveGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="leave_group"):
    """Leave a group."""

    recipient: None
    chat_guids: tuple[str, ...]


class EditText(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="edit_text"):
    """Give a message of ours, which is nothing but a text, another text.

    It is not begun after `expires_at` (Unix milliseconds): by then Messages lets nobody see an edit any more.
    """

    recipient: str | None
    chat_guids: tuple[str, ...]
    message_guid: str
    text: str
    expires_at: int


class Unsend(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="unsend"):
    """Take back a message of ours, which is one text or one file; not begun after `expires_at` (Unix milliseconds)."""

    recipient: str | None
    chat_guids: tuple[str, ...]
    message_guid: str
    expires_at: int


class SetTyping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="set_typing"):
    """Show, or no longer show, that the line is typing."""

    recipient: str | None
    chat_guids: tuple[str, ...]
    is_typing: bool


class MarkRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="mark_read"):
    """Mark the chat as read."""

    recipient: str | None
    chat_guids: tuple[str, ...]


# What changes a message that is there.
Change = EditText | Unsend
# What changes a group that is there.
GroupChange = RenameGroup | AddMember | RemoveMember | LeaveGroup
Command = SendText | SendFile | SendAudio | React | CreateGroup | GroupChange | Change
Signal = SetTyping | MarkRead
