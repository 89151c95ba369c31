"""Shapes of webhooks."""

from typing import Literal

import msgspec

from blueport.server.ids import LineId, WebhookId


class NewWebhook(msgspec.Struct, frozen=True):
    """Body of POST /v1/webhooks; an empty `from` means every line that the key may use."""

    line_handle: str = msgspec.field(name="from")
    url: str
    events: list[str]


class CreatedWebhook(msgspec.Struct, frozen=True):
    """A new webhook, with the secret that signs its deliveries: it is shown this once."""

    id: WebhookId
    line_ids: list[LineId]
    url: str
    events: list[str]
    secret: str
    is_active: bool


class ListWebhooks(msgspec.Struct, frozen=True):
    """Query of GET /v1/webhooks."""

    line_handle: str = msgspec.field(name="from", default="")
    limit: int | None = None
    cursor: str | None = None


class Webhook(msgspec.Struct, frozen=True):
    """Where events of some lines are sent."""

    id: WebhookId
    line_ids: list[LineId]
    url: str
    events: list[str]
    is_active: bool


class DeleteWebhook(msgspec.Struct, frozen=True):
    """Body of DELETE /v1/webhooks."""

    id: str


class Deleted(msgspec.Struct, frozen=True):
    """What was deleted."""

    id: str
    deleted: Literal[True] = True
