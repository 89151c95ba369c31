"""What several tools ask for."""

from typing import Annotated

import msgspec
from msgspec import Meta

from blueport.mcp.tools import Call

FromLine = Annotated[
    str | None,
    Meta(
        description="Your user's line: its phone number (+15551234567), Apple ID or `ln_...`, as list_lines returns it."
        " May be left out where there is only one beside the sandbox's, or your user has chosen one."
    ),
]
ToChat = Annotated[
    str,
    Meta(
        description="The other side of the chat: a person's phone number (+15557654321) or Apple ID, or a chat's id"
        " (`cht_...`), which a group needs."
    ),
]
MessageId = Annotated[str, Meta(description="`msg_...`, as read_messages returns it.")]
Limit = Annotated[int, Meta(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str | None, Meta(description="`next_cursor` of the page before.")]


class InChat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A chat on a line."""

    line: FromLine = msgspec.field(name="from", default=None)
    to: ToChat


class Where(msgspec.Struct, frozen=True):
    """A chat as the API is asked about it."""

    line: str
    to: str


async def where(call: Call, asked: InChat) -> Where:
    """Return the chat that is meant.

    Raises:
        RefusedError: It is outside the fence.
    """
    line = await call.caller.line(asked.line)
    return Where(line, await call.caller.chat(line, asked.to))
