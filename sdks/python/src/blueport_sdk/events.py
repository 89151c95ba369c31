"""What happens, as webhooks and the stream of events tell it.

`if event.event == "message.received":` tells type checkers what `event.data` is. A newer server may tell of events that
are not listed here; their `data` is the JSON as it came. Pass over what you do not know.

Fields are in the wire's order, so that what is written out again is what came.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias

from blueport_sdk.models import Attachment, Data, Name
from blueport_sdk.shapes import MismatchError, as_told, shaped, with_told


@dataclass(frozen=True, kw_only=True)
class MessageData:
    """A message, with the line's own number or Apple ID."""

    id: str
    line_id: str | None = None
    chat_id: str
    guid: str
    sender: str
    text: str | None = None
    attachments: tuple[Attachment, ...]
    service: str | None = None
    is_from_me: bool
    is_audio_message: bool | None = None
    sent_at: int
    synced_at: int | None = None
    outbox_id: str | None = None
    reply_to_guid: str | None = None
    line_handle: str


@dataclass(frozen=True, kw_only=True)
class DeliveredMessageData(MessageData):
    """A message of ours that reached its phone."""

    delivered_at: int


@dataclass(frozen=True, kw_only=True)
class ReadMessageData(MessageData):
    """A message of ours that was read."""

    read_at: int


@dataclass(frozen=True, kw_only=True)
class EditedMessageData(MessageData):
    """A message that is another one now."""

    edited_at: int
    previous_text: str | None = None


@dataclass(frozen=True, kw_only=True)
class UnsentMessageData(MessageData):
    """A message that was taken back."""

    unsent_at: int


@dataclass(frozen=True, kw_only=True)
class FailedItemData:
    """Work that could not be done; `error` says why."""

    id: str
    line_id: str
    status: str
    payload: dict[str, object]
    completed_at: int | None = None
    error: str | None = None
    attempts: int
    max_attempts: int
    created_at: int
    chat_id: str
    line_handle: str


@dataclass(frozen=True, kw_only=True)
class ReactionData:
    """A tapback, with chat and line."""

    id: str
    message_id: str
    type: str
    sender: str
    is_from_me: bool
    added: bool
    sent_at: int
    synced_at: int | None = None
    chat_id: str
    line_handle: str


@dataclass(frozen=True, kw_only=True)
class TypingData:
    """Somebody began or ceased to type."""

    id: str
    chat_id: str
    handle: str
    is_typing: bool
    updated_at: int
    line_id: str
    line_handle: str


@dataclass(frozen=True, kw_only=True)
class ReceiptData:
    """Somebody read a chat."""

    id: str
    chat_id: str
    handle: str
    last_read_at: int
    synced_at: int
    line_id: str
    line_handle: str


@dataclass(frozen=True, kw_only=True)
class Delivery(Generic[Name, Data]):
    """An event as a webhook gets it; `delivery_id` is the same for all tries, and `timestamp` is that of this one."""

    event: Name
    data: Data
    timestamp: int
    delivery_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Streamed(Generic[Name, Data]):
    """An event as the stream tells it; `id` is where to go on behind it."""

    id: str
    event: Name
    data: Data
    created_at: int
    line_id: str
    chat_id: str


MessageReceivedEvent: TypeAlias = Delivery[Literal["message.received"], MessageData]
MessageSentEvent: TypeAlias = Delivery[Literal["message.sent"], MessageData]
MessageDeliveredEvent: TypeAlias = Delivery[Literal["message.delivered"], DeliveredMessageData]
MessageReadEvent: TypeAlias = Delivery[Literal["message.read"], ReadMessageData]
MessageEditedEvent: TypeAlias = Delivery[Literal["message.edited"], EditedMessageData]
MessageUnsentEvent: TypeAlias = Delivery[Literal["message.unsent"], UnsentMessageData]
MessageFailedEvent: TypeAlias = Delivery[Literal["message.failed"], FailedItemData]
ReactionAddedEvent: TypeAlias = Delivery[Literal["reaction.added"], ReactionData]
ReactionRemovedEvent: TypeAlias = Delivery[Literal["reaction.removed"], ReactionData]
TypingStartedEvent: TypeAlias = Delivery[Literal["typing.started"], TypingData]
TypingStoppedEvent: TypeAlias = Delivery[Literal["typing.stopped"], TypingData]
ReceiptReadEvent: TypeAlias = Delivery[Literal["receipt.read"], ReceiptData]

WebhookEvent: TypeAlias = (
    MessageReceivedEvent
    | MessageSentEvent
    | MessageDeliveredEvent
    | MessageReadEvent
    | MessageEditedEvent
    | MessageUnsentEvent
    | MessageFailedEvent
    | ReactionAddedEvent
    | ReactionRemovedEvent
    | TypingStartedEvent
    | TypingStoppedEvent
    | ReceiptReadEvent
)
Event: TypeAlias = (
    Streamed[Literal["message.received"], MessageData]
    | Streamed[Literal["message.sent"], MessageData]
    | Streamed[Literal["message.delivered"], DeliveredMessageData]
    | Streamed[Literal["message.read"], ReadMessageData]
    | Streamed[Literal["message.edited"], EditedMessageData]
    | Streamed[Literal["message.unsent"], UnsentMessageData]
    | Streamed[Literal["message.failed"], FailedItemData]
    | Streamed[Literal["reaction.added"], ReactionData]
    | Streamed[Literal["reaction.removed"], ReactionData]
    | Streamed[Literal["typing.started"], TypingData]
    | Streamed[Literal["typing.stopped"], TypingData]
    | Streamed[Literal["receipt.read"], ReceiptData]
)
EventData: TypeAlias = MessageData | ReactionData | TypingData | ReceiptData | FailedItemData

DATA_OF: Mapping[str, type[EventData]] = {
    "message.received": MessageData,
    "message.sent": MessageData,
    "reaction.added": ReactionData,
    "reaction.removed": ReactionData,
    "message.delivered": DeliveredMessageData,
    "message.read": ReadMessageData,
    "message.edited": EditedMessageData,
    "message.unsent": UnsentMessageData,
    "message.failed": FailedItemData,
    "typing.started": TypingData,
    "typing.stopped": TypingData,
    "receipt.read": ReceiptData,
}


def delivery_of(told: object) -> WebhookEvent:
    """Return what a webhook's body says.

    Raises:
        MismatchError: It is no delivery, or its data are not those of its event.
    """
    made: Any = _with_data(shaped(Delivery[str, object], told))
    event: WebhookEvent = made
    return event


def event_of(told: object) -> Event:
    """Return an item of the stream.

    Raises:
        MismatchError: It is none, or its data are not those of its event.
    """
    made: Any = _with_data(shaped(Streamed[str, object], told))
    event: Event = made
    return event


def joined(events: Sequence[str] | None) -> str | None:
    """Return types of events as the query has them. One alone may be named without a list."""
    return events if events is None or isinstance(events, str) else ",".join(events)


def _with_data(envelope: Delivery[str, object] | Streamed[str, object]) -> object:
    shape = DATA_OF.get(envelope.event)
    if shape is None:
        if not isinstance(envelope.data, dict):
            raise MismatchError("$.data is no object")
        return envelope
    whole: object = dataclasses.replace(envelope, data=shaped(shape, envelope.data, "$.data"))
    return with_told(whole, as_told(envelope))
