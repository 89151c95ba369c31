"""POST, GET and DELETE /v1/webhooks."""

from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.webhooks import service
from blueport.server.resources.webhooks.schema import (
    CreatedWebhook,
    Deleted,
    DeleteWebhook,
    ListWebhooks,
    NewWebhook,
    Webhook,
)

CREATE = endpoint("POST /v1/webhooks", "webhooks:write", NewWebhook, CreatedWebhook, service.create, status=201)
LIST = endpoint("GET /v1/webhooks", "webhooks:read", ListWebhooks, Page[Webhook], service.list_webhooks)
DELETE = endpoint("DELETE /v1/webhooks", "webhooks:write", DeleteWebhook, Deleted, service.delete)
