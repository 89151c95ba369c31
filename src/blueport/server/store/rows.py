"""Rows that more than one room reads whole."""

from typing import NamedTuple

from blueport.server.ids import ChatId, LineId, MessageId, OutboxId
from blueport.server.shapes import Attachment, Message


class MessageRow(NamedTuple):
    """A message as it is stored; flags are 0 or 1, `attachments` is JSON."""

    id: MessageId
    line_id: LineId
    chat_id: ChatId
    guid: str
    sender: str
    text: str | None
    attachments: str
    service: str | None
    is_from_me: int
    is_audio_message: int
    sent_at: int
    synced_at: int
    outbox_id: OutboxId | None
    reply_to_guid: str | None

    def shown(self, attachments: tuple[Attachment, ...]) -> Message:
        """Return it as it is shown, with *attachments* as links to them are made."""
        return Message(
            id=self.id,
            line_id=self.line_id,
            chat_id=self.chat_id,
            guid=self.guid,
            sender=self.sender,
            text=self.text,
            attachments=attachments,
            service=self.service,
            is_from_me=bool(self.is_from_me),
            is_audio_message=bool(self.is_audio_message),
            sent_at=self.sent_at,
            synced_at=self.synced_at,
            outbox_id=self.outbox_id,
            reply_to_guid=self.reply_to_guid,
        )
