"""What a daemon saw in chat.db, told by line and guid; told twice, a fact is still kept once."""

import msgspec


class ChatSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The conversation of a row. `identifier` is the peer's handle, or the group's own id (`chat123...`)."""

    guid: str
    identifier: str
    is_group: bool
    service: str
    name: str | None = None
    participants: tuple[str, ...] = ()


class AttachmentSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a message, in the order of the body; `size` in bytes."""

    guid: str
    filename: str | None
    mime_type: str | None
    size: int | None


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The outbox item that a row proves sent, with the token of its claim."""

    outbox_id: str
    token: str


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


class MessageChanged(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="message_changed"):
    """A message told before whose body or files are different now (edited, unsent); no event leaves."""

    line_handle: str
    guid: str
    text: str | None
    attachments: tuple[AttachmentSeen, ...] = ()


Sighting = MessageSeen | MessageChanged
