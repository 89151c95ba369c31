"""POST and GET /v1/typing."""

from blueport.server.addressing.service import READING_REFUSALS
from blueport.server.authorizing.service import LINE_REFUSALS, TARGET_REFUSALS
from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.typing import service
from blueport.server.resources.typing.schema import ListTyping, NewTyping
from blueport.server.shapes import Accepted, TypingIndicator

SEND = endpoint("POST /v1/typing", "typing:write", NewTyping, Accepted, service.send, status=201).refusing(
    *TARGET_REFUSALS, "advanced_features_required"
)
LIST = endpoint("GET /v1/typing", "typing:read", ListTyping, Page[TypingIndicator], service.list_typing).refusing(
    *LINE_REFUSALS, *READING_REFUSALS
)
