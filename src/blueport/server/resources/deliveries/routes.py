"""The log of deliveries, their replay, and deliveries for a test."""

from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.deliveries import service
from blueport.server.resources.deliveries.schema import (
    Attempt,
    Delivery,
    ListAttempts,
    ListDeliveries,
    Replay,
    Replayed,
    TestDelivery,
    TestWebhook,
)

LIST = endpoint(
    "GET /v1/webhooks/deliveries", "webhooks:read", ListDeliveries, Page[Delivery], service.list_deliveries
).refusing("webhook_not_found")
ATTEMPTS = endpoint(
    "GET /v1/webhooks/attempts", "webhooks:read", ListAttempts, Page[Attempt], service.list_attempts
).refusing("delivery_not_found")
REPLAY = endpoint("POST /v1/webhooks/replay", "webhooks:write", Replay, Replayed, service.replay).refusing(
    "webhook_not_found", "delivery_not_found"
)
TEST = endpoint(
    "POST /v1/webhooks/test", "webhooks:write", TestWebhook, TestDelivery, service.test, status=201
).refusing("webhook_not_found")
