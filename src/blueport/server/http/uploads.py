"""Requests whose body is a file: read as it comes, never held in memory."""

from collections.abc import AsyncIterator

import msgspec
from starlette.types import Receive, Scope

from blueport.failpoints import reached
from blueport.server.blobs import kinds, names
from blueport.server.blobs.storage import Blobs, Kept, too_large
from blueport.server.http.problems import ClientGoneError

FILE_LIMIT = 100 * 1024 * 1024


class Uploaded(msgspec.Struct, frozen=True):
    """A file that was brought: its name, its kind, and what its bytes are known by.

    `shown_as` is the media type as which a browser may show it, None if it must save it.
    """

    filename: str | None
    mime_type: str
    size: int
    sha256: str
    shown_as: str | None


async def kept(blobs: Blobs, scope: Scope, receive: Receive, limit: int = FILE_LIMIT) -> Kept:
    """Store the body of a request; one that says itself that it is too large is not read.

    Raises:
        ApiError: `empty_file` or `file_too_large`.
        ClientGoneError: The client hung up.
        StoreUnavailableError: It could not be written.
    """
    if _declared_size(scope) > limit:
        raise too_large(limit)
    placed = await blobs.keep(parts_of(receive), limit=limit)
    reached("server.file_placed")
    return placed


def uploaded(scope: Scope, kept: Kept) -> Uploaded:
    """Return what the headers of a request and its bytes say of a file."""
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name, value)
    filename = names.from_header(headers.get(b"x-filename", b""))
    mime_type = kinds.media_type(headers.get(b"content-type", b"")) or kept.sniffed
    return Uploaded(filename, mime_type, kept.size, kept.sha256, kept.shown_as)


async def parts_of(receive: Receive) -> AsyncIterator[bytes]:
    """Return the body of a request as it comes.

    Raises:
        ClientGoneError: The client hung up before its end.
    """
    is_more = True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        is_more = message.get("more_body", False)
        if part := message.get("body", b""):
            yield part


def _declared_size(scope: Scope) -> int:
    """Return what a request says of its own size, 0 if it says nothing."""
    declared = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(declared[0]) if declared and declared[0].isdigit() else 0
