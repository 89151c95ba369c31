"""What a daemon saw in chat.db, told by line and guid; told twice, a fact is still kept once."""

import msgspec

from blueport.protocol.commands import Tapback


class ChatSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The conversation of a row. `identifier` is the peer's handle, or the group's own id (`chat123...`)."""

    guid: str
    identifier: str
    is_group: bool
    service: str
    name: str | None = None
    participants: tuple[str, ...] = ()


class AttachmentSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a message, in the order of the body; `size` in bytes.

    `is_coming`: its bytes are on this Mac, and will be brought to the door. `transcription` is Apple's, of a voice
    memo.
    """

    guid: str
    filename: str | None
    mime_type: str | None
    size: int | None
    is_coming: bool = False
    transcription: str | None = None


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The outbox item that a row, or what has changed in it, proves sent, with the token of its claim.

    `sent_from` is the own address that the row went out from, if that is another than the item's line.
    """

    outbox_id: str
    token: str
    sent_from: str | None = None


class MessageSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="message"):
    """A message that is complete: it has its chat, and a body or files.

    `sender` is the peer's handle, None for our own and for unknown ones. `sent_at` is Unix milliseconds.
    With `announce` False it is history (an import, a backfill): stored, but no event leaves for it.
    """

    line_handle: str
    guid: str
    chat: ChatSeen
    sender: str | None
    text: str | None
    service: str | None
    is_from_me: bool
    sent_at: int
    is_audio: bool = False
    reply_to_guid: str | None = None
    attachments: tuple[AttachmentSeen, ...] = ()
    proves: Proof | None = None
    announce: bool = True


class MessageChanged(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="message_changed"
):
    """A message told before whose body or files are different now: edited, unsent, transcribed.

    `edited_at` is when somebody changed it last, or took back a part of it, and `unsent_at` when all of it was taken
    back (Unix milliseconds); with neither it is Messages that has something to add, and no event leaves. `service` is
    the one that it went out over after all, None if that is as it was.
    """

    line_handle: str
    guid: str
    text: str | None
    attachments: tuple[AttachmentSeen, ...] = ()
    edited_at: int | None = None
    unsent_at: int | None = None
    service: str | None = None
    proves: Proof | None = None


class MessageReached(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="message_reached"):
    """An own message told before has arrived, or was read (Unix milliseconds): of each None, if that is not new."""

    line_handle: str
    guid: str
    delivered_at: int | None = None
    read_at: int | None = None


class ReactionSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="reaction"):
    """A tapback that was put on a message (`is_added`), or taken off it.

    `guid` is the row's own, `target_guid` and `part` (from 0) are what it is on. `tapback` is None for an emoji, which
    is in `emoji`, and for a sticker, of which only that is known. A new tapback takes the place of the sender's earlier
    one on that part. `sender` is the peer's handle, None for our own.
    """

    line_handle: str
    guid: str
    chat: ChatSeen
    sender: str | None
    is_from_me: bool
    target_guid: str
    part: int
    tapback: Tapback | None
    emoji: str | None
    is_added: bool
    sent_at: int
    proves: Proof | None = None
    announce: bool = True


class GroupChanged(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="group_changed"):
    """We have changed a group, which is in *chat* as it is now; `guid` is that of the row that tells of it."""

    line_handle: str
    guid: str
    chat: ChatSeen
    changed_at: int
    proves: Proof


class ReceiptSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="receipt"):
    """The peer of a one-to-one chat has read up to `read_at` (Unix milliseconds)."""

    line_handle: str
    chat: ChatSeen
    handle: str
    read_at: int


class TypingSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="typing"):
    """The peer of a one-to-one chat began or stopped to type at that moment (Unix ms); late it is worth nothing."""

    line_handle: str
    chat: ChatSeen
    handle: str
    is_typing: bool
    at: int


Sighting = GroupChanged | MessageSeen | MessageChanged | MessageReached | ReactionSeen | ReceiptSeen | TypingSeen
