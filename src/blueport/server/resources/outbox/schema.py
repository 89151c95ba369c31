"""Shapes of outbox items."""

from typing import Annotated

import msgspec
from msgspec import Meta


class GetItem(msgspec.Struct, frozen=True):
    """Query of GET /v1/outbox."""

    id: Annotated[str, Meta(description="The outbox item.", examples=["obx_01k742sg000000000000000001"])]
