"""Requests whose body is a file: read as it comes, never held in memory."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from starlette.types import Receive, Scope

from blueport.failpoints import reached
from blueport.server.blobs import kinds, names
from blueport.server.blobs.storage import Blobs, Kept, too_large
from blueport.server.errors import ApiError
from blueport.server.http.reading import longest_s, parts_of, too_slow
from blueport.server.ids import AccountId

FILE_LIMIT = 100 * 1024 * 1024
# Of one account: uploads are slow, and who has many of them must leave some places to the others.
AT_ONCE = 32


class Uploaded(msgspec.Struct, frozen=True):
    """A file that was brought: its name, its kind, and what its bytes are known by.

    `shown_as` is the media type as which a browser may show it, None if it must save it.
    """

    filename: str | None
    mime_type: str
    size: int
    sha256: str
    shown_as: str | None


class Uploading:
    """How many uploads each account has underway."""

    def __init__(self) -> None:
        self._uploads: Counter[AccountId] = Counter()

    @contextmanager
    def one_more(self, account_id: AccountId) -> Iterator[None]:
        """Count one for as long as the block lasts.

        Raises:
            ApiError: `rate_limit_exceeded`.
        """
        if self._uploads[account_id] >= AT_ONCE:
            raise ApiError("rate_limit_exceeded", f"Upload at most {AT_ONCE} files at a time.", retry_after_s=1)
        self._uploads[account_id] += 1
        try:
            yield
        finally:
            self._uploads[account_id] -= 1
            self._uploads += Counter()  # drops who has none


async def kept(blobs: Blobs, scope: Scope, receive: Receive, limit: int = FILE_LIMIT) -> Kept:
    """Store the body of a request; one that says itself that it is too large is not read.

    Raises:
        ApiError: `empty_file`, `file_too_large` or `request_timeout`.
        ClientGoneError: The client hung up.
        StoreUnavailableError: It could not be written.
    """
    if _declared_size(scope) > limit:
        raise too_large(limit)
    try:
        async with asyncio.timeout(longest_s(limit)):
            placed = await blobs.keep(parts_of(receive), limit=limit)
    except TimeoutError:
        raise too_slow() from None
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


def _declared_size(scope: Scope) -> int:
    """Return what a request says of its own size, 0 if it says nothing."""
    declared = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(declared[0]) if declared and declared[0].isdigit() else 0
