"""Shapes of typing indicators."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from blueport.server.http.parameters import Cursor, FromLine, LimitOfAll, ToPeer


class NewTyping(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of POST /v1/typing; without a `state` it means `on`."""

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToPeer = msgspec.field(name="to")
    state: Annotated[
        Literal["on", "off"] | None,
        Meta(description="Whether the line shall be shown typing; `on` if absent.", examples=["on"]),
    ] = None


class ListTyping(msgspec.Struct, frozen=True):
    """Query of GET /v1/typing."""

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToPeer = msgspec.field(name="to")
    limit: LimitOfAll = None
    cursor: Cursor = None
