"""Shapes of typing indicators."""

from typing import Literal

import msgspec

from blueport.server.ids import ChatId, TypingId


class NewTyping(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of POST /v1/typing; without a `state` it means `on`."""

    line_handle: str = msgspec.field(name="from")
    recipient: str = msgspec.field(name="to")
    state: Literal["on", "off"] | None = None


class ListTyping(msgspec.Struct, frozen=True):
    """Query of GET /v1/typing."""

    line_handle: str = msgspec.field(name="from")
    recipient: str = msgspec.field(name="to")
    limit: int | None = None
    cursor: str | None = None


class TypingIndicator(msgspec.Struct, frozen=True):
    """Whether somebody in a chat is typing; `updated_at` is when they began or stopped (Unix milliseconds)."""

    id: TypingId
    chat_id: ChatId
    handle: str
    is_typing: bool
    updated_at: int
