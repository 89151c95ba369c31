"""Shapes of what is asked about messages; a message itself is in `shapes`."""

from typing import ClassVar

import msgspec


class NewMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of POST /v1/messages; `reply_to` is `msg_...` or the guid that Messages gave."""

    ONE_OF: ClassVar = {"text": "", "attachments": []}

    line_handle: str = msgspec.field(name="from")
    recipient: str = msgspec.field(name="to")
    text: str | None = None
    attachments: list[str] = []
    reply_to: str | None = None


class ListMessages(msgspec.Struct, frozen=True):
    """Query of GET /v1/messages."""

    line_handle: str = msgspec.field(name="from")
    recipient: str = msgspec.field(name="to")
    limit: int | None = None
    cursor: str | None = None
