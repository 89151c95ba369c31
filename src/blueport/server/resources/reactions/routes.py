"""POST and GET /v1/reactions."""

from blueport.server.authorizing.service import REACTION_REFUSALS
from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.reactions import service
from blueport.server.resources.reactions.schema import ListReactions, NewReaction
from blueport.server.shapes import Accepted, Reaction

SEND = endpoint("POST /v1/reactions", "reactions:write", NewReaction, Accepted, service.send, status=201).refusing(
    *REACTION_REFUSALS, "advanced_features_required", "message_not_found"
)
LIST = endpoint("GET /v1/reactions", "reactions:read", ListReactions, Page[Reaction], service.list_reactions).refusing(
    "message_not_found"
)
