"""POST and GET /v1/reactions."""

from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.reactions import service
from blueport.server.resources.reactions.schema import ListReactions, NewReaction
from blueport.server.shapes import Accepted, Reaction

SEND = endpoint("POST /v1/reactions", "reactions:write", NewReaction, Accepted, service.send, status=201)
LIST = endpoint("GET /v1/reactions", "reactions:read", ListReactions, Page[Reaction], service.list_reactions)
