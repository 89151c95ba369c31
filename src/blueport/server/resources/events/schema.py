"""Shapes of events."""

from typing import Annotated

import msgspec
from msgspec import Meta

from blueport.server.http.following import Waiting
from blueport.server.http.parameters import Limit
from blueport.server.ids import EventId
from blueport.server.notifying.log.service import KEPT_DAYS
from blueport.server.notifying.service import EventType, ExtendedEventType
from blueport.server.shapes import AtMs, ChatKnown, LineKnown

# What `data` may be; told by name, because the shapes belong to those who see such things.
PAYLOADS = (
    *("MessageData", "FailedItem", "DeliveredMessage", "ReadMessage", "EditedMessage", "UnsentMessage"),
    *("ReactionData", "TypingData", "ReceiptData"),
)


class ListEvents(Waiting, frozen=True):
    """Query of GET /v1/events; its filters say of what to tell."""

    line_handle: Annotated[
        str | None,
        Meta(
            description="Only those of this line: its phone number, its Apple ID or its id; absent, those of every line"
            " that the key may use.",
            examples=["+15551234567"],
        ),
    ] = msgspec.field(name="from", default=None)
    events: Annotated[
        str | None,
        Meta(
            description="Only those of these types, joined by commas; absent, all.",
            examples=["message.received,reaction.added"],
        ),
    ] = None
    limit: Limit = None


class Event(msgspec.Struct, frozen=True):
    """Something that happened on a line; webhooks are told the same in `event` and `data`."""

    id: Annotated[EventId, Meta(description="The event's id.", examples=["evt_01k742sg000000000000000001"])]
    event: Annotated[EventType | ExtendedEventType, Meta(description="What happened.", examples=["message.received"])]
    data: Annotated[
        msgspec.Raw,
        Meta(
            description="To what: the message, the reaction and so on, as webhooks are told of it.",
            extra_json_schema={"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in PAYLOADS]},
        ),
    ]
    created_at: Annotated[AtMs, Meta(description="When this server learned of it.")]
    line_id: LineKnown
    chat_id: ChatKnown


class EventPage(msgspec.Struct, frozen=True):
    """Part of the log of events, which goes back so far as they are kept."""

    data: Annotated[list[Event], Meta(description=f"The events, oldest first; they are kept for {KEPT_DAYS} days.")]
    has_more: Annotated[bool, Meta(description="Whether more is there already.")]
    next_cursor: Annotated[
        str | None,
        Meta(
            description="What to pass as `after` for what follows, now or later; null only if there was nothing yet.",
            examples=["evt_01k742sg000000000000000001"],
        ),
    ]
