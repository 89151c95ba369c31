"""Things as the outside sees them in more than one place: in answers and in events."""

from typing import Literal

import msgspec

from blueport.protocol.commands import Tapback
from blueport.server.ids import ChatId, LineId, MessageId, OutboxId, ReactionId


class Attachment(msgspec.Struct, frozen=True):
    """A file of a message; `size` in bytes. `url` is null until its bytes are stored."""

    filename: str | None
    mime_type: str | None
    size: int | None
    url: str | None
    transcription: str | None


class Message(msgspec.Struct, frozen=True):
    """One message of a chat; `sent_at` is when it was sent, `synced_at` when we learned of it (Unix milliseconds)."""

    id: MessageId
    line_id: LineId
    chat_id: ChatId
    guid: str
    sender: str
    text: str | None
    attachments: tuple[Attachment, ...]
    service: str | None
    is_from_me: bool
    is_audio_message: bool | None
    sent_at: int
    synced_at: int
    outbox_id: OutboxId | None
    reply_to_guid: str | None


class Accepted(msgspec.Struct, frozen=True):
    """A place in the outbox."""

    id: OutboxId
    status: Literal["pending"] = "pending"


class Reaction(msgspec.Struct, frozen=True):
    """A tapback on a message; `sent_at` is when it was put there, `synced_at` when we learned of it (Unix ms)."""

    id: ReactionId
    message_id: MessageId
    type: Tapback
    sender: str
    is_from_me: bool
    added: bool
    sent_at: int
    synced_at: int
