"""GET /v1/outbox."""

from blueport.server.http.endpoint import endpoint
from blueport.server.resources.outbox import service
from blueport.server.resources.outbox.schema import GetItem, OutboxItem

GET = endpoint("GET /v1/outbox", "outbox:read", GetItem, OutboxItem, service.get).refusing("outbox_item_not_found")
