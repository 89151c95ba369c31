"""Rows that more than one room reads whole."""

from typing import NamedTuple

from blueport.server.ids import ChatId, LineId, MessageId, OutboxId


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
