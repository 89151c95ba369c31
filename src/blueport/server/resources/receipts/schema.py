"""Shapes of read receipts."""

import msgspec

from blueport.server.ids import ChatId, ReceiptId


class NewReceipt(msgspec.Struct, frozen=True):
    """Body of POST /v1/receipts."""

    line_handle: str = msgspec.field(name="from")
    recipient: str = msgspec.field(name="to")


class ListReceipts(msgspec.Struct, frozen=True):
    """Query of GET /v1/receipts."""

    line_handle: str = msgspec.field(name="from")
    recipient: str = msgspec.field(name="to")
    limit: int | None = None
    cursor: str | None = None


class ReadReceipt(msgspec.Struct, frozen=True):
    """When somebody last read a chat, and when we learned of it (Unix milliseconds)."""

    id: ReceiptId
    chat_id: ChatId
    handle: str
    last_read_at: int
    synced_at: int
