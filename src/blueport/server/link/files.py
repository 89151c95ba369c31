"""Serves the door's streams: the files of outbox items, and those of messages. See `blueport.protocol.door`."""

from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import parse_qs

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope

from blueport.protocol.door import FileKept, Hold
from blueport.server.authorizing.limits import Limits
from blueport.server.blobs import kinds
from blueport.server.blobs.storage import Blobs, Stored
from blueport.server.errors import ApiError
from blueport.server.http import uploads
from blueport.server.http.answers import Answer, Stream
from blueport.server.http.reading import parts_of
from blueport.server.http.routing import route, visit_of
from blueport.server.link import service
from blueport.server.link.routes import said_by
from blueport.server.receiving.attachments import Brought
from blueport.server.store.interface import Store

# People send each other larger files than customers may.
ATTACHMENT_LIMIT = 2 * 1024 * 1024 * 1024
_CACHE_NOWHERE = (b"cache-control", b"no-store")


class FileDoor:
    """The part of the door through which files go."""

    def __init__(self, store: Store, limits: Limits, blobs: Blobs) -> None:
        self._store = store
        self._limits = limits
        self._blobs = blobs

    def routes(self) -> list[Route]:
        """Return a route for each call."""
        return [
            route("/daemon/v1/outbox/{id}/file", {"POST": self.fetch}),
            route("/daemon/v1/files", {"POST": self.bring}),
        ]

    async def fetch(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Stream the file of an item to the daemon that holds it; a voice message in the form that Messages takes."""
        unit = partial(service.held_file, outbox_id=scope["path_params"]["id"])
        visit = visit_of(scope)
        said = await said_by(receive, Hold, partial(self._store.read, service.admit, self._limits, visit))
        held = await self._store.read(service.admitted, self._limits, visit, unit, said)
        stored = Stored(held.storage_key, held.size)
        is_voice = held.kind == "audio"
        if is_voice:
            stored = await self._blobs.voice(stored)
        parts = await self._blobs.opened(stored.storage_key, 0, stored.size)
        content_type = (kinds.CAF if is_voice else held.mime_type).encode()
        return Answer(200, b"", (_CACHE_NOWHERE,), content_type, stream=Stream(stored.size, parts))

    async def bring(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Take the bytes of an attachment; those of one that has them are read and dropped."""
        visit, brought = visit_of(scope), _brought(scope)
        place = await self._store.read(service.admitted, self._limits, visit, service.place_of, brought)
        kept = None
        if place.file_id is not None:
            await _drop(parts_of(receive))
        else:
            kept = await uploads.kept(self._blobs, scope, receive, ATTACHMENT_LIMIT)
        try:
            filed = await self._store.write_holding(
                visit.secret, service.admitted, self._limits, visit, partial(service.file, kept=kept), brought
            )
        except ApiError:
            if kept is not None:
                await self._blobs.drop(kept.storage_key)
            raise
        if kept is not None and not filed.is_new:
            await self._blobs.drop(kept.storage_key)
        return Answer(200, msgspec.json.encode(FileKept(filed.id)))


def _brought(scope: Scope) -> Brought | ApiError:
    """Read which attachment it is, without NUL, as it was told. A refusal is kept until the token has been judged."""
    try:
        query = parse_qs(scope["query_string"].decode("ascii"), errors="strict")
    except ValueError:
        return ApiError("invalid_parameter_value", "The query string is not valid UTF-8.")
    given = [query.get(name, []) for name in ("line", "message", "attachment")]
    if not all(len(values) == 1 for values in given):
        return ApiError("missing_required_parameter", "Name one `line`, one `message` and one `attachment`.")
    return Brought(*(values[0].replace("\0", "") for values in given))


async def _drop(parts: AsyncIterator[bytes]) -> None:
    async for _ in parts:
        pass
