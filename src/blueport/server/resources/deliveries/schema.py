"""Shapes of deliveries, and of what is done with them."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from blueport.server.http.parameters import Cursor, Limit, LimitOfAll
from blueport.server.ids import DeliveryId, EventId, WebhookId
from blueport.server.shapes import AtMs

Status = Literal["pending", "delivered", "failed", "cancelled"]
Replayable = Literal["delivered", "failed", "cancelled", "missed"]

_WEBHOOK = "wh_01k742sg000000000000000001"
_DELIVERY = "dlv_01k742sg000000000000000001"
_Webhook = Annotated[WebhookId, Meta(description="The webhook.", examples=[_WEBHOOK])]
_Delivery = Annotated[
    DeliveryId, Meta(description="The delivery: the same for each of its tries.", examples=[_DELIVERY])
]
_Since = Annotated[
    int | None, Meta(description="Only of events from then on (Unix milliseconds).", examples=[1760000000000])
]
_Until = Annotated[
    int | None, Meta(description="Only of events before then (Unix milliseconds).", examples=[1760003600000])
]
_Reason = Annotated[
    str,
    Meta(
        description="What came of it, in a word: `http_200` and the like for an answer, else `timeout`, `refused`,"
        " `name_not_resolved`, `certificate_expired`, `address_not_allowed` and others.",
        examples=["http_200"],
    ),
]


class ListDeliveries(msgspec.Struct, frozen=True):
    """Query of GET /v1/webhooks/deliveries."""

    webhook_id: Annotated[str | None, Meta(description="Only those of this webhook.", examples=[_WEBHOOK])] = None
    status: Annotated[Status | None, Meta(description="Only those in this state.", examples=["failed"])] = None
    since: _Since = None
    until: _Until = None
    limit: Limit = None
    cursor: Cursor = None


class Delivery(msgspec.Struct, frozen=True):
    """One event for one webhook."""

    id: _Delivery
    webhook_id: _Webhook
    event_id: Annotated[EventId, Meta(description="The event.", examples=["evt_01k742sg000000000000000001"])]
    event: Annotated[str, Meta(description="What happened.", examples=["message.received"])]
    is_test: Annotated[bool, Meta(description="Whether it was asked for as a test.", examples=[False])]
    status: Annotated[
        Status,
        Meta(
            description="`pending` until a try gets a 2xx (`delivered`), there are no more tries (`failed`), or the"
            " webhook is deleted, or disabled for a week (`cancelled`).",
            examples=["delivered"],
        ),
    ]
    attempts: Annotated[int, Meta(description="How many times it was tried.", examples=[1])]
    reason: Annotated[
        str | None, Meta(description="What came of the last try; null before that.", examples=["http_200"])
    ]
    next_attempt_at: Annotated[AtMs | None, Meta(description="When it is tried again; null: at once, or not at all.")]
    created_at: Annotated[AtMs, Meta(description="When it was made, with its event.")]
    completed_at: Annotated[AtMs | None, Meta(description="When it ended; null while it is open.")]


class ListAttempts(msgspec.Struct, frozen=True):
    """Query of GET /v1/webhooks/attempts."""

    delivery_id: Annotated[str, Meta(description="The delivery.", examples=[_DELIVERY])]
    limit: LimitOfAll = None
    cursor: Cursor = None


class Attempt(msgspec.Struct, frozen=True):
    """One try of a delivery."""

    number: Annotated[int, Meta(description="The how manieth it was, from 1.", examples=[1])]
    started_at: Annotated[AtMs, Meta(description="When it began.")]
    duration_ms: Annotated[
        int | None, Meta(description="How long it took; null if the process that made it died.", examples=[84])
    ]
    status_code: Annotated[int | None, Meta(description="The status of the answer, if there was one.", examples=[200])]
    reason: _Reason
    address: Annotated[str | None, Meta(description="The address that was dialled.", examples=["203.0.113.7"])]
    response: Annotated[str | None, Meta(description="The first 2 KiB of the answer's body.", examples=["ok"])]


class Replay(msgspec.Struct, frozen=True):
    """Body of POST /v1/webhooks/replay: one delivery, or those of a webhook."""

    ONE_OF: ClassVar = {"delivery_id": "", "webhook_id": ""}

    delivery_id: Annotated[str | None, Meta(description="The delivery to be made again.", examples=[_DELIVERY])] = None
    webhook_id: Annotated[
        str | None, Meta(description="Replay what this webhook did not get, or some of it.", examples=[_WEBHOOK])
    ] = None
    status: Annotated[
        Replayable | None,
        Meta(
            description="Only what is `failed` or `cancelled`, what was `missed` (it happened while the webhook was"
            " disabled or not there yet), or what was `delivered`, again; absent: all but the last.",
            examples=["failed"],
        ),
    ] = None
    since: _Since = None
    until: _Until = None


class Replayed(msgspec.Struct, frozen=True):
    """How many deliveries will be tried again; with `has_more`, ask again for the others."""

    replayed: Annotated[int, Meta(description="How many will be tried again.", examples=[12])]
    has_more: Annotated[bool, Meta(description="Whether there are more.", examples=[False])]
    next_since: Annotated[
        AtMs | None,
        Meta(description="What to pass as `since` for the others; null if there are none.", examples=[None]),
    ]


class TestWebhook(msgspec.Struct, frozen=True):
    """Body of POST /v1/webhooks/test."""

    id: Annotated[str, Meta(description="The webhook.", examples=[_WEBHOOK])]
    event: Annotated[
        str | None,
        Meta(
            description="Which of its events to send an example of; absent: the first.", examples=["message.received"]
        ),
    ] = None


class TestDelivery(msgspec.Struct, frozen=True):
    """A delivery for a test: it is tried once; the log tells what came of it."""

    id: _Delivery
    status: Annotated[Literal["pending"], Meta(description="It is about to be tried.")] = "pending"
