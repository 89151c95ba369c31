"""Shapes of what is asked about reactions; a reaction itself is in `shapes`."""

import msgspec


class NewReaction(msgspec.Struct, frozen=True):
    """Body of POST /v1/reactions.

    `message_id` is `msg_...` or the guid that Messages gave; `type` is love, like, dislike, laugh, emphasize, question,
    or the emoji of one of these.
    """

    line_handle: str = msgspec.field(name="from")
    recipient: str = msgspec.field(name="to")
    message_id: str
    type: str


class ListReactions(msgspec.Struct, frozen=True):
    """Query of GET /v1/reactions."""

    message_id: str
    limit: int | None = None
    cursor: str | None = None
