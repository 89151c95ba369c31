"""Shapes of what is asked about reactions; a reaction itself is in `shapes`."""

from typing import Annotated, get_args

import msgspec
from msgspec import Meta

from blueport.protocol.commands import Tapback
from blueport.server.http.parameters import Cursor, FromLine, LimitOfAll, ToPeer


class NewReaction(msgspec.Struct, frozen=True):
    """Body of POST /v1/reactions.

    `message_id` is `msg_...` or the guid that Messages gave; `type` is love, like, dislike, laugh, emphasize, question,
    or the emoji of one of these.
    """

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
        str,
        Meta(
            description="Which tapback; the emoji of one of the six is understood too.",
            examples=["love"],
            extra_json_schema={"enum": list(get_args(Tapback))},
        ),
    ]


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
