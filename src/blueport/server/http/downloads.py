"""`/files/{id}`: the bytes of a file, for whoever holds a link to it that we signed.

What is fetched here comes from strangers: it is shown only if its first bytes prove it a picture, a sound or a film,
and never with a power over this origin.
"""

import re
from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.routing import Route
from starlette.types import Receive, Scope

from blueport.server.blobs import kinds, names, queries
from blueport.server.blobs.links import Links
from blueport.server.blobs.queries import FileRow
from blueport.server.blobs.storage import Blobs
from blueport.server.errors import ApiError
from blueport.server.http.answers import NO_REFERRER, Answer, Header, Stream, refusal
from blueport.server.http.routing import header_values, route
from blueport.server.ids import FileId
from blueport.server.store.interface import Store
from blueport.server.store.tx import Tx

_RANGE = re.compile(rb"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE)
_ALWAYS: tuple[Header, ...] = (
    (b"accept-ranges", b"bytes"),
    (b"cache-control", b"private, max-age=3600"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    NO_REFERRER,
)


class _Span(NamedTuple):
    """Bytes from *start* up to *end*; *is_part* if a range was asked for."""

    start: int
    end: int
    is_part: bool


class Downloads:
    """What leads from a link to bytes."""

    def __init__(self, store: Store, blobs: Blobs, links: Links) -> None:
        self._store = store
        self._blobs = blobs
        self._links = links

    def routes(self) -> list[Route]:
        """Return the route of all files."""
        return [route("/files/{file_id}", {"GET": self.fetch})]

    async def fetch(self, scope: Scope, _receive: Receive, request_id: str) -> Answer:
        """Stream a file, or the part of it that is asked for."""
        row = await self._store.read(_linked, self._links, FileId(scope["path_params"]["file_id"]), _query(scope))
        etag = f'"{row.sha256}"'.encode()
        span = _span(scope, row.size, etag)
        if span is None:
            error = ApiError("range_not_satisfiable", f"The file has {row.size} bytes.")
            return refusal(error, request_id, (b"content-range", b"bytes */%d" % row.size))
        is_head = scope["method"] == "HEAD"
        parts = _nothing() if is_head else await self._blobs.opened(row.storage_key, span.start, span.end)
        content_type, headers = _described(row, span, etag)
        stream = Stream(span.end - span.start, parts)
        return Answer(206 if span.is_part else 200, b"", headers, content_type, stream=stream)


def _linked(tx: Tx, links: Links, file_id: FileId, query: dict[str, str]) -> FileRow:
    """Return the file that a link leads to; what is wrong with one that leads nowhere is not told."""
    is_valid = links.is_valid(file_id, query.get("expires", ""), query.get("signature", ""), tx.now_ms)
    row = queries.linked_file(tx, file_id) if is_valid else None
    if row is None:
        raise ApiError("file_not_found", "This link leads to no file, or no longer.")
    return row


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1")))


def _described(row: FileRow, span: _Span, etag: bytes) -> tuple[bytes, tuple[Header, ...]]:
    headers = [*_ALWAYS, (b"etag", etag)]
    headers.append((b"content-disposition", names.disposition(row.filename, is_shown=row.shown_as is not None)))
    if span.is_part:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (span.start, span.end - 1, row.size)))
    return (row.shown_as or kinds.OCTETS).encode(), tuple(headers)


def _span(scope: Scope, size: int, etag: bytes) -> _Span | None:
    """Return what of the file is asked for, None if it has no such part; any other range than one is not obeyed."""
    whole = _Span(0, size, is_part=False)
    ranges, conditions = header_values(scope, b"range"), header_values(scope, b"if-range")
    asked = _RANGE.fullmatch(ranges[0]) if len(ranges) == 1 else None
    if asked is None or asked[0].strip().endswith(b"=-") or (conditions and conditions != [etag]):
        return whole
    first, last = asked.groups()
    start, end = (int(first), int(last or size) + 1) if first else (max(size - int(last), 0), size)
    if first and last and int(last) < int(first):
        return whole
    return _Span(start, min(end, size), is_part=True) if start < size else None


async def _nothing() -> AsyncIterator[bytes]:
    """Bring no part of a body."""
    no_parts: tuple[bytes, ...] = ()
    for part in no_parts:
        yield part
