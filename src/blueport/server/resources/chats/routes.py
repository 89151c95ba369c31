"""GET /v1/chats."""

from blueport.server.authorizing.service import LINE_REFUSALS
from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.chats import service
from blueport.server.resources.chats.schema import Chat, ListChats

LIST = endpoint("GET /v1/chats", "chats:read", ListChats, Page[Chat], service.list_chats).refusing(*LINE_REFUSALS)
