"""Serves the door: see `blueport.protocol.door`."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, NamedTuple, TypeVar

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope

from blueport import __version__
from blueport.logs.lines import logger
from blueport.protocol.door import (
    VERSION_HEADER,
    Begin,
    Claim,
    ClaimSignals,
    Failed,
    Hello,
    Hold,
    Pair,
    Sightings,
)
from blueport.server.auditing.service import SYSTEM, Actor
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.limits import Limits
from blueport.server.authorizing.queries import DaemonRow
from blueport.server.errors import ApiError
from blueport.server.http.answers import Answer
from blueport.server.http.problems import ClientGoneError
from blueport.server.http.reading import body_within_limit, hung_up
from blueport.server.http.routing import route, visit_of
from blueport.server.link import service
from blueport.server.link.service import Found, Work
from blueport.server.store.interface import Store
from blueport.server.store.tx import Topic, Tx
from blueport.server.store.wakeups import waited

_VERSION = (VERSION_HEADER.lower().encode(), __version__.encode())
LONG_POLLS = ("/daemon/v1/claim", "/daemon/v1/signals")
# A hint may be lost, and an item may fall due without one.
POLL_S = 1.0
LONGEST_WAIT_S = 30.0
# More than the largest message that chat.db can show, with every character escaped.
SIGHTINGS_LIMIT = 16 * 1024 * 1024
# As JSON writes it, and not behind a backslash that is one.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")

log = logger(__name__)

Said = TypeVar("Said", bound=msgspec.Struct)
Result = TypeVar("Result")
Asked = TypeVar("Asked", Claim, ClaimSignals)


class _Waiting(NamedTuple, Generic[Asked, Work]):
    """What a daemon waits for: a hint on *topic* that *unit* may find something."""

    topic: Topic
    shape: type[Asked]
    unit: Callable[[Tx, DaemonRow, Asked], Found[Work]]


class Door:
    """The daemon's door of one server."""

    def __init__(self, store: Store, limits: Limits, *, lease_s: int, region: str) -> None:
        self._store = store
        self._limits = limits
        self._lease_s = lease_s
        self._region = region
        self._is_closing = False

    def routes(self) -> list[Route]:
        """Return a route for each call."""
        calls = {
            "pair": self.pair,
            "hello": self.hello,
            "claim": self.claim,
            "sightings": self.sightings,
            "outbox/{id}/renew": self.renew,
            "outbox/{id}/begin": self.begin,
            "outbox/{id}/failed": self.failed,
            "signals": self.signals,
            "signals/{id}/done": self.signal_done,
            "signals/{id}/failed": self.signal_failed,
        }
        return [route(f"/daemon/v1/{path}", {"POST": call}) for path, call in calls.items()]

    def close(self) -> None:
        """Let those go who wait for work."""
        self._is_closing = True
        self._store.wakeups.wake(["outbox", "signals"])

    async def pair(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        """Let a Mac in that names a code; what is wrong with a code is told to nobody."""
        visit = visit_of(scope)
        said = await said_by(receive, Pair, _refuse_at_length)
        if isinstance(said, ApiError):
            raise said
        paired = None
        if await self._store.read(service.may_be_paired, said):
            by = Actor(SYSTEM.name, request_id, visit.address)
            paired = await self._store.write_holding("pairing", service.pair, said, by)
        if paired is None:
            wrong = ApiError("invalid_api_key", "This code is wrong, was used, or is too old.")
            raise authorizing.wrong_secret(self._limits, visit.address, self._store.now_ms(), wrong)
        return _answer(paired)

    async def hello(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Take note of a daemon."""
        greeted = await self._result(scope, receive, Hello, partial(service.greet, lease_s=self._lease_s))
        log.info("daemon_said_hello", daemon_id=greeted.daemon_id)
        return _answer(greeted.welcome)

    async def claim(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Answer the moment there is work, or with none once the daemon has waited long enough."""
        unit = partial(service.claim, lease_s=self._lease_s)
        return await self._first(scope, receive, _Waiting("outbox", Claim, unit))

    async def signals(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Answer the moment there are signals, or with none once the daemon has waited long enough."""
        return await self._first(scope, receive, _Waiting("signals", ClaimSignals, service.claim_signals))

    async def signal_done(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Take the word that a signal was done."""
        unit = partial(service.end_signal, signal_id=scope["path_params"]["id"])
        return await self._done(scope, receive, Hold, unit)

    async def signal_failed(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Take the word that a signal was not done."""
        unit = partial(service.fail_signal, signal_id=scope["path_params"]["id"])
        return await self._done(scope, receive, Failed, unit)

    async def _first(self, scope: Scope, receive: Receive, waiting: _Waiting[Asked, Work]) -> Answer:
        """Ask again and again until there is work, the daemon has waited long enough, or is gone."""
        visit = visit_of(scope)
        asked = await said_by(receive, waiting.shape, partial(self._store.read, service.admit, self._limits, visit))
        until = _now_s() + (0 if isinstance(asked, ApiError) else min(asked.wait_s, LONGEST_WAIT_S))
        gone = asyncio.ensure_future(hung_up(receive))
        try:
            while not gone.done():
                ticket = self._store.wakeups.ticket(waiting.topic)
                # Never cut short: what a claim has leased must reach who asked.
                found = await self._store.write_holding(
                    visit.secret, service.admitted, self._limits, visit, waiting.unit, asked
                )
                for line_id in found.fused:
                    log.warning("line_sends_too_much", line_id=line_id)
                if found.is_any or self._is_closing or _now_s() >= until:
                    return _answer(found.work)
                more_s = POLL_S if found.wait_ms is None else found.wait_ms / 1000
                await waited(ticket, min(POLL_S, more_s, until - _now_s()))
        finally:
            gone.cancel()
        raise ClientGoneError

    async def renew(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Keep a claim."""
        unit = partial(service.renew, outbox_id=scope["path_params"]["id"], lease_s=self._lease_s)
        return await self._done(scope, receive, Hold, unit)

    async def begin(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Grant a hand-over."""
        unit = partial(service.begin, outbox_id=scope["path_params"]["id"], lease_s=self._lease_s)
        return await self._done(scope, receive, Begin, unit)

    async def failed(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Take the word that an item was not sent."""
        return await self._done(scope, receive, Failed, partial(service.fail, outbox_id=scope["path_params"]["id"]))

    async def sightings(self, scope: Scope, receive: Receive, _request_id: str) -> Answer:
        """Keep what was seen."""
        return await self._done(scope, receive, Sightings, partial(service.note, region=self._region))

    async def _done(
        self, scope: Scope, receive: Receive, shape: type[Said], unit: Callable[[Tx, DaemonRow, Said], msgspec.Struct]
    ) -> Answer:
        return _answer(await self._result(scope, receive, shape, unit))

    async def _result(
        self, scope: Scope, receive: Receive, shape: type[Said], unit: Callable[[Tx, DaemonRow, Said], Result]
    ) -> Result:
        visit = visit_of(scope)
        said = await said_by(receive, shape, partial(self._store.read, service.admit, self._limits, visit))
        return await self._store.write_holding(visit.secret, service.admitted, self._limits, visit, unit, said)


async def said_by(receive: Receive, shape: type[Said], admit: Callable[[], Awaitable[object]]) -> Said | ApiError:
    """Decode what a daemon says, without NUL: nobody writes it, and PostgreSQL keeps none.

    A refusal is kept until its token has been judged.

    Raises:
        ApiError: As *admit*, which is asked before much is read.
        ClientGoneError: The daemon hung up.
    """
    body = await body_within_limit(receive, admit, SIGHTINGS_LIMIT)
    if isinstance(body, ApiError):
        return body
    try:
        return msgspec.json.decode(_NUL.sub(rb"\1", body) if rb"\u0000" in body else body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return ApiError("invalid_json", str(error))


async def _refuse_at_length() -> None:
    raise ApiError("request_too_large", "To pair takes a short word, said at once.")


def _answer(said: msgspec.Struct) -> Answer:
    return Answer(200, msgspec.json.encode(said), (_VERSION,))


def _now_s() -> float:
    return asyncio.get_running_loop().time()
