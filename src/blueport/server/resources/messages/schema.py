"""Shapes of what is asked about messages; a message itself is in `shapes`."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from blueport.protocol.commands import Effect
from blueport.server.http.parameters import Cursor, FromLine, Limit, ReplyTo, ToPeer

LOOKED_THROUGH = 2_000  # messages, by one search
LONGEST_WORDS = 200  # characters


class NewMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of POST /v1/messages; `reply_to` is `msg_...` or the guid that Messages gave.

    With `effect` the text arrives with one of Apple's bubble or screen effects.
    """

    ONE_OF: ClassVar = {"text": "", "attachments": []}

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToPeer = msgspec.field(name="to")
    text: Annotated[str | None, Meta(description="The body.", examples=["See you at eight!"])] = None
    attachments: Annotated[
        list[str],
        Meta(description="At most one uploaded file (`file_...`).", examples=[["file_01k742sg000000000000000001"]]),
    ] = []
    reply_to: ReplyTo = None
    effect: Annotated[
        Effect | None,
        Meta(
            description="What comes with the text, on the bubble or over the screen. Needs a line that has `effects`.",
            examples=["confetti"],
        ),
    ] = None


MessageId = Annotated[
    str,
    Meta(
        description="The message, which the line has sent: its id (`msg_...`) or its iMessage guid.",
        examples=["msg_01k742sg000000000000000001"],
    ),
]


class EditMessage(msgspec.Struct, frozen=True):
    """Body of POST /v1/messages/edit."""

    message_id: MessageId
    text: Annotated[str, Meta(description="The new body.", examples=["See you at nine!"])]


class UnsendMessage(msgspec.Struct, frozen=True):
    """Body of POST /v1/messages/unsend."""

    message_id: MessageId


class ListMessages(msgspec.Struct, frozen=True):
    """Query of GET /v1/messages."""

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToPeer = msgspec.field(name="to")
    limit: Limit = None
    cursor: Cursor = None
    words: Annotated[
        str | None,
        Meta(
            description="Only messages in whose text this stands, in any case. A page looks through"
            f" {LOOKED_THROUGH:,} messages: it may show fewer than `limit`, and none at all, while `has_more` is true.",
            examples=["lunch"],
            extra_json_schema={"minLength": 1, "maxLength": LONGEST_WORDS},
        ),
    ] = msgspec.field(name="q", default=None)
