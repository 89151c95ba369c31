"""Shapes of what is asked about reactions; a reaction itself is in `shapes`."""

from typing import Annotated, ClassVar, get_args

import msgspec
from msgspec import Meta

from blueport.protocol.commands import Tapback
from blueport.server.http.parameters import Cursor, FromLine, LimitOfAll, ToPeer


class NewReaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of POST /v1/reactions.

    `message_id` is `msg_...` or the guid that Messages gave; `type` is love, like, dislike, laugh, emphasize, question,
    or the emoji of one of these; in its place there may be any `emoji`. With `remove` it is taken off.
    """

    ONE_OF: ClassVar = {"type": None, "emoji": None}

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToPeer = msgspec.field(name="to")
    message_id: Annotated[
        str,
        Meta(
            description="The message of that chat: its id (`msg_...`) or its iMessage guid.",
            examples=["msg_01k742sg000000000000000001"],
        ),
    ]
    type: Annotated[
        str | None,
        Meta(
            description="Which tapback; the emoji of one of the six is understood too.",
            examples=["love"],
            extra_json_schema={"enum": [*get_args(Tapback), None]},
        ),
    ] = None
    emoji: Annotated[
        str | None,
        Meta(
            description="Any one emoji in the place of `type`, as itself. Needs a line that has `emoji_tapbacks`.",
            examples=["\N{PARTY POPPER}"],
        ),
    ] = None
    remove: Annotated[
        bool, Meta(description="Take it off again, if it is what stands there of yours.", examples=[True])
    ] = False


class ListReactions(msgspec.Struct, frozen=True):
    """Query of GET /v1/reactions."""

    message_id: Annotated[
        str,
        Meta(
            description="The message: its id (`msg_...`) or its iMessage guid.",
            examples=["msg_01k742sg000000000000000001"],
        ),
    ]
    limit: LimitOfAll = None
    cursor: Cursor = None
