"""Things as the outside sees them in more than one place: in answers and in events."""

from typing import Literal

import msgspec

from blueport.protocol.commands import Tapback
from blueport.server.ids import ChatId, FileId, LineId, MessageId, OutboxId, ReactionId


class Attachment(msgspec.Struct, frozen=True):
    """A file of a message; `size` in bytes. `url` is null until its bytes are stored."""

    filename: str | None
    mime_type: str | None
    size: int | None
    url: str | None
    transcription: str | None


class StoredAttachment(msgspec.Struct, frozen=True):
    """A file of a message as it is kept; `file_id` is null until its bytes are stored, and `is_coming` if they will be.

    Rows of earlier versions know neither guid nor file.
    """

    guid: str = ""
    filename: str | None = None
    mime_type: str | None = None
    size: int | None = None
    file_id: FileId | None = None
    transcription: str | None = None
    is_coming: bool = False

    @property
    def is_awaited(self) -> bool:
        """Tell whether its bytes will come, and have not."""
        return self.is_coming and self.file_id is None

    def shown(self, url: str | None) -> Attachment:
        """Return it as the outside sees it, with a link to its bytes."""
        return Attachment(self.filename, self.mime_type, self.size, url, self.transcription)


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
