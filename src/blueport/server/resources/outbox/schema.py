"""Shapes of outbox items."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from blueport.server.shapes import AtMs, OutboxRecord


class GetItem(msgspec.Struct, frozen=True):
    """Query of GET /v1/outbox."""

    id: Annotated[str, Meta(description="The outbox item.", examples=["obx_01k742sg000000000000000001"])]


class OutboxItem(OutboxRecord, frozen=True):
    """What became of an accepted request; `payload` is what was asked, `error` a word once it failed."""

    held_until: Annotated[
        AtMs | UnsetType,
        Meta(description="Until when at least the pace of the line holds it back; absent if that does not."),
    ] = UNSET
    warning: Annotated[
        str | UnsetType,
        Meta(
            description="That it was sent, but not quite as it was asked: `sent_from_other_line` (the Mac has several,"
            " and Messages chose another one). Absent if there is none, and unless extended events are switched on.",
            examples=["sent_from_other_line"],
        ),
    ] = UNSET
    sent_by: Annotated[
        str | UnsetType,
        Meta(
            description="By what it went (`sms`, `rcs`, `imessage`), if the line is for something else; absent if not.",
            examples=["sms"],
        ),
    ] = UNSET
