"""Shapes of typing indicators."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from blueport.server.http.parameters import Cursor, FromLine, LimitOfAll, ToPeer
from blueport.server.ids import TypingId
from blueport.server.shapes import AtMs, ChatKnown, Other


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


class TypingIndicator(msgspec.Struct, frozen=True):
    """Whether somebody in a chat is typing; `updated_at` is when they began or stopped (Unix milliseconds)."""

    id: Annotated[TypingId, Meta(description="The indicator's id.", examples=["ind_01k742sg000000000000000001"])]
    chat_id: ChatKnown
    handle: Other
    is_typing: Annotated[
        bool, Meta(description="Whether they are typing; false a minute after the last sign of it.", examples=[True])
    ]
    updated_at: Annotated[AtMs, Meta(description="When they began or stopped.")]
