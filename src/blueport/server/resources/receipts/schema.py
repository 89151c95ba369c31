"""Shapes of read receipts."""

import msgspec

from blueport.server.http.parameters import Cursor, FromLine, LimitOfAll, ToPeer


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
