"""The daemon's side of the server's door.

Every call is repeated until the server answers it, so no caller has to think of lost contact: it only waits longer.
Only of sightings a refusal is an answer. What else is refused, a token or a line, an operator has to put right: it is
said aloud, and tried on. Files are tried once at a time, since meanwhile they may go, or change.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from random import SystemRandom
from typing import BinaryIO, TypeVar

import aiohttp
import msgspec

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.logs.lines import logger, named
from blueport.protocol.door import (
    VERSION_HEADER,
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
    Pair,
    Paired,
    Sightings,
    Welcome,
)

# The server waits for work as long as it is asked to; what it takes to answer then comes on top.
_CLAIM_MARGIN_S = 10
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
# So long a file may stand still; what it takes in all depends on its size.
_STALLED_S = 60
_SLOWEST_BYTES_A_S = 50_000
_PIECE_BYTES = 256 * 1024
_PAIR_TIMEOUT_S = 10
_OK, _NOT_FOUND, _UNPROCESSABLE = 200, 404, 422
_OURS_TO_BLAME = 500
_REFUSALS = frozenset({400, 413, 422})
_NO_CONTACT = "no_contact"
_UNKNOWN = "unknown"
# What an operator has to put right, by the code of the refusal: the token, or which lines the server has for it.
_SETTINGS = {
    "invalid_api_key": "BLUEPORT_DAEMON_TOKEN",
    "missing_api_key": "BLUEPORT_DAEMON_TOKEN",
    "line_not_accessible": "BLUEPORT_DAEMON_LINES",
}
# The one 404 that is not about the way to the door.
_FOREIGN_LINE = b'"line_not_found"'
# And those that are, or come from somebody on the way.
_NO_SUCH_PATH = frozenset({"route_not_found", _UNKNOWN})
# A line may be given back to this Mac.
_NOT_YET = frozenset({"message_not_found", "file_not_found", "line_not_found"})
_MIME_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)

# A code is a word: what else somebody on the way may answer is nothing to be repeated.
_CODE = re.compile(r"[a-z][a-z_]{0,47}")

_log = logger(__name__)
_jitter = SystemRandom()
_Answer = TypeVar("_Answer", bound=msgspec.Struct)


class RefusedError(Exception):
    """The server understood the request and will never accept it; the text is its status, if known, and code."""

    def __init__(self, code: str, status: int | None = None) -> None:
        super().__init__(code if status is None else f"{status} {code}")
        self.code = code
        self.status = status


class GoneError(Exception):
    """What was asked for is not there (any more, or yet)."""


class UnansweredError(Exception):
    """No answer came, or one that says nothing about the request itself: then it has a status, and maybe a code."""

    def __init__(self, status: int | None = None, code: str | None = None) -> None:
        super().__init__(f"status {status} {code}" if status else "no answer")
        self.status = status
        self.code = code
        self.setting = None if code is None else _SETTINGS.get(code)

    @property
    def trouble(self) -> str:
        """What it is to an operator, who wants to hear of each once."""
        return self.code if self.code is not None and self.setting is not None else _NO_CONTACT


class Uplink:
    """A connection to the server.

    `regained` is set when it answers again after some trouble, and when it gives no work to this process since another
    one with the same token has said hello: a journal that works on two Macs, or a server that was restored.
    """

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._base = f"{settings.server_url.rstrip('/')}/daemon/v1/"
        self._timeout_s = settings.call_timeout_s
        self._superseded_pause_s = settings.superseded_pause_s
        self._session = session
        # What is wrong now, by the first word of the path: others may well be answered.
        self._troubles: dict[str, str] = {}
        self._asked_at = 0
        self._process = secrets.token_hex(8)
        self.regained = asyncio.Event()
        # As its last answer said; None: it says none, as the first ones did.
        self.server_version: str | None = None

    async def hello(self, said: Hello) -> Welcome:
        """Introduce this daemon and its lines."""
        return await self._ask("hello", msgspec.structs.replace(said, process=self._process), Welcome)

    async def claim(self, asked: Claim) -> tuple[ClaimedItem, ...]:
        """Return work, once there is some or the wait is over."""
        timeout_s = asked.wait_s + _CLAIM_MARGIN_S
        claimed = await self._ask("claim", lambda: self._dated(asked), Claimed, timeout_s=timeout_s)
        if claimed.is_superseded:
            _log.error("superseded")
            await asyncio.sleep(self._superseded_pause_s * _jitter.uniform(0.5, 1))
            self.regained.set()
        return claimed.items

    def _dated(self, asked: Claim) -> Claim:
        """Tell each try from the one before, which the server may still take for waiting."""
        self._asked_at = max(self._asked_at + 1, asked.asked_at, now_ms())
        return msgspec.structs.replace(asked, asked_at=self._asked_at, process=self._process)

    async def renew(self, item_id: str, token: str) -> bool:
        """Keep an item claimed; False if it is no longer ours."""
        return (await self._ask(f"outbox/{item_id}/renew", Hold(token), Held)).held

    async def begin(self, item_id: str, said: Begin) -> bool:
        """Ask to hand an item over; False if it is no longer ours, or not its line's next."""
        return (await self._ask(f"outbox/{item_id}/begin", said, Held)).held

    async def failed(self, item_id: str, failed: Failed) -> bool:
        """Report an item as not sent; False if it was no longer ours."""
        return (await self._ask(f"outbox/{item_id}/failed", failed, Held)).held

    async def tell(self, sightings: Sightings) -> None:
        """Tell what was seen.

        Raises:
            RefusedError: The server does not take this batch.
        """
        await self._ask("sightings", sightings, Noted, may_be_refused=True)

    async def tell_now(self, sightings: Sightings) -> None:
        """Tell what nobody wants to hear later: once, whether it is heard or not."""
        try:
            await self._post("sightings", msgspec.json.encode(sightings), self._timeout_s)
        except UnansweredError as error:
            _log.debug("not_told", **named(error))

    async def claim_signals(self, asked: ClaimSignals) -> tuple[ClaimedSignal, ...]:
        """Return signals, once there are some or the wait is over."""
        timeout_s = asked.wait_s + _CLAIM_MARGIN_S
        return (await self._ask("signals", asked, ClaimedSignals, timeout_s=timeout_s)).signals

    async def signal_done(self, signal_id: str, token: str) -> None:
        """Report a signal as done."""
        await self._ask(f"signals/{signal_id}/done", Hold(token), Held)

    async def signal_failed(self, signal_id: str, failed: Failed) -> None:
        """Report a signal as not done."""
        await self._ask(f"signals/{signal_id}/failed", failed, Held)

    async def fetch(self, item_id: str, token: str, write: Callable[[bytes], object]) -> None:
        """Have the file of an item written, piece by piece.

        Raises:
            GoneError: The item is no longer ours.
            RefusedError: There is no such file to send; the text is why, as a word.
            UnansweredError: Not all of it came.
        """
        path = f"outbox/{item_id}/file"
        try:
            await self._fetch(path, msgspec.json.encode(Hold(token)), write)
        except UnansweredError as error:
            self._note_trouble("files", error)
            raise
        self._note_answered("files")

    async def _fetch(self, path: str, body: bytes, write: Callable[[bytes], object]) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_s, sock_read=_STALLED_S)
        try:
            async with self._session.post(self._base + path, data=body, timeout=timeout) as response:
                if response.status != _OK:
                    raise _no_file(response.status, await response.read())
                async for piece in response.content.iter_chunked(_PIECE_BYTES):
                    write(piece)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnansweredError from error

    async def bring(self, of: Mapping[str, str], file: BinaryIO, *, mime_type: str | None, size: int) -> None:
        """Bring a file *of* a message: `line`, `message` and `attachment`.

        Raises:
            GoneError: The server does not know the message yet, or not with that file, or not as this Mac's.
            RefusedError: It does not want the file.
            UnansweredError: It did not get all of it.
        """
        try:
            status, answer = await self._put(of, file, mime_type, timeout_s=_STALLED_S + size / _SLOWEST_BYTES_A_S)
            if status == _NOT_FOUND and _code_of(answer) in _NOT_YET:
                raise GoneError
            if _is_refusal(status, answer):
                raise RefusedError(_code_of(answer), status)
            _decoded(status, answer, FileKept)
        except UnansweredError as error:
            self._note_trouble("files", error)
            raise
        self._note_answered("files")

    async def _put(
        self, of: Mapping[str, str], file: BinaryIO, mime_type: str | None, *, timeout_s: float
    ) -> tuple[int, bytes]:
        is_known = mime_type is not None and _MIME_TYPE.fullmatch(mime_type)
        headers = {"Content-Type": mime_type if mime_type and is_known else "application/octet-stream"}
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        asking = self._session.post(self._base + "files", params=of, data=file, headers=headers, timeout=timeout)
        try:
            async with asking as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnansweredError from error

    async def _ask(
        self,
        path: str,
        said: msgspec.Struct | Callable[[], msgspec.Struct],
        kind: type[_Answer],
        *,
        timeout_s: float | None = None,
        may_be_refused: bool = False,
    ) -> _Answer:
        pause_s = _FIRST_PAUSE_S
        while True:
            body = msgspec.json.encode(said() if callable(said) else said)
            try:
                status, answer = await self._post(path, body, timeout_s or self._timeout_s)
                if may_be_refused and _is_refusal(status, answer):
                    raise RefusedError(_code_of(answer), status)
                decoded = _decoded(status, answer, kind)
            except UnansweredError as error:
                self._note_trouble(path, error)
                await asyncio.sleep(pause_s * _jitter.uniform(0.5, 1))
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            else:
                self._note_answered(path)
                return decoded

    async def _post(self, path: str, body: bytes, timeout_s: float) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._session.post(self._base + path, data=body, timeout=timeout) as response:
                answer = await response.read()
                self.server_version = response.headers.get(VERSION_HEADER, self.server_version)
                return response.status, answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnansweredError from error

    def _note_trouble(self, path: str, error: UnansweredError) -> None:
        """Say what is wrong once, and again when it is something else."""
        kind = path.partition("/")[0]
        if error.trouble not in self._troubles.values():
            _say(kind, error)
        self._troubles[kind] = error.trouble

    def _note_answered(self, path: str) -> None:
        if self._troubles.pop(path.partition("/")[0], None) is not None and not self._troubles:
            self.regained.set()
            _log.warning("server_reached_again")


