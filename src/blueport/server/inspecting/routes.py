"""What happened in a conversation, for who shows the token: /inspect/conversation at once, /inspect/changes on and on.

A stream tells whole entries, each when it is new and whenever it has become another.
"""

import secrets
from urllib.parse import parse_qsl

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope

from blueport.server.authorizing import keys
from blueport.server.authorizing import service as authorizing
from blueport.server.errors import ApiError
from blueport.server.http.answers import Answer, with_request_id
from blueport.server.http.endpoint import Terms
from blueport.server.http.following import STREAM, STREAM_HEADERS
from blueport.server.http.recording import Recording
from blueport.server.http.routing import origin_of, route, visit_of
from blueport.server.http.watching import Look, Watching
from blueport.server.inspecting import service
from blueport.server.inspecting.schema import Entry, Happened
from blueport.server.inspecting.service import Asked
from blueport.server.store.interface import Store

CONVERSATION, CHANGES = "/inspect/conversation", "/inspect/changes"
LOOK_EVERY_S = 0.25


class Inspector:
    """What one server tells of conversations: nothing without a *token*. Its requests are kept in *recording*."""

    def __init__(self, store: Store, terms: Terms, token: str | None, recording: Recording | None) -> None:
        self._store = store
        self._terms = terms
        self._token = (token or "").encode()
        self._recording = recording
        self._watching = Watching(LOOK_EVERY_S)

    def routes(self) -> list[Route]:
        """Return both paths, if there is a token."""
        if not self._token:
            return []
        return [route(CONVERSATION, {"GET": self.tell}), route(CHANGES, {"GET": self.follow})]

    def close(self) -> None:
        """End all streams."""
        self._watching.close()

    async def tell(self, scope: Scope, _receive: Receive, request_id: str) -> Answer:
        """Tell what happened, the newest first."""
        happened = await self._look(self._asked(scope))
        return Answer(200, with_request_id(msgspec.json.encode(happened), request_id))

    async def follow(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Tell what happened, and what happens from now on."""
        asked = self._asked(scope)
        if scope["method"] == "HEAD":
            return Answer(200, b"", STREAM_HEADERS, STREAM)
        return Answer(200, b"", STREAM_HEADERS, STREAM, stream=self._watching.stream(self._looking(asked), receive))

    def _looking(self, asked: Asked) -> Look:
        """Return what tells all at first, even that it is nothing, and then what is new."""
        told: dict[str, bytes] | None = None

        async def look() -> bytes:
            nonlocal told
            happened = await self._look(asked)
            is_first, told = told is None, {} if told is None else told
            news = _news(happened, told)
            return _frame(news) if news or is_first else b""

        return look

    async def _look(self, asked: Asked) -> Happened:
        requests = [] if self._recording is None else self._recording.latest()
        return await self._store.read(service.happened, asked, requests)

    def _asked(self, scope: Scope) -> Asked:
        """Return what is asked, by who may.

        Raises:
            ApiError: They may not, or it is not said of which conversation.
        """
        self._admit(scope)
        query = dict(parse_qsl(scope["query_string"].decode("utf-8", "replace")))
        place = service.place_of(_required(query, "line"), _required(query, "with"), region=self._terms.region)
        return Asked(place, self._terms.region, self._terms.links.seen_from(origin_of(scope)))

    def _admit(self, scope: Scope) -> None:
        visit = visit_of(scope)
        if not visit.authorization:
            raise ApiError("missing_api_key", "Send the inspecting token as `Authorization: Bearer ...`.")
        given = keys.bearer(visit.authorization)
        if given is None or not secrets.compare_digest(given.encode(), self._token):
            told = ApiError("invalid_api_key", "This is not the inspecting token.")
            raise authorizing.wrong_secret(self._terms.limits, visit.address, self._store.now_ms(), told)


def _required(query: dict[str, str], name: str) -> str:
    if not query.get(name):
        raise ApiError("missing_required_parameter", f"`{name}` is required.", param=name)
    return query[name]


def _news(happened: Happened, told: dict[str, bytes]) -> list[Entry]:
    """Return what was not *told* yet, or otherwise, and take note that it is."""
    news = []
    for entry in happened.entries:
        encoded = msgspec.json.encode(entry)
        if told.get(entry.id) != encoded:
            told[entry.id] = encoded
            news.append(entry)
    return news


def _frame(entries: list[Entry]) -> bytes:
    # JSON of ours holds no end of a line; of what is told as it came, one is as good as a space.
    return b"event: entries\ndata: %b\n\n" % msgspec.json.encode(entries).replace(b"\r", b" ").replace(b"\n", b" ")
