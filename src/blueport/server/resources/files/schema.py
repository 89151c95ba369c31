"""Shapes of files; what an upload brings is in `http.uploads`."""

import msgspec

from blueport.server.ids import FileId


class GetFile(msgspec.Struct, frozen=True):
    """Query of GET /v1/files."""

    id: str


class File(msgspec.Struct, frozen=True):
    """A file; `url` is a link to its bytes that works without a key for a while, `size` is in bytes."""

    id: FileId
    url: str
    filename: str | None
    mime_type: str
    size: int
