"""GET /v1/lines."""

from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.lines import service
from blueport.server.resources.lines.schema import Line, ListLines

LIST = endpoint("GET /v1/lines", "lines:read", ListLines, Page[Line], service.list_lines)
