"""Shapes of chats."""

import msgspec

from blueport.server.ids import ChatId, LineId


class ListChats(msgspec.Struct, frozen=True):
    """Query of GET /v1/chats."""

    line_handle: str = msgspec.field(name="from")
    limit: int | None = None
    cursor: str | None = None


class Chat(msgspec.Struct, frozen=True):
    """A conversation on a line; `identifier` is the other person's handle, or the group's own id."""

    id: ChatId
    line_id: LineId
    identifier: str
    service: str
    name: str | None
    is_group: bool
    participants: tuple[str, ...]
    last_message_at: int | None
