"""Shapes of what happened: a few words for a line of a list, and in `json` all of it, as the outside sees it."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from blueport.server.resources.deliveries.schema import Attempt, Delivery


class Entry(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Something that happened, at that moment (ISO 8601); `number` is the order of those of its kind and moment."""

    id: str
    at: str
    number: int
    json: msgspec.Raw


class RequestEntry(Entry, frozen=True, kw_only=True, tag="request"):
    """A request to the API; `code` is that of a refusal, else empty."""

    method: str
    path: str
    query: str
    status: int
    code: str
    duration_ms: float


class OutboxEntry(Entry, frozen=True, kw_only=True, tag="outbox"):
    """An outbox item; `error` also says why it is tried again, and `why` says that in words."""

    type: str
    status: Literal["pending", "claimed", "sent", "failed"]
    attempts: int
    error: str | None
    why: str | None


class EventEntry(Entry, frozen=True, kw_only=True, tag="event"):
    """An event."""

    type: str


class DeliveryEntry(Entry, frozen=True, kw_only=True, tag="delivery"):
    """A delivery; `url` is null if its webhook is gone, and `why` says `reason` in words."""

    type: str
    url: str | None
    status: str
    attempts: int
    reason: str | None
    why: str | None


class Said(msgspec.Struct, frozen=True):
    """A request as it was made."""

    method: str
    path: str
    query: str
    body: msgspec.Raw


class Told(msgspec.Struct, frozen=True):
    """What was answered; the body is null of what has none, as a stream."""

    status: int
    body: msgspec.Raw


class Exchanged(msgspec.Struct, frozen=True):
    """A request and its answer."""

    request: Said
    answer: Told
    request_id: str
    duration_ms: float


class Delivered(msgspec.Struct, frozen=True):
    """A delivery with all its tries; `body` is what the last of them posted, absent before the first."""

    delivery: Delivery
    url: str | None
    tries: list[Attempt]
    body: msgspec.Raw | UnsetType = UNSET


class Happened(msgspec.Struct, frozen=True):
    """All that happened in a conversation, the newest first."""

    requests: list[RequestEntry]
    outbox: list[OutboxEntry]
    events: list[EventEntry]
    deliveries: list[DeliveryEntry]

    @property
    def entries(self) -> list[Entry]:
        """Return everything."""
        return [*self.requests, *self.outbox, *self.events, *self.deliveries]
