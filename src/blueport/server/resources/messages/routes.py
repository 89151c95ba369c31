"""POST and GET /v1/messages."""

from blueport.server.addressing.service import READING_REFUSALS
from blueport.server.authorizing.service import LINE_REFUSALS, MESSAGE_REFUSALS
from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.messages import service
from blueport.server.resources.messages.schema import ListMessages, NewMessage
from blueport.server.shapes import Accepted, Message

SEND = endpoint("POST /v1/messages", "messages:write", NewMessage, Accepted, service.send, status=201).refusing(
    *MESSAGE_REFUSALS, "advanced_features_required", "file_not_found", "message_not_found"
)
LIST = endpoint("GET /v1/messages", "messages:read", ListMessages, Page[Message], service.list_messages).refusing(
    *LINE_REFUSALS, *READING_REFUSALS
)
