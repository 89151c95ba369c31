"""The endpoints of the API, each with the scope that it needs."""

import pytest

from blueport.server.authorizing.keys import Scope

SCOPE_OF: dict[tuple[str, str], Scope] = {
    ("GET", "/v1/lines"): "lines:read",
    ("GET", "/v1/chats"): "chats:read",
    ("POST", "/v1/chats"): "messages:write",
    ("POST", "/v1/chats/rename"): "messages:write",
    ("POST", "/v1/chats/add"): "messages:write",
    ("POST", "/v1/chats/remove"): "messages:write",
    ("POST", "/v1/chats/leave"): "messages:write",
    ("GET", "/v1/messages"): "messages:read",
    ("POST", "/v1/messages"): "messages:write",
    ("POST", "/v1/messages/edit"): "messages:write",
    ("POST", "/v1/messages/unsend"): "messages:write",
    ("POST", "/v1/audio-messages"): "messages:write",
    ("GET", "/v1/reactions"): "reactions:read",
    ("POST", "/v1/reactions"): "reactions:write",
    ("GET", "/v1/typing"): "typing:read",
    ("POST", "/v1/typing"): "typing:write",
    ("GET", "/v1/receipts"): "receipts:read",
    ("POST", "/v1/receipts"): "receipts:write",
    ("GET", "/v1/outbox"): "outbox:read",
    ("GET", "/v1/sandbox"): "lines:read",
    ("POST", "/v1/sandbox"): "messages:write",
    ("GET", "/v1/settings"): "settings:read",
    ("POST", "/v1/settings"): "settings:write",
    ("GET", "/v1/webhooks"): "webhooks:read",
    ("POST", "/v1/webhooks"): "webhooks:write",
    ("DELETE", "/v1/webhooks"): "webhooks:write",
    ("POST", "/v1/webhooks/rotate"): "webhooks:write",
    ("POST", "/v1/webhooks/enable"): "webhooks:write",
    ("GET", "/v1/webhooks/deliveries"): "webhooks:read",
    ("GET", "/v1/webhooks/attempts"): "webhooks:read",
    ("POST", "/v1/webhooks/replay"): "webhooks:write",
    ("POST", "/v1/webhooks/test"): "webhooks:write",
    ("GET", "/v1/files"): "files:read",
    ("POST", "/v1/files"): "files:write",
    ("GET", "/v1/events"): "events:read",
}
each_endpoint = pytest.mark.parametrize(("method", "path"), SCOPE_OF)
