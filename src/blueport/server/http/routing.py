"""Finds the endpoint for a request, reads the request, and has it answered."""

import functools
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import msgspec
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Visit
from blueport.server.blobs.storage import Blobs
from blueport.server.errors import ApiError
from blueport.server.http import uploads
from blueport.server.http.answers import NO_REFERRER, PREFLIGHT, Answer, refusal, with_request_id
from blueport.server.http.endpoint import Endpoint, Plain, Prepared, Request, Terms
from blueport.server.http.following import Followed, Following, is_stream_wanted
from blueport.server.http.problems import Answered, Answering, ClientGoneError, answer_to, nowhere
from blueport.server.http.reading import body_at_hand, body_within_limit
from blueport.server.http.recording import Recording
from blueport.server.http.repeating import Done, Underway
from blueport.server.store.interface import Store

_REPLAYED = (b"idempotent-replayed", b"true")
# Nobody can have us write down what is no host, as where to fetch a file.
_HOST = re.compile(rb"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class _Arrival(msgspec.Struct, frozen=True):
    """A request of which no more than the head was read."""

    id: str
    visit: Visit
    scope: Scope
    receive: Receive

    def request(self, given: bytes | ApiError, storage_key: str = "") -> Request:
        """Return it with what is *given* in it."""
        idempotency = header_values(self.scope, b"idempotency-key")
        return Request(self.id, self.visit, idempotency, given, origin_of(self.scope), storage_key)


_Way = Callable[[_Arrival], Awaitable[Answer]]


class Api:
    """All endpoints of one server, on one store; what they are asked is kept in *recording*, if there is one."""

    def __init__(
        self, store: Store, terms: Terms, blobs: Blobs, following: Following, recording: Recording | None = None
    ) -> None:
        self._store = store
        self._following = following
        self._recording = recording
        self._blobs = blobs
        self._terms = terms
        self._underway = Underway(store)
        self._uploading = uploads.Uploading()

    def routes(self, endpoints: Iterable[Endpoint]) -> list[Route]:
        """Return a route for each path of *endpoints*."""
        by_path: dict[str, dict[str, Answering]] = {}
        for endpoint in endpoints:
            way = functools.partial(self._answered, self._way(endpoint))
            by_path.setdefault(endpoint.path, {})[endpoint.method] = way
        return [route(path, answering) for path, answering in by_path.items()]

    def _way(self, endpoint: Endpoint) -> _Way:
        match endpoint:
            case Plain(is_upload=True):
                return functools.partial(self._upload, endpoint)
            case Plain(method="GET"):
                return functools.partial(self._read, endpoint)
            case Plain():
                return functools.partial(self._write, endpoint)
            case Followed():
                return functools.partial(self._follow, endpoint)
            case _:
                raise TypeError(endpoint)

    async def close(self) -> None:
        """End what is left to be done once all requests are answered."""
        await self._underway.close()

    async def _answered(self, way: _Way, scope: Scope, receive: Receive, request_id: str) -> Answer:
        visit = visit_of(scope)
        try:
            authorizing.key_hash(self._terms.limits, visit, self._store.now_ms())
            answer = await way(_Arrival(request_id, visit, scope, receive))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered, and what is ours is logged
            answer = answer_to(error, request_id)
        answer.standing = visit.standing
        return answer

    async def _read(self, endpoint: Plain, arrival: _Arrival) -> Answer:
        prepared = endpoint.prepared(arrival.request(arrival.scope["query_string"]))
        return _answer(endpoint, await self._store.read(prepared.unit, self._terms, self._underway))

    async def _write(self, endpoint: Plain, arrival: _Arrival) -> Answer:
        given = body_at_hand(arrival.receive)
        if given is None:
            admit = functools.partial(self._store.read, endpoint.admit, self._terms, arrival.visit)
            given = await body_within_limit(arrival.receive, admit)
        if self._recording is not None:
            self._recording.hear(arrival.scope, given)
        prepared = endpoint.prepared(arrival.request(given))
        if prepared.is_refused:
            return _answer(endpoint, await self._store.read(prepared.unit, self._terms, self._underway))
        return _answer(endpoint, *await self._written(prepared, arrival))

    async def _upload(self, endpoint: Plain, arrival: _Arrival) -> Answer:
        """Let a file in only from who may bring one, and tell of it only once all its bytes are on the disk."""
        key = await self._store.read(endpoint.admit, self._terms, arrival.visit)
        with self._uploading.one_more(key.account_id):
            kept = await uploads.kept(self._blobs, arrival.scope, arrival.receive)
        given = msgspec.json.encode(uploads.uploaded(arrival.scope, kept))
        if self._recording is not None:
            self._recording.hear(arrival.scope, given)
        try:
            prepared = endpoint.prepared(arrival.request(given, kept.storage_key))
            done, is_sent = await self._written(prepared, arrival)
        except (ApiError, ClientGoneError):
            await self._blobs.drop(kept.storage_key)
            raise
        if done.is_replayed:
            await self._blobs.drop(kept.storage_key)
        return _answer(endpoint, done, is_sent)

    async def _follow(self, endpoint: Followed, arrival: _Arrival) -> Answer:
        scope = arrival.scope
        view = endpoint.view(arrival.request(scope["query_string"]), header_values(scope, b"last-event-id"))
        if is_stream_wanted(header_values(scope, b"accept")):
            return await self._following.streamed(view, arrival.receive, is_head=scope["method"] == "HEAD")
        return await self._following.told(view, arrival.receive)

    def _written(self, prepared: Prepared, arrival: _Arrival) -> Awaitable[tuple[Done, Callable[[], None]]]:
        work = functools.partial(self._store.write_holding, prepared.name, prepared.unit, self._terms, self._underway)
        return self._underway.done(arrival.id, arrival.receive, work)


class _Methods:
    """What answers on one path, by method; who answers GET answers HEAD too."""

    def __init__(self, answering: Mapping[str, Answering]) -> None:
        self._answering = {**answering, "OPTIONS": _preflight}
        heads = ["HEAD"] if "GET" in answering else []
        self._allowed = ", ".join([*answering, *heads, "OPTIONS"])

    def answer(self, scope: Scope, receive: Receive, request_id: str) -> Awaitable[Answer]:
        """Answer a request to this path."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return self._answering.get(method, self._refuse)(scope, receive, request_id)

    async def _refuse(self, _scope: Scope, _receive: Receive, request_id: str) -> Answer:
        error = ApiError("method_not_allowed", f"This path takes {self._allowed}.")
        return refusal(error, request_id, (b"allow", self._allowed.encode()))


def route(path: str, answering: Mapping[str, Answering]) -> Route:
    """Return the route of *path*, answered by method."""
    return Route(path, Answered(_Methods(answering).answer, path))


class Paths:
    """The ASGI app of all routes: a path without parameters is looked up, where Starlette tries one after the other.

    What is asked and answered is kept in *recording*, if there is one.
    """

    def __init__(self, routes: Sequence[Route], lifespan: Lifespan[Router], recording: Recording | None = None) -> None:
        self._plain: dict[str, ASGIApp] = {route.path: route.app for route in routes if not route.param_convertors}
        others = [route for route in routes if route.param_convertors]
        elsewhere = Answered(_otherwise)
        self._others = Router(others, redirect_slashes=False, default=elsewhere, lifespan=lifespan)
        self._apps = [*(route.app for route in routes), elsewhere]
        for answered in self.answered:
            answered.recording = recording

    @property
    def answered(self) -> list[Answered]:
        """Return what answers on each path, and on all others."""
        return [app for app in self._apps if isinstance(app, Answered)]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        return self._plain.get(scope.get("path", ""), self._others)(scope, receive, send)


async def _otherwise(scope: Scope, receive: Receive, request_id: str) -> Answer:
    """Answer a request to a path that is none of ours."""
    answering = _preflight if scope["method"] == "OPTIONS" else nowhere
    return await answering(scope, receive, request_id)


def _answer(endpoint: Endpoint, done: Done, is_sent: Callable[[], None] | None = None) -> Answer:
    replayed = (_REPLAYED,) if done.is_replayed else ()
    location = () if done.location is None else ((b"location", done.location.encode()), NO_REFERRER)
    return Answer(endpoint.status, done.body, replayed + location, is_sent=is_sent)


def origin_of(scope: Scope) -> str | None:
    """Return scheme and host by which we were called, None if there is no host that could be one."""
    hosts = header_values(scope, b"host")
    return _origin(scope["scheme"], hosts[0]) if len(hosts) == 1 else None


@functools.lru_cache(maxsize=256)
def _origin(scheme: str, host: bytes) -> str | None:
    return f"{scheme}://{host.decode('ascii')}" if _HOST.fullmatch(host) else None


async def _preflight(_scope: Scope, _receive: Receive, request_id: str) -> Answer:
    return Answer(200, with_request_id(b"{}", request_id), tuple(PREFLIGHT))


def visit_of(scope: Scope) -> Visit:
    """Return who asks, as far as the request itself tells."""
    address, _ = scope["client"] or ("", 0)
    return Visit(header_values(scope, b"authorization"), address)


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Return the values of all headers of that name, which is lower case."""
    return [value for given, value in scope["headers"] if given == name]


def wants_a_page(scope: Scope) -> bool:
    """Tell whether a browser asks, for somebody to read what is answered; programs take what there is."""
    return any(b"text/html" in each.lower() for each in header_values(scope, b"accept"))
