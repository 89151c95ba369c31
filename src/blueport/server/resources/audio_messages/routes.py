"""POST /v1/audio-messages."""

from blueport.server.authorizing.service import MESSAGE_REFUSALS
from blueport.server.http.endpoint import endpoint
from blueport.server.resources.audio_messages import service
from blueport.server.resources.audio_messages.schema import NewAudioMessage
from blueport.server.shapes import Accepted

SEND = endpoint(
    "POST /v1/audio-messages", "messages:write", NewAudioMessage, Accepted, service.send, status=201
).refusing(*MESSAGE_REFUSALS, "advanced_features_required", "file_not_found", "message_not_found")
