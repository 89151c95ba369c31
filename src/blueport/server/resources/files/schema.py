"""Shapes of files; what an upload brings is in `http.uploads`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from blueport.server.ids import FileId


class GetFile(msgspec.Struct, frozen=True):
    """Query of GET /v1/files."""

    id: Annotated[str, Meta(description="The file.", examples=["file_01k742sg000000000000000001"])]


class File(msgspec.Struct, frozen=True):
    """A file; `url` is a link to its bytes that works without a key for a while, `size` is in bytes."""

    id: Annotated[
        FileId,
        Meta(
            description="The file's id; `attachments` and `audio_message` take it.",
            examples=["file_01k742sg000000000000000001"],
        ),
    ]
    url: Annotated[
        str,
        Meta(
            description="A link to its bytes that needs no key; it works for a while, then ask `GET /v1/files` again.",
            examples=["https://blueport.example.com/files/file_01k742sg000000000000000001?expires=...&signature=..."],
        ),
    ]
    filename: Annotated[str | None, Meta(description="Its name, without folders.", examples=["cat.jpg"])]
    mime_type: Annotated[
        str, Meta(description="Its media type: as you said, else as it looks.", examples=["image/jpeg"])
    ]
    size: Annotated[int, Meta(description="Its size in bytes.", examples=[48213])]
