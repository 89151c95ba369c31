"""Shapes of read receipts."""

from typing import Annotated

import msgspec
from msgspec import Meta

from blueport.server.http.parameters import Cursor, FromLine, LimitOfAll, ToPeer
from blueport.server.ids import ReceiptId
from blueport.server.shapes import AtMs, ChatKnown, Other


class NewReceipt(msgspec.Struct, frozen=True):
    """Body of POST /v1/receipts."""

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToPeer = msgspec.field(name="to")


class ListReceipts(msgspec.Struct, frozen=True):
    """Query of GET /v1/receipts."""

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToPeer = msgspec.field(name="to")
    limit: LimitOfAll = None
    cursor: Cursor = None


class ReadReceipt(msgspec.Struct, frozen=True):
    """When somebody last read a chat, and when we learned of it (Unix milliseconds)."""

    id: Annotated[ReceiptId, Meta(description="The receipt's id.", examples=["rcp_01k742sg000000000000000001"])]
    chat_id: ChatKnown
    handle: Other
    last_read_at: Annotated[AtMs, Meta(description="When they last read.")]
    synced_at: Annotated[AtMs, Meta(description="When this server learned of it.")]
