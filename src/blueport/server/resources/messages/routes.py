"""POST and GET /v1/messages, and what is done to messages that were sent."""

from blueport.server.addressing.service import READING_REFUSALS
from blueport.server.authorizing.service import CHANGE_REFUSALS, LINE_REFUSALS, MESSAGE_REFUSALS
from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.messages import service
from blueport.server.resources.messages.schema import EditMessage, ListMessages, NewMessage, UnsendMessage
from blueport.server.shapes import Accepted, Message

SEND = endpoint("POST /v1/messages", "messages:write", NewMessage, Accepted, service.send, status=201).refusing(
    *MESSAGE_REFUSALS, "advanced_features_required", "file_not_found", "message_not_found"
)
EDIT = endpoint("POST /v1/messages/edit", "messages:write", EditMessage, Accepted, service.edit, status=201).refusing(
    *CHANGE_REFUSALS, "advanced_features_required", "message_not_found"
)
UNSEND = endpoint(
    "POST /v1/messages/unsend", "messages:write", UnsendMessage, Accepted, service.unsend, status=201
).refusing(*CHANGE_REFUSALS, "advanced_features_required", "message_not_found")
LIST = endpoint("GET /v1/messages", "messages:read", ListMessages, Page[Message], service.list_messages).refusing(
    *LINE_REFUSALS, *READING_REFUSALS
)
