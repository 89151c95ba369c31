"""The events that webhooks get, and what each carries."""

from typing import NamedTuple, get_args

import msgspec

from blueport.server.notifying.service import EventType, ExtendedEventType
from blueport.server.receiving.changes import DeliveredMessage, EditedMessage, ReadMessage, UnsentMessage
from blueport.server.receiving.presence import ReceiptData, TypingData
from blueport.server.receiving.reactions import ReactionData
from blueport.server.sending.service import FailedItem
from blueport.server.shapes import MessageData


class Event(NamedTuple):
    """One event: *shape* is its `data`, and *example* what differs there from the usual example of that shape."""

    name: EventType | ExtendedEventType
    meaning: str
    shape: type[msgspec.Struct]
    example: dict[str, object]

    @property
    def is_extended(self) -> bool:
        """Whether it is made only for accounts that have switched such events on."""
        return self.name in get_args(ExtendedEventType)


_OURS: dict[str, object] = {
    "sender": "+15551234567",
    "is_from_me": True,
    "outbox_id": "obx_01k742sg000000000000000001",
}
EVENTS = (
    Event("message.received", "Somebody wrote to the line.", MessageData, {}),
    Event(
        "message.sent",
        "A message left the line: by this API, then `outbox_id` tells which request, or by hand.",
        MessageData,
        _OURS,
    ),
    Event("reaction.added", "Somebody, or the line itself, put a tapback on a message.", ReactionData, {}),
    Event("reaction.removed", "A tapback was taken off, or replaced by another one.", ReactionData, {"added": False}),
    Event(
        "message.failed",
        "A message, a voice message or a reaction that was accepted has ended `failed`.",
        FailedItem,
        {"status": "failed", "error": "recipient_not_on_imessage"},
    ),
    Event(
        "message.delivered",
        "A message of the line has arrived, after `message.sent`; by SMS that is mostly not known.",
        DeliveredMessage,
        _OURS,
    ),
    Event(
        "message.read",
        "A message of the line was read; only in a chat of two, and only if that person lets it be seen.",
        ReadMessage,
        _OURS,
    ),
    Event(
        "message.edited",
        "The text of a message was changed, or a part of it taken back.",
        EditedMessage,
        {},
    ),
    Event("message.unsent", "A message was taken back, all of it.", UnsentMessage, {"text": None}),
    Event("typing.started", "Somebody began to type, in a chat of two.", TypingData, {}),
    Event(
        "typing.stopped",
        "Somebody stopped typing; it may be missing: a minute after the last sign of it nobody is typing.",
        TypingData,
        {"is_typing": False},
    ),
    Event("receipt.read", "Somebody has read a chat of two, up to now.", ReceiptData, {}),
)