@asynccontextmanager
async def opened_uplink(settings: Settings) -> AsyncIterator[Uplink]:
    """Open a connection to the server; whether it is there shows with the first call."""
    headers = {"Authorization": f"Bearer {settings.token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Uplink(settings, session)


async def pair(server_url: str, said: Pair) -> Paired:
    """Ask a server, once, to let this Mac in.

    Raises:
        RefusedError: It does not.
        UnansweredError: It may have, or not: nobody knows until it is asked again.
    """
    url = f"{server_url}/daemon/v1/pair"
    timeout = aiohttp.ClientTimeout(total=_PAIR_TIMEOUT_S)
    headers = {"Content-Type": "application/json"}
    try:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            # Whoever is sent elsewhere would say the token there.
            session.post(url, data=msgspec.json.encode(said), timeout=timeout, allow_redirects=False) as response,
        ):
            status, answer = response.status, await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise UnansweredError from error
    if status != _OK and status < _OURS_TO_BLAME:
        raise RefusedError(_code_of(answer), status)
    return _decoded(status, answer, Paired)


def _say(call: str, error: UnansweredError) -> None:
    told = {"call": call, "status": error.status, "error_code": error.code}
    if error.setting is not None:
        _log.warning("not_let_in", setting=error.setting, **told)
    else:
        _log.warning("server_not_reached", **told, **({} if error.status else named(error)))


def _is_refusal(status: int, answer: bytes) -> bool:
    return status in _REFUSALS or _FOREIGN_LINE in answer


def _no_file(status: int, answer: bytes) -> Exception:
    code = _code_of(answer)
    if status == _NOT_FOUND and code not in _NO_SUCH_PATH:
        return GoneError(code)
    if status == _UNPROCESSABLE:
        return RefusedError(code)
    return UnansweredError(status, code)


def _decoded(status: int, answer: bytes, kind: type[_Answer]) -> _Answer:
    if status != _OK:
        raise UnansweredError(status, _code_of(answer))
    try:
        return msgspec.json.decode(answer, type=kind)
    except msgspec.DecodeError as error:
        raise UnansweredError(status) from error  # somebody on the way answered in the server's place


class _Problem(msgspec.Struct):
    code: str = _UNKNOWN


class _Envelope(msgspec.Struct):
    error: _Problem = msgspec.field(default_factory=_Problem)


def _code_of(answer: bytes) -> str:
    """Return the code of an error answer; its message could quote what we sent."""
    try:
        code = msgspec.json.decode(answer, type=_Envelope).error.code
    except msgspec.DecodeError:
        return _UNKNOWN
    return code if _CODE.fullmatch(code) else _UNKNOWN
