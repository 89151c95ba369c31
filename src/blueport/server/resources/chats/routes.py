"""GET and POST /v1/chats."""

from blueport.server.authorizing.service import CHANGE_REFUSALS, LINE_REFUSALS, REACTION_REFUSALS
from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.chats import service
from blueport.server.resources.chats.schema import ChangeMember, Chat, LeaveGroup, ListChats, NewGroup, RenameGroup
from blueport.server.shapes import Accepted

LIST = endpoint("GET /v1/chats", "chats:read", ListChats, Page[Chat], service.list_chats).refusing(*LINE_REFUSALS)
BEGIN = endpoint("POST /v1/chats", "messages:write", NewGroup, Accepted, service.begin, status=201).refusing(
    *LINE_REFUSALS, *CHANGE_REFUSALS, "advanced_features_required"
)
_GROUP_REFUSALS = (*REACTION_REFUSALS, "advanced_features_required")
RENAME = endpoint(
    "POST /v1/chats/rename", "messages:write", RenameGroup, Accepted, service.rename, status=201
).refusing(*_GROUP_REFUSALS)
ADD = endpoint("POST /v1/chats/add", "messages:write", ChangeMember, Accepted, service.add, status=201).refusing(
    *_GROUP_REFUSALS
)
REMOVE = endpoint(
    "POST /v1/chats/remove", "messages:write", ChangeMember, Accepted, service.remove, status=201
).refusing(*_GROUP_REFUSALS)
LEAVE = endpoint("POST /v1/chats/leave", "messages:write", LeaveGroup, Accepted, service.leave, status=201).refusing(
    *_GROUP_REFUSALS
)
