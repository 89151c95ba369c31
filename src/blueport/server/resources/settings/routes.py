"""GET and POST /v1/settings.

POST answers 200: it changes what is there, and makes nothing; the rules of the wire do not count it among those that
answer 201. All lines of the account follow it, so that a key which is restricted to some may only look.
"""

from blueport.server.http.endpoint import endpoint
from blueport.server.resources.settings import service
from blueport.server.resources.settings.schema import ChangeSettings, GetSettings, Settings

GET = endpoint("GET /v1/settings", "settings:read", GetSettings, Settings, service.get)
CHANGE = endpoint("POST /v1/settings", "settings:write", ChangeSettings, Settings, service.change).refusing(
    "line_not_accessible"
)
