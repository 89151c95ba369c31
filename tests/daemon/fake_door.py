"""A server of a few lines that a daemon can talk to: the door's protocol over real HTTP, with all it heard kept.

It is as strict as the real one about who may begin what, and in which order.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from aiohttp import web

from blueport.protocol.commands import SendText
from blueport.protocol.door import (
    Begin,
    Claim,
    Claimed,
    ClaimedItem,
    Failed,
    Held,
    Hello,
    Hold,
    Noted,
    Sightings,
    Welcome,
)
from blueport.protocol.sightings import MessageChanged, MessageSeen

TOKEN = "dt_a-token"
LEASE_S = 1
POLL_S = 0.01
RETRY_AFTER_S = 0.5

_Said = TypeVar("_Said", bound=msgspec.Struct)


class Work(msgspec.Struct):
    """An outbox item as the server has it."""

    id: str
    line: str
    command: SendText
    status: str = "pending"
    error: str | None = None
    attempts: int = 0
    token: str = ""
    journal: str = ""
    asked_at: int = 0
    begun: bool = False
    nonce: str = ""
    waits_until: float = 0

    @property
    def is_over(self) -> bool:
        return self.status in ("sent", "failed")


class FakeDoor:
    """What the server knows; `answers_with` set to a status has it answer nothing else."""

    def __init__(self) -> None:
        self.work: dict[str, Work] = {}
        self.hellos: list[Hello] = []
        self.messages: list[MessageSeen] = []
        self.changes: list[MessageChanged] = []
        self.refuses: Callable[[MessageSeen | MessageChanged], bool] = lambda _: False
        self.answers_with: int | None = None
        self.max_attempts = 5
        self._numbers = itertools.count(1)
        self.loses_answers: set[str] = set()
        self.knocks: Counter[str] = Counter()
        self.hears_failures = asyncio.Event()
        self.hears_failures.set()
        self.hears_sightings = asyncio.Event()
        self.hears_sightings.set()
        self.grant_takes_s = 0.0
        self.token = TOKEN
        self.lines = {"+15550100000"}
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def accept(self, line: str, recipient: str | None, text: str, **fields: object) -> Work:
        """Take on a text to be sent."""
        guids = fields.pop("chat_guids", ())
        command = msgspec.convert({"recipient": recipient, "chat_guids": guids, "text": text, **fields}, SendText)
        work = Work(f"obx_{len(self.work) + 1}", line, command)
        self.work[work.id] = work
        return work

    def received(self) -> list[str | None]:
        """Return the texts of the messages that are news and not ours."""
        return [seen.text for seen in self.messages if seen.announce and not seen.is_from_me]

    def sent(self) -> list[str | None]:
        """Return the texts of the messages that are news and ours."""
        return [seen.text for seen in self.messages if seen.announce and seen.is_from_me]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen, on the same port as before if there was one."""
        app = web.Application(middlewares=[self._guard])
        for path in ("hello", "claim", "sightings"):
            app.router.add_post(f"/daemon/v1/{path}", getattr(self, f"_{path}"))
        for path in ("renew", "begin", "failed"):
            app.router.add_post(f"/daemon/v1/outbox/{{id}}/{path}", getattr(self, f"_{path}"))
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
        path = request.path.rpartition("/")[2]
        self.knocks[path] += 1
        if request.headers["Authorization"] != f"Bearer {self.token}":
            return _refusal(401, "invalid_api_key")
        if self.answers_with is not None:
            return web.Response(status=self.answers_with)
        answer = await handler(request)
        if path in self.loses_answers:
            self.loses_answers.remove(path)
            return web.Response(status=502)
        return answer

    async def _hello(self, request: web.Request) -> web.Response:
        hello = await _said(request, Hello)
        if not {line.handle for line in hello.lines} <= self.lines:
            return _refusal(403, "line_not_accessible")
        self.hellos.append(hello)
        return _answer(Welcome(LEASE_S))

    async def _claim(self, request: web.Request) -> web.Response:
        asked = await _said(request, Claim)
        for _ in range(int(min(asked.wait_s, 5) / POLL_S)):
            items = self._offered(asked)
            if items or self.answers_with is not None:
                break
            await asyncio.sleep(POLL_S)
        return _answer(Claimed(tuple(items)))

    def _offered(self, asked: Claim) -> list[ClaimedItem]:
        offered = []
        waiting_lines = set()
        for work in self.work.values():
            lost = self._is_lost(work, asked)
            if work.status == "pending" and work.waits_until > time.monotonic():
                waiting_lines.add(work.line)
            if lost and work.begun:
                work.status, work.error = "failed", "outcome_unknown"
            elif work.line in waiting_lines or len(offered) == asked.limit:
                continue
            elif work.status == "pending" or lost:
                work.attempts += work.status == "pending"
                work.status, work.journal, work.asked_at = "claimed", asked.journal, asked.asked_at
                work.token = f"{work.id}-{next(self._numbers)}"
                offered.append(ClaimedItem(work.id, work.token, work.line, work.attempts, work.command))
        return offered

    def _is_lost(self, work: Work, asked: Claim) -> bool:
        is_theirs = work.status == "claimed" and work.journal == asked.journal and work.asked_at < asked.asked_at
        return is_theirs and work.id not in asked.holding

    async def _renew(self, request: web.Request) -> web.Response:
        return _answer(Held(self._held(request, (await _said(request, Hold)).token) is not None))

    async def _begin(self, request: web.Request) -> web.Response:
        said = await _said(request, Begin)
        work = self._held(request, said.token)
        is_granted = work is not None and self._is_next(work) and work.nonce in ("", said.nonce, said.after)
        if work is not None and is_granted:
            work.begun, work.nonce = True, said.nonce
        await asyncio.sleep(self.grant_takes_s)
        return _answer(Held(is_granted))

    def _is_next(self, work: Work) -> bool:
        """Say whether no earlier item of the line is neither begun nor over."""
        line = [other for other in self.work.values() if other.line == work.line]
        return all(earlier.begun or earlier.is_over for earlier in line[: line.index(work)])

    async def _failed(self, request: web.Request) -> web.Response:
        failed = await _said(request, Failed)
        await self.hears_failures.wait()
        work = self._held(request, failed.token)
        if work is not None:
            work.error = failed.error
            is_over = failed.permanent or work.attempts >= self.max_attempts
            work.status, work.begun, work.nonce = "failed" if is_over else "pending", False, ""
            work.waits_until = time.monotonic() + RETRY_AFTER_S
        return _answer(Held(work is not None))

    async def _sightings(self, request: web.Request) -> web.Response:
        told = await _said(request, Sightings)
        await self.hears_sightings.wait()
        if any(self.refuses(sighting) for sighting in told.seen):
            return _refusal(400, "invalid_parameter_value")
        for sighting in told.seen:
            self._note(sighting)
        return _answer(Noted(len(told.seen)))

    def _note(self, sighting: MessageSeen | MessageChanged) -> None:
        if isinstance(sighting, MessageChanged):
            self.changes.append(sighting)
            return
        known = next((seen for seen in self.messages if seen.guid == sighting.guid), None)
        if known is not None and sighting.is_from_me and not known.is_from_me:
            self.messages.remove(known)
            known = None
        if known is None:
            self.messages.append(sighting)
        if sighting.proves is not None and self.work[sighting.proves.outbox_id].token == sighting.proves.token:
            self.work[sighting.proves.outbox_id].status = "sent"

    def _held(self, request: web.Request, token: str) -> Work | None:
        work = self.work[request.match_info["id"]]
        return work if work.status == "claimed" and work.token == token else None


async def _said(request: web.Request, kind: type[_Said]) -> _Said:
    return msgspec.json.decode(await request.read(), type=kind)


def _answer(said: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(said), content_type="application/json")


def _refusal(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code}}, status=status)
