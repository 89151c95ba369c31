"""Endpoints that tell of a log: a page at once, a page as soon as there is one, or a stream (server-sent events).

All three are the same look at the log, from the place on where the one before ended. Nothing is kept here: what a
stream has not sent yet is in the log, and is read when its client has taken what came before. So a slow client costs no
memory, and one that was cut off goes on, at any process, behind the last event that it heard of.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any, Literal, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import Meta
from starlette.types import Receive

from blueport.logs.lines import logger, named
from blueport.server.authorizing.keys import Scope
from blueport.server.errors import ApiError, StoreUnavailableError
from blueport.server.http.answers import Answer, Header, Stream, with_request_id
from blueport.server.http.bells import LOOK_EVERY_S, POLL_S, TROUBLE_S, Bells
from blueport.server.http.bodies import query_of
from blueport.server.http.endpoint import Call, Endpoint, Request, Terms, admission, call_of, decoded_by, purpose_of
from blueport.server.http.problems import ClientGoneError, busy
from blueport.server.http.reading import hung_up
from blueport.server.ids import AccountId
from blueport.server.store.interface import Store
from blueport.server.store.tx import Tx

# Of one key: each holds a connection, and asks the database now and then.
AT_ONCE = 20
LONGEST_WAIT_S = 30
# How long a browser waits before it connects again.
RETRY_MS = 2000
STREAM = b"text/event-stream"

KEEP_ALIVE = b": keep-alive\n\n"
STREAM_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would collect what is to be heard at once
)

log = logger(__name__)


class Waiting(msgspec.Struct, frozen=True):
    """What can be asked of every log."""

    after: Annotated[
        str | None,
        Meta(
            description="Only what comes after this one: the `id` of an event, or a `next_cursor`.",
            examples=["evt_01k742sg000000000000000001"],
        ),
    ] = None
    wait_s: Annotated[
        int | None,
        Meta(
            description="If there is nothing, wait for so many seconds, and answer the moment there is: from 0, if"
            f" absent, to {LONGEST_WAIT_S}. A stream waits anyway.",
            examples=[0],
            extra_json_schema={"minimum": 0},
        ),
    ] = None


Start = Literal["oldest", "newest"]
Place = tuple[int, int]
Asked = TypeVar("Asked", bound=Waiting)


class Entry(Protocol):
    """One thing that happened."""

    @property
    def id(self) -> str:
        """Its id, behind which one may go on."""

    @property
    def event(self) -> str:
        """What kind of thing it is."""


class Stretch(Protocol):
    """A part of a log, the oldest first."""

    @property
    def data(self) -> Sequence[Entry]:
        """What happened."""

    @property
    def has_more(self) -> bool:
        """Whether more is there already."""

    @property
    def next_cursor(self) -> str | None:
        """The `after` with which to go on."""


class Looked(NamedTuple):
    """What a look found in an account's log, and from where the next one goes on.

    `ready_in_s` is in how many seconds the next entry may be ready to be told, None if it is not there yet.
    """

    account_id: AccountId
    told: Stretch
    place: Place
    ready_in_s: float | None = None


Look = Callable[[Tx, Call[Asked], Place | Start], Looked]


class View(msgspec.Struct, frozen=True):
    """A request that follows a log; *look* judges it anew each time. `is_new` is one that names no entry."""

    look: Callable[[Tx, Terms, Place | Start], Looked]
    request_id: str
    key_hash: str
    is_new: bool
    wait_s: float


class Followed(Endpoint, frozen=True, kw_only=True):
    """An endpoint that tells of a log; its request may bear the `Last-Event-ID` of a stream that was cut off."""

    view: Callable[[Request, list[bytes]], View]


def followed(route: str, scope: Scope, asked: type[Asked], answer: type[msgspec.Struct], look: Look[Asked]) -> Followed:
    """Make the endpoint for *route*, a GET; *look* goes on from a place, or finds where to begin."""
    admit = admission(scope)

    def view(request: Request, last_ids: list[bytes]) -> View:
        given = _given(request, asked, last_ids)

        def looked(tx: Tx, terms: Terms, place: Place | Start) -> Looked:
            key = admit(tx, terms, request.visit)
            if isinstance(given, ApiError):
                raise given
            return look(tx, call_of(request, key, terms, given), place)

        wanted = Waiting() if isinstance(given, ApiError) else given
        wait_s = min(wanted.wait_s or 0, LONGEST_WAIT_S)
        return View(looked, request.id, request.visit.key_hash or "", wanted.after is None, wait_s)

    path = route.removeprefix("GET ")
    purpose = purpose_of(look)
    return Followed(
        method="GET",
        path=path,
        scope=scope,
        asked=asked,
        answer=answer,
        status=200,
        purpose=purpose,
        admit=admit,
        view=view,
    )


def _given(request: Request, shape: type[Asked], last_ids: list[bytes]) -> Asked | ApiError:
    given = decoded_by(query_of, request, shape)
    if isinstance(given, ApiError):
        return given
    if given.wait_s is not None and given.wait_s < 0:
        return ApiError("invalid_parameter_value", "`wait_s` must be 0 or more.", param="wait_s")
    if last_ids:
        # It is newer than what the URL says, which stays the same however often a browser connects again.
        return msgspec.structs.replace(given, after=b", ".join(last_ids).decode("latin-1"))
    return given


def is_stream_wanted(accepted: list[bytes]) -> bool:
    """Tell whether a client that says what it accepts means a stream."""
    return any(STREAM in value.lower() for value in accepted)


class Following:
    """All who follow a log at one process, up to *limit* at a time; none is told nothing for *keep_alive_s*."""

    def __init__(self, store: Store, terms: Terms, *, limit: int, keep_alive_s: float) -> None:
        self._store = store
        self._terms = terms
        self._limit = limit
        self._keep_alive_s = keep_alive_s
        self._bells = Bells(store)
        self._followers: Counter[str] = Counter()
        self._is_closing = False

    @property
    def followers(self) -> int:
        """How many there are now."""
        return self._followers.total()

    def close(self) -> None:
        """Answer those who wait, and end all streams: their clients go on elsewhere."""
        self._is_closing = True
        self._bells.close()

    async def told(self, view: View, receive: Receive) -> Answer:
        """Answer with what there is; with nothing only once the client has waited long enough."""
        with self._one_more(view.key_hash):
            page = await self._awaited(view, receive)
        return Answer(200, with_request_id(msgspec.json.encode(page), view.request_id))

    async def streamed(self, view: View, receive: Receive, *, is_head: bool) -> Answer:
        """Answer with what there is, and with what comes, for as long as the client listens and its key is good."""
        with ExitStack() as held:
            held.enter_context(self._one_more(view.key_hash))
            first = await self._look(view, "newest")
            if is_head:
                return Answer(200, b"", STREAM_HEADERS, STREAM, stream=Stream(None, _nothing()))
            gone = held.enter_context(_watched(receive))
            held.enter_context(self._bells.followed(first.account_id))
            stream = Stream(None, self._parts(view, first, gone), held.pop_all().close)
        return Answer(200, b"", STREAM_HEADERS, STREAM, stream=stream)

    async def _awaited(self, view: View, receive: Receive) -> Stretch:
        first = await self._look(view, "oldest")
        if first.told.data or not view.wait_s or self._is_closing:
            return first.told
        with _watched(receive) as gone, self._bells.followed(first.account_id):
            return await self._next(view, first, gone)

    async def _next(self, view: View, looked: Looked, gone: asyncio.Future[None]) -> Stretch:
        until = _now_s() + view.wait_s
        while not gone.done():
            turn = self._turn(looked)
            looked = await self._look(view, looked.place)
            if looked.told.data or self._is_closing or _now_s() >= until:
                return looked.told
            await turn.over(looked, gone, until - _now_s())
        raise ClientGoneError

    async def _parts(self, view: View, looked: Looked, gone: asyncio.Future[None]) -> AsyncIterator[bytes]:
        yield _opening(looked.told.next_cursor if view.is_new else None) + _frames(looked.told)
        said_at = _now_s()
        while not (self._is_closing or gone.done()):
            turn = self._turn(looked)
            found = await self._look_again(view, looked)
            if found is None:
                return
            looked = found
            said = _frames(looked.told) or (KEEP_ALIVE if _now_s() - said_at >= self._keep_alive_s else b"")
            if said:
                yield said
                said_at = _now_s()
            if not looked.told.has_more:
                await turn.over(looked, gone, said_at + self._keep_alive_s - _now_s())

    def _turn(self, looked: Looked) -> "_Turn":
        bell, hint = self._bells.ticket(looked.account_id), self._store.wakeups.ticket("events")
        return _Turn(bell, hint, _now_s())

    async def _look(self, view: View, place: Place | Start) -> Looked:
        return await self._store.read(view.look, self._terms, place)

    async def _look_again(self, view: View, looked: Looked) -> Looked | None:
        """Look on; None if the key, or what it names, is not good any more.

        A database that is away for a while ends no stream: browsers do not come back after a refusal.
        """
        try:
            return await self._look(view, looked.place)
        except StoreUnavailableError as error:
            log.warning("stream_waits_for_database", **named(error))
            return looked._replace(told=_Nothing(), ready_in_s=TROUBLE_S)
        except ApiError:
            return None

    @contextmanager
    def _one_more(self, key_hash: str) -> Iterator[None]:
        """Count one for as long as the block lasts.

        Raises:
            ApiError: `rate_limit_exceeded` or `service_unavailable`.
        """
        if self._followers[key_hash] >= AT_ONCE:
            message = f"At most {AT_ONCE} requests under one key may follow events at a time."
            raise ApiError("rate_limit_exceeded", message, retry_after_s=round(POLL_S))
        if self.followers >= self._limit:
            raise busy()
        self._followers[key_hash] += 1
        try:
            yield
        finally:
            self._followers[key_hash] -= 1
            self._followers += Counter()  # drops who has none


class _Nothing(msgspec.Struct, frozen=True):
    """A stretch of a log in which nothing happened."""

    data: tuple[Entry, ...] = ()
    has_more: bool = False
    next_cursor: str | None = None


def _opening(last_id: str | None) -> bytes:
    """Begin a stream; with an id the client goes on from there even if it is cut off before anything happens."""
    return b"retry: %d\n%b\n" % (RETRY_MS, b"" if last_id is None else b"id: %b\n" % last_id.encode())


def _frames(told: Stretch) -> bytes:
    return b"".join(map(_frame, told.data))


def _frame(entry: Entry) -> bytes:
    # JSON as it is written here holds no end of a line.
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (entry.id.encode(), entry.event.encode(), msgspec.json.encode(entry))


async def _nothing() -> AsyncIterator[bytes]:
    """Bring no part of a body."""
    no_parts: tuple[bytes, ...] = ()
    for part in no_parts:
        yield part


@contextmanager
def _watched(receive: Receive) -> Iterator[asyncio.Future[None]]:
    """Return what is done once the client is gone."""
    gone = asyncio.ensure_future(hung_up(receive))
    try:
        yield gone
    finally:
        gone.cancel()


class _Turn(NamedTuple):
    """One look and the wait for the next: tickets that were taken before it, and when that was."""

    bell: asyncio.Event
    hint: asyncio.Event
    began_s: float

    async def over(self, looked: Looked, gone: asyncio.Future[None], timeout_s: float) -> None:
        """Wait until another look is worth it, or the client is gone, but not for longer; and never look too often.

        What is there but not ready may become so without anything new: when any hint is heard, or by itself.
        """
        is_any_ready = looked.ready_in_s is None
        worth_it: asyncio.Future[Any] = asyncio.ensure_future((self.bell if is_any_ready else self.hint).wait())
        wait_s = min(POLL_S if looked.ready_in_s is None else looked.ready_in_s, timeout_s)
        try:
            await asyncio.wait((worth_it, gone), timeout=max(wait_s, 0), return_when=asyncio.FIRST_COMPLETED)
        finally:
            worth_it.cancel()
        await asyncio.sleep(self.began_s + LOOK_EVERY_S - _now_s())


def _now_s() -> float:
    return asyncio.get_running_loop().time()
