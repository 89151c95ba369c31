"""Shapes of webhooks."""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from blueport.server.http.parameters import Cursor, LimitOfAll
from blueport.server.ids import LineId, WebhookId
from blueport.server.notifying.delivering.schedule import DELAYS_S
from blueport.server.notifying.service import EventType, ExtendedEventType
from blueport.server.shapes import AtMs

_Name = Annotated[str, Meta(description="The webhook.", examples=["wh_01k742sg000000000000000001"])]
_Id = Annotated[WebhookId, Meta(description="The webhook's id.", examples=["wh_01k742sg000000000000000001"])]
_LineIds = Annotated[
    list[LineId],
    Meta(description="The lines whose events it gets.", examples=[["ln_01k742sg000000000000000001"]]),
]
_Url = Annotated[
    str,
    Meta(description="Where deliveries are posted: https, and public.", examples=["https://agent.example.com/hook"]),
]
_Events = Annotated[list[str], Meta(description="The events that it gets.", examples=[["message.received"]])]
_IsActive = Annotated[bool, Meta(description="Whether deliveries are made.", examples=[True])]
LONGEST_OVERLAP_S = 7 * 24 * 3600
_DAY_S = 24 * 3600


class NewWebhook(msgspec.Struct, frozen=True):
    """Body of POST /v1/webhooks; an empty `from` means every line that the key may use."""

    line_handle: Annotated[
        str,
        Meta(
            description="The line: its phone number, its Apple ID or its id; an empty string means every line that the"
            " key may use.",
            examples=["+15551234567"],
        ),
    ] = msgspec.field(name="from")
    url: _Url
    events: Annotated[
        list[Annotated[str, Meta(extra_json_schema={"enum": [*get_args(EventType), *get_args(ExtendedEventType)]})]],
        Meta(
            description="The events that it shall get: one or more. All but the first four are refused until the"
            " account has switched extended events on.",
            examples=[["message.received", "message.sent"]],
            extra_json_schema={"minItems": 1},
        ),
    ]

    retry_delays_s: Annotated[
        list[int] | None,
        Meta(
            description="How long to wait before each further try, in seconds: up to 20 of them, each from 1 to"
            f" {_DAY_S}; absent: {len(DELAYS_S)} of them, over three days.",
            examples=[[5, 60, 600]],
        ),
    ] = None


class CreatedWebhook(msgspec.Struct, frozen=True):
    """A new webhook, with the secret that signs its deliveries: it is shown this once."""

    id: _Id
    line_ids: _LineIds
    url: _Url
    events: _Events
    secret: Annotated[
        str, Meta(description="What signs its deliveries; it is not shown again.", examples=["whsec_keep-this-safe"])
    ]
    is_active: _IsActive


class ListWebhooks(msgspec.Struct, frozen=True):
    """Query of GET /v1/webhooks."""

    line_handle: Annotated[
        str, Meta(description="Only those that get the events of this line.", examples=["+15551234567"])
    ] = msgspec.field(name="from", default="")
    limit: LimitOfAll = None
    cursor: Cursor = None


class Webhook(msgspec.Struct, frozen=True):
    """Where events of some lines are sent."""

    id: _Id
    line_ids: _LineIds
    url: _Url
    events: _Events
    is_active: _IsActive
    retry_delays_s: (
        Annotated[
            list[int],
            Meta(
                description="The waits between its tries, in seconds; absent if they are the usual ones.",
                examples=[[5]],
            ),
        ]
        | UnsetType
    ) = UNSET
    disabled_at: Annotated[AtMs, Meta(description="Since when it is disabled; absent while it is not.")] | UnsetType = (
        UNSET
    )
    disabled_reason: (
        Annotated[
            Literal["gone", "failing"],
            Meta(
                description="Why it was disabled: it answered 410, or failed at every try for three days.",
                examples=["failing"],
            ),
        ]
        | UnsetType
    ) = UNSET


class EnableWebhook(msgspec.Struct, frozen=True):
    """Body of POST /v1/webhooks/enable."""

    id: _Name


class RotateWebhook(msgspec.Struct, frozen=True):
    """Body of POST /v1/webhooks/rotate."""

    id: _Name
    overlap_s: Annotated[
        int,
        Meta(
            description="For how long `webhook-signature` is made with the earlier secret too: up to a week; a day if"
            " absent. `X-Webhook-Signature` is made with the new one at once.",
            examples=[_DAY_S],
            extra_json_schema={"minimum": 0, "maximum": LONGEST_OVERLAP_S},
        ),
    ] = _DAY_S


class RotatedWebhook(msgspec.Struct, frozen=True):
    """A webhook's new secret: it is shown this once."""

    id: _Id
    secret: Annotated[
        str, Meta(description="What signs its deliveries; it is not shown again.", examples=["whsec_keep-this-safe"])
    ]
    earlier_secret_expires_at: Annotated[AtMs, Meta(description="Until when the earlier secret signs beside it.")]


class DeleteWebhook(msgspec.Struct, frozen=True):
    """Body of DELETE /v1/webhooks."""

    id: _Name


class Deleted(msgspec.Struct, frozen=True):
    """What was deleted."""

    id: _Name
    deleted: Annotated[Literal[True], Meta(description="It is gone.")] = True
