"""The events that webhooks get, and what each carries."""

from typing import NamedTuple

import msgspec

from blueport.server.notifying.service import EventType
from blueport.server.receiving.reactions import ReactionData
from blueport.server.receiving.service import MessageData


class Event(NamedTuple):
    """One event: *shape* is its `data`, and *example* what differs there from the usual example of that shape."""

    name: EventType
    meaning: str
    shape: type[msgspec.Struct]
    example: dict[str, object]


EVENTS = (
    Event("message.received", "Somebody wrote to the line.", MessageData, {}),
    Event(
        "message.sent",
        "A message left the line: by this API, then `outbox_id` tells which request, or by hand.",
        MessageData,
        {"sender": "+15551234567", "is_from_me": True, "outbox_id": "obx_01k742sg000000000000000001"},
    ),
    Event("reaction.added", "Somebody, or the line itself, put a tapback on a message.", ReactionData, {}),
    Event("reaction.removed", "A tapback was taken off, or replaced by another one.", ReactionData, {"added": False}),
)
