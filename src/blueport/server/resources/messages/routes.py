"""POST and GET /v1/messages."""

from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.messages import service
from blueport.server.resources.messages.schema import ListMessages, NewMessage
from blueport.server.shapes import Accepted, Message

SEND = endpoint("POST /v1/messages", "messages:write", NewMessage, Accepted, service.send, status=201)
LIST = endpoint("GET /v1/messages", "messages:read", ListMessages, Page[Message], service.list_messages)
