"""Shapes of the sandbox."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from blueport.server.shapes import AtMs


class NothingAsked(msgspec.Struct, frozen=True):
    """GET and POST /v1/sandbox take nothing."""


class Usage(msgspec.Struct, frozen=True):
    """Messages and audio messages of today; `resets_at` is the next midnight UTC (Unix milliseconds)."""

    used: Annotated[int, Meta(description="How many were sent today.", examples=[3])]
    limit: Annotated[int, Meta(description="How many may be sent in a day.", examples=[50])]
    remaining: Annotated[int, Meta(description="How many are left today.", examples=[47])]
    resets_at: Annotated[AtMs, Meta(description="When all of them are there again: the next midnight UTC.")]


class Sandbox(msgspec.Struct, frozen=True):
    """How an account stands on the shared line; `contact_identifier` is the phone that it paired."""

    status: Annotated[
        Literal["missing", "pending", "active"],
        Meta(
            description="`missing` until a code is asked for, `pending` until it is texted, then `active`.",
            examples=["active"],
        ),
    ]
    activation_code: Annotated[
        str | None,
        Meta(
            description="What to text from your phone to the sandbox line; null while missing.", examples=["K7M2Q9XA"]
        ),
    ]
    sandbox_line_handle: Annotated[
        str, Meta(description="The sandbox line; `from` takes it.", examples=["+15551234567"])
    ]
    contact_identifier: Annotated[
        str | None, Meta(description="The phone that you paired; null until then.", examples=["+15559876543"])
    ]
    activated_at: Annotated[AtMs | None, Meta(description="When it was paired.")]
    usage: Annotated[Usage, Meta(description="What of this day's messages is used up.")]
