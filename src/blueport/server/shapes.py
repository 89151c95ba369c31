"""Things as the outside sees them in more than one place: in answers and in events."""

import msgspec

from blueport.server.ids import ChatId, LineId, MessageId, OutboxId


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
