"""POST, GET and DELETE /v1/webhooks, and what is done with one that there is."""

from blueport.server.authorizing.service import LINE_REFUSALS
from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.webhooks import service
from blueport.server.resources.webhooks.schema import (
    CreatedWebhook,
    Deleted,
    DeleteWebhook,
    EnableWebhook,
    ListWebhooks,
    NewWebhook,
    RotatedWebhook,
    RotateWebhook,
    Webhook,
)

CREATE = endpoint(
    "POST /v1/webhooks", "webhooks:write", NewWebhook, CreatedWebhook, service.create, status=201, tells_secret=True
).refusing(*LINE_REFUSALS)
LIST = endpoint("GET /v1/webhooks", "webhooks:read", ListWebhooks, Page[Webhook], service.list_webhooks).refusing(
    *LINE_REFUSALS
)
DELETE = endpoint("DELETE /v1/webhooks", "webhooks:write", DeleteWebhook, Deleted, service.delete).refusing(
    "webhook_not_found"
)
ROTATE = endpoint(
    "POST /v1/webhooks/rotate", "webhooks:write", RotateWebhook, RotatedWebhook, service.rotate, tells_secret=True
).refusing("webhook_not_found")
ENABLE = endpoint("POST /v1/webhooks/enable", "webhooks:write", EnableWebhook, Webhook, service.enable).refusing(
    "webhook_not_found"
)
