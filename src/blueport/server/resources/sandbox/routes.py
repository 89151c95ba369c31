"""GET and POST /v1/sandbox.

The scopes of the API name neither. To look is what `lines:read` is for, the sandbox being a line; to pair a phone is
the first step of writing to it, so that a key which may write must be able to. POST answers 200: it returns what is
there as often as it makes it, and the rules of the wire do not count it among those that answer 201.
"""

from blueport.server.http.endpoint import endpoint
from blueport.server.resources.sandbox import service
from blueport.server.resources.sandbox.schema import NothingAsked, Sandbox

GET = endpoint("GET /v1/sandbox", "lines:read", NothingAsked, Sandbox, service.get).refusing(
    "line_not_found", "sandbox_requires_owner"
)
BEGIN = endpoint("POST /v1/sandbox", "messages:write", NothingAsked, Sandbox, service.begin).refusing(
    "line_not_found", "sandbox_requires_owner"
)
