"""Shapes of lines."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from blueport.protocol.door import Capability
from blueport.server.http.parameters import Cursor, LimitOfAll
from blueport.server.ids import LineId


class ListLines(msgspec.Struct, frozen=True):
    """Query of GET /v1/lines."""

    include: Annotated[
        Literal["capabilities"] | None,
        Meta(description="What else to tell of each line: `capabilities`.", examples=["capabilities"]),
    ] = None
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
    capabilities: Annotated[
        list[Capability] | UnsetType,
        Meta(
            description="What its Mac can do beyond texts and files; what is not among it is refused with"
            " `advanced_features_required`. Only with `include=capabilities`.",
            examples=[["replies", "reactions"]],
        ),
    ] = UNSET
