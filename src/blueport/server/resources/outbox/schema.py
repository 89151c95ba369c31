"""Shapes of outbox items."""

from typing import Annotated

import msgspec
from msgspec import Meta

from blueport.server.ids import OutboxId
from blueport.server.sending.states import Status
from blueport.server.shapes import AtMs, LineKnown


class GetItem(msgspec.Struct, frozen=True):
    """Query of GET /v1/outbox."""

    id: Annotated[str, Meta(description="The outbox item.", examples=["obx_01k742sg000000000000000001"])]


class OutboxItem(msgspec.Struct, frozen=True):
    """What became of an accepted request; `payload` is what was asked, `error` a word once it failed."""

    id: Annotated[OutboxId, Meta(description="The outbox item.", examples=["obx_01k742sg000000000000000001"])]
    line_id: LineKnown
    status: Annotated[
        Status,
        Meta(
            description="`pending` until a Mac takes it, `claimed` while it works on it, `sent` once the message is"
            " seen in Messages, `failed` with an `error`.",
            examples=["sent"],
        ),
    ]
    payload: Annotated[
        msgspec.Raw,
        Meta(
            description="What was asked.",
            examples=[{"from": "+15551234567", "to": "+15559876543", "text": "See you at eight!"}],
            extra_json_schema={"type": "object"},
        ),
    ]
    completed_at: Annotated[AtMs | None, Meta(description="When it ended; null while it is open.")]
    error: Annotated[
        str | None,
        Meta(
            description="Why it failed: `outcome_unknown` (it may have been sent: look before you send it again),"
            " `attempts_exhausted`, `expired` or `superseded` (of typing and read marks), or what the Mac said.",
            examples=[None],
        ),
    ]
    attempts: Annotated[int, Meta(description="How many times it was tried.", examples=[1])]
    max_attempts: Annotated[int, Meta(description="How many times it may be tried.", examples=[5])]
    created_at: Annotated[AtMs, Meta(description="When it was accepted.")]
