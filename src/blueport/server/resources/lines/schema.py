"""Shapes of lines."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from blueport.server.http.parameters import Cursor, LimitOfAll
from blueport.server.ids import LineId


class ListLines(msgspec.Struct, frozen=True):
    """Query of GET /v1/lines."""

    limit: LimitOfAll = None
    cursor: Cursor = None


class Line(msgspec.Struct, frozen=True):
    """A phone number or Apple ID that can send."""

    id: Annotated[
        LineId, Meta(description="The line's id; `from` takes it.", examples=["ln_01k742sg000000000000000001"])
    ]
    handle: Annotated[str, Meta(description="Its phone number in E.164, or its Apple ID.", examples=["+15551234567"])]
    label: Annotated[str | None, Meta(description="What the operator calls it.", examples=["Support"])]
    service: Annotated[Literal["imessage", "sms", "auto"], Meta(description="What it sends by.", examples=["imessage"])]
    is_active: Annotated[bool, Meta(description="Whether its Mac serves it now.", examples=[True])]
