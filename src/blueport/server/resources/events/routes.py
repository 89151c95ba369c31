"""GET /v1/events."""

from blueport.server.authorizing.service import LINE_REFUSALS
from blueport.server.http.following import followed
from blueport.server.resources.events import service
from blueport.server.resources.events.schema import EventPage, ListEvents

LIST = followed("GET /v1/events", "events:read", ListEvents, EventPage, service.look).refusing(*LINE_REFUSALS)
