"""Shapes of lines."""

from typing import Literal

import msgspec

from blueport.server.ids import LineId


class ListLines(msgspec.Struct, frozen=True):
    """Query of GET /v1/lines."""

    limit: int | None = None
    cursor: str | None = None


class Line(msgspec.Struct, frozen=True):
    """A phone number or Apple ID that can send."""

    id: LineId
    handle: str
    label: str | None
    service: Literal["imessage", "sms", "auto"]
    is_active: bool
