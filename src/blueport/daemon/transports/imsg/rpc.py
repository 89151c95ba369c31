"""JSON-RPC 2.0 with one `imsg rpc` process: an object a line, over its standard input and output.

Calls go one after the other, as imsg does them anyway; what the process says unasked, its events, is read all the
time. A process that does not answer in time, talks nonsense, or ends, is killed and forgotten; the next call starts
another.
"""

import asyncio
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from blueport.daemon.transports import children

# An answer that quotes a long text is one long line.
_LONGEST_LINE_BYTES = 1024 * 1024

Result = TypeVar("Result")
Params = Mapping[str, str | int | bool | tuple[str, ...]]
Hearing = Callable[[str, msgspec.Raw], None]


class RpcUnavailableError(Exception):
    """The program cannot be started: nothing was asked."""


class RpcLostError(Exception):
    """No answer came: what was asked may have been done."""


class RpcRefusedError(Exception):
    """The program answered with an error; `was_not_done` is its own word for it."""

    def __init__(self, code: int, *, was_not_done: bool, may_be_repeated: bool) -> None:
        super().__init__(str(code))
        self.code = code
        self.was_not_done = was_not_done
        self.may_be_repeated = may_be_repeated


class _Detail(msgspec.Struct, frozen=True):
    """What an error says of an outcome; only the newer generation does, and only where something was to be changed."""

    disposition: str | None = None
    retry_safe: bool = False


class _Error(msgspec.Struct, frozen=True):
    """An error; its `data` may be a sentence, or an object of any kind."""

    code: int
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Said(msgspec.Struct, frozen=True):
    """An answer, which has an id, or an event, which has a method."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


METHOD_NOT_FOUND = -32601
# What they stand for is refused before it is begun: too much is asked at once, no database, no bridge, and a lane that
# is blocked by what was asked before.
BUSY, NO_DATABASE, NO_BRIDGE, BLOCKED = -32000, -32002, -32003, -32004
_NEVER_BEGUN = (BUSY, NO_DATABASE, NO_BRIDGE, BLOCKED)
# The standard's own errors but for "internal": the call was not understood, so that nothing was done.
_NOT_UNDERSTOOD = (-32700, -32600, METHOD_NOT_FOUND, -32602)


class Rpc:
    """A running `imsg rpc`, started when it is first asked; *hearing* gets the method and params of its events.

    `ended` is set while no process runs.
    """

    def __init__(self, imsg: str, hearing: Hearing | None = None) -> None:
        self._imsg = imsg
        self._hearing = hearing
        self._process: Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._last_id = 0
        self._answer: asyncio.Future[_Said] | None = None
        self.ended = asyncio.Event()
        self.ended.set()

    async def call(self, method: str, params: Params, shape: type[Result], *, timeout_s: float) -> Result:
        """Call *method* and return its result.

        Raises:
            RpcUnavailableError: Nothing was asked.
            RpcLostError: Nobody knows.
            RpcRefusedError: It says no.
        """
        async with self._turn:
            process = await self._running()
            try:
                async with asyncio.timeout(timeout_s):
                    answer = await self._asked(process, method, params)
            except (TimeoutError, OSError) as error:
                await self.close()
                raise RpcLostError from error
            except asyncio.CancelledError:
                await self.close()
                raise
            if answer.error is not None and _is_blocked_by(answer.error):
                await self.close()
        if answer.error is not None:
            raise _refusal(answer.error)
        return msgspec.json.decode(answer.result, type=shape)

    async def close(self) -> None:
        """End the process; what it was asked stays unanswered."""
        process, self._process = self._process, None
        listening, self._listening = self._listening, None
        if process is not None:
            await children.kill(process)
        if listening is not None:
            listening.cancel()
            await asyncio.wait({listening})

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None or self.ended.is_set():
            await self.close()
            self._process = await self._started()
            self.ended.clear()
            self._listening = asyncio.create_task(self._listen(self._process), name="imsg")
        return self._process

    async def _started(self) -> Process:
        try:
            return await children.started(self._imsg, "rpc", stderr=DEVNULL, limit=_LONGEST_LINE_BYTES)
        except OSError as error:
            raise RpcUnavailableError(error.strerror or "unknown") from error

    async def _asked(self, process: Process, method: str, params: Params) -> _Said:
        assert process.stdin is not None  # noqa: S101 - a pipe
        self._last_id += 1
        self._answer = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        process.stdin.write(msgspec.json.encode(request) + b"\n")
        await process.stdin.drain()
        return await self._answer

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101 - a pipe
        try:
            while line := await process.stdout.readline():
                self._take(msgspec.json.decode(line, type=_Said))
        except (OSError, ValueError):  # too long a line, or no JSON: nobody knows what comes next
            pass
        finally:
            self.ended.set()
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(OSError("the process ended"))

    def _take(self, said: _Said) -> None:
        if said.method is not None:
            if self._hearing is not None:
                self._hearing(said.method, said.params)
        elif said.id == self._last_id and self._answer is not None and not self._answer.done():
            self._answer.set_result(said)


def _refusal(error: _Error) -> RpcRefusedError:
    """Return what an error means: whatever does not say that it may be repeated safely may have been done."""
    is_not_understood = error.code in _NOT_UNDERSTOOD
    may_be_repeated = error.code in _NEVER_BEGUN or (not is_not_understood and _detail(error).retry_safe)
    was_not_done = is_not_understood or may_be_repeated
    return RpcRefusedError(error.code, was_not_done=was_not_done, may_be_repeated=may_be_repeated)


def _is_blocked_by(error: _Error) -> bool:
    """Say whether this process will do nothing more: something that was asked of it goes on, it knows not how far."""
    return error.code == BLOCKED or _detail(error).disposition == "still_in_flight"


def _detail(error: _Error) -> _Detail:
    try:
        return msgspec.json.decode(error.data, type=_Detail)
    except msgspec.ValidationError:
        return _Detail()
