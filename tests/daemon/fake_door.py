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

from blueport.protocol.commands import Command, FileToSend, SendFile, SendText, Signal
from blueport.protocol.door import (
    Begin,
    Claim,
    Claimed,
    ClaimedItem,
    ClaimedSignal,
    ClaimedSignals,
    ClaimSignals,
    Failed,
    FileKept,
    Held,
    Hello,
    Hold,
    Noted,
    Sightings,
    Welcome,
)
from blueport.protocol.sightings import (
    GroupChanged,
    MessageChanged,
    MessageReached,
    MessageSeen,
    ReactionSeen,
    ReceiptSeen,
    Sighting,
    TypingSeen,
)

TOKEN = "dt_a-token"
NOBODY = "+15550109999"  # what this one says is kept apart, and shows how far a daemon has come
LEASE_S = 1
POLL_S = 0.01
RETRY_AFTER_S = 0.5

_Said = TypeVar("_Said", bound=msgspec.Struct)


class Work(msgspec.Struct):
    """An outbox item as the server has it."""

    id: str
    line: str
    command: Command
    content: bytes = b""
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


class Asked(msgspec.Struct):
    """A signal as the server has it."""

    id: str
    line: str
    signal: Signal
    status: str = "pending"
    error: str | None = None


class FakeDoor:
    """What the server knows; `answers_with` set to a status has it answer nothing else.

    `files_answer` has it answer so for the files of items; `files` holds what was brought, by message and attachment.
    """

    version: str | None = None  # what it says of itself, if anything
    process = ""  # that said hello last

    def __init__(self) -> None:
        self.work: dict[str, Work] = {}
        self.hellos: list[Hello] = []
        self.messages: list[MessageSeen] = []
        self.last_words: set[str] = set()
        self.changes: list[MessageChanged] = []
        self.group_changes: list[GroupChanged] = []
        self.reached: list[MessageReached] = []
        self.reactions: list[ReactionSeen] = []
        self.receipts: list[ReceiptSeen] = []
        self.typing: list[TypingSeen] = []
        self.signals: list[Asked] = []
        self.files: dict[tuple[str, str], bytes] = {}
        self.file_types: dict[tuple[str, str], str] = {}
        self.files_answer: tuple[int, str] | None = None
        self.hears_files = asyncio.Event()
        self.hears_files.set()
        self.gives_files: Callable[[Work], bool] = lambda _: True
        self.refuses: Callable[[Sighting], bool] = lambda _: False
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
        self.token, self.port = TOKEN, 0
        self.lines = {"+15550100000"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def accept(self, line: str, recipient: str | None, text: str, **fields: object) -> Work:
        """Take on a text to be sent."""
        guids = fields.pop("chat_guids", ())
        command = msgspec.convert({"recipient": recipient, "chat_guids": guids, "text": text, **fields}, SendText)
        return self.accept_command(line, command)

    def accept_file(self, line: str, recipient: str, name: str, content: bytes, *, size: int | None = None) -> Work:
        """Take on a file to be sent."""
        file = FileToSend(name, "application/octet-stream", len(content) if size is None else size)
        return self.accept_command(line, SendFile(recipient, (), file), content)

    def accept_command(self, line: str, command: Command, content: bytes = b"") -> Work:
        """Take on whatever is to be done, with the bytes of its file."""
        work = Work(f"obx_{len(self.work) + 1:026}", line, command, content)
        self.work[work.id] = work
        return work

    def ask(self, line: str, signal: Signal) -> Asked:
        """Take on a signal."""
        self.signals.append(Asked(f"obx_{len(self.signals) + 1:026}", line, signal))
        return self.signals[-1]

    def received(self) -> list[str | None]:
        """Return the texts of the messages that are news and not ours."""
        return [seen.text for seen in self.messages if seen.announce and not seen.is_from_me]

    def sent(self) -> list[str | None]:
        """Return the texts of the messages that are news and ours."""
        return [seen.text for seen in self.messages if seen.announce and seen.is_from_me]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen, on the same port as before if there was one."""
        app = web.Application(middlewares=[self._guard], client_max_size=2**30)
        for path in ("hello", "claim", "sightings", "signals", "files"):
            app.router.add_post(f"/daemon/v1/{path}", getattr(self, f"_{path}"))
        for path in ("renew", "begin", "failed", "file"):
            app.router.add_post(f"/daemon/v1/outbox/{{id}}/{path}", getattr(self, f"_{path}"))
        for path in ("done", "failed"):
            app.router.add_post(f"/daemon/v1/signals/{{id}}/{path}", getattr(self, f"_signal_{path}"))
        # Who hung up while he was kept waiting is not heard.
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
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
        if self.version is not None and not answer.prepared:
            answer.headers["Blueport-Version"] = self.version
        if path in self.loses_answers:
            self.loses_answers.remove(path)
            return web.Response(status=502)
        return answer

    async def _hello(self, request: web.Request) -> web.Response:
        hello = await _said(request, Hello)
        if not {line.handle for line in hello.lines} <= self.lines:
            return _refusal(403, "line_not_accessible")
        self.hellos.append(hello)
        self.process = hello.process
        return _answer(Welcome(LEASE_S))

    async def _claim(self, request: web.Request) -> web.Response:
        asked = await _said(request, Claim)
        if asked.process != self.process:
            return _answer(Claimed((), is_superseded=True))
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

    async def _file(self, request: web.Request) -> web.StreamResponse:
        work = self._held(request, (await _said(request, Hold)).token)
        if self.files_answer is not None:
            return _refusal(*self.files_answer)
        if work is None:
            return _refusal(404, "outbox_item_not_found")
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(work.content[:1])
        while not self.gives_files(work):  # noqa: ASYNC110 - what a test waits for is its own
            await asyncio.sleep(POLL_S)
        await response.write(work.content[1:])
        return response

    async def _files(self, request: web.Request) -> web.Response:
        key = (request.query["message"], request.query["attachment"])
        if request.query["line"] not in self.lines:
            return _refusal(404, "line_not_found")
        if all(seen.guid != key[0] for seen in self.messages):
            return _refusal(404, "message_not_found")
        content = await request.read()
        await self.hears_files.wait()
        self.files.setdefault(key, content)
        self.file_types.setdefault(key, request.content_type)
        return _answer(FileKept("file_1"))

    async def _signals(self, request: web.Request) -> web.Response:
        asked = await _said(request, ClaimSignals)
        for _ in range(int(min(asked.wait_s, 5) / POLL_S)):
            pending = [signal for signal in self.signals if signal.status == "pending"][: asked.limit]
            if pending:
                break
            await asyncio.sleep(POLL_S)
        for signal in pending:
            signal.status = "claimed"
        return _answer(ClaimedSignals(tuple(ClaimedSignal(one.id, one.id, one.line, one.signal) for one in pending)))

    async def _signal_done(self, request: web.Request) -> web.Response:
        signal = self._claimed_signal(request, (await _said(request, Hold)).token)
        signal.status = "sent"
        return _answer(Held(held=True))

    async def _signal_failed(self, request: web.Request) -> web.Response:
        failed = await _said(request, Failed)
        signal = self._claimed_signal(request, failed.token)
        signal.status, signal.error = "failed" if failed.permanent else "pending", failed.error
        return _answer(Held(held=True))

    def _claimed_signal(self, request: web.Request, token: str) -> Asked:
        assert token == request.match_info["id"]
        return next(signal for signal in self.signals if signal.id == token)

    def _note(self, sighting: Sighting) -> None:
        match sighting:
            case MessageSeen():
                self._note_message(sighting)
            case MessageChanged():
                self.changes.append(sighting)
                self._note_proof(sighting)
            case GroupChanged():
                self.group_changes.append(sighting)
                self._note_proof(sighting)
            case MessageReached():
                self.reached.append(sighting)
            case ReactionSeen():
                self.reactions.append(sighting)
                self._note_proof(sighting)
            case ReceiptSeen():
                self.receipts.append(sighting)
            case TypingSeen():
                self.typing.append(sighting)

    def _note_message(self, sighting: MessageSeen) -> None:
        if sighting.sender == NOBODY:
            self.last_words.add(sighting.guid)  # as often as it is told
            return
        known = next((seen for seen in self.messages if seen.guid == sighting.guid), None)
        if known is not None and sighting.is_from_me and not known.is_from_me:
            self.messages.remove(known)
            known = None
        if known is None:
            self.messages.append(sighting)
        self._note_proof(sighting)

    def _note_proof(self, sighting: MessageSeen | MessageChanged | ReactionSeen | GroupChanged) -> None:
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
