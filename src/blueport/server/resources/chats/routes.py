"""GET and POST /v1/chats."""

from blueport.server.authorizing.service import CHANGE_REFUSALS, LINE_REFUSALS
from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.chats import service
from blueport.server.resources.chats.schema import Chat, ListChats, NewGroup
from blueport.server.shapes import Accepted

LIST = endpoint("GET /v1/chats", "chats:read", ListChats, Page[Chat], service.list_chats).refusing(*LINE_REFUSALS)
BEGIN = endpoint("POST /v1/chats", "messages:write", NewGroup, Accepted, service.begin, status=201).refusing(
    *LINE_REFUSALS, *CHANGE_REFUSALS, "advanced_features_required"
)
