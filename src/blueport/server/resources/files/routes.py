"""POST and GET /v1/files."""

from blueport.server.http.endpoint import endpoint
from blueport.server.http.uploads import Uploaded
from blueport.server.resources.files import service
from blueport.server.resources.files.schema import File, GetFile

UPLOAD = endpoint("POST /v1/files", "files:write", Uploaded, File, service.keep, status=201, is_upload=True)
GET = endpoint(
    "GET /v1/files", "files:read", GetFile, File, service.get, status=302, location=lambda file: file.url
).refusing("file_not_found")
