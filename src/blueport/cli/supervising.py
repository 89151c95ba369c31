"""Keeps child processes alive: one that dies is started again, and none outlives the parent."""

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from blueport.cli.environment import MISCONFIGURED

READY_TIMEOUT_S = 30
READY_EVERY_S = 0.05
END_TIMEOUT_S = 4
RESTART_AFTER_S = 0.2
LONGEST_RESTART_AFTER_S = 1.0
LONG_LIFE_S = 1.0


class Child(NamedTuple):
    """A `blueport VERB`, and the socket that it serves; settings are named without their prefix BLUEPORT_.

    A Mac has a *relay* too, by which its daemon reaches the server.
    The environment of the parent overrules *defaults*, never *settings*.
    """

    verb: str
    settings: dict[str, str]
    listening: socket.socket | None = None
    relay: socket.socket | None = None
    defaults: dict[str, str] = {}  # noqa: RUF012 - a tuple's default is never changed


@contextlib.asynccontextmanager
async def alive() -> AsyncIterator[Callable[[Child], None]]:
    """Keep alive each child that is started inside the block; at its end they have ended too, all at once."""
    watches: list[asyncio.Task[None]] = []
    try:
        yield lambda child: watches.append(asyncio.create_task(_watched(child)))
    finally:
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)


async def until_people_can_text(simulator_url: str) -> None:
    """Wait until the simulated Mac runs; end the program if that takes too long."""
    await _until_answered(f"{simulator_url}/healthz", "", b"200 OK")


async def until_lines_are_served(api_url: str, api_key: str) -> None:
    """Wait until the daemon has told the server of its line; end the program if that takes too long."""
    headers = f"Authorization: Bearer {api_key}\r\nBlueport-Unrecorded: 1\r\n"
    await _until_answered(f"{api_url}/v1/lines", headers, b'"is_active":true')


async def _watched(child: Child) -> None:
    pause_s = RESTART_AFTER_S
    loop = asyncio.get_running_loop()
    while True:
        started_at = loop.time()
        process = await _started(child)
        try:
            status = await process.wait()
        finally:
            await _ended(process)
        if status == MISCONFIGURED:
            sys.exit(status)
        pause_s = RESTART_AFTER_S if loop.time() - started_at > LONG_LIFE_S else pause_s
        print(f"blueport: {child.verb} ended ({status}); starting it again", file=sys.stderr)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_RESTART_AFTER_S)


async def _started(child: Child) -> Process:
    given = {"--fd": child.listening, "--relay-fd": child.relay}
    fds = {option: each.fileno() for option, each in given.items() if each is not None}
    options = [f"{option}={fd}" for option, fd in fds.items()]
    environment = _environment(child.defaults) | os.environ | _environment(child.settings)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "blueport.cli.main",
        child.verb,
        "--lifeline",
        *options,
        stdin=PIPE,  # the child's lifeline: it closes when we end, however we end
        stdout=sys.stderr,
        env=environment,
        pass_fds=tuple(fds.values()),
        start_new_session=True,  # Ctrl-C is ours to hear; we end the children in peace
    )


def _environment(settings: dict[str, str]) -> dict[str, str]:
    return {f"BLUEPORT_{name}": value for name, value in settings.items()}


async def _ended(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(END_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _until_answered(url: str, header: str, sign: bytes) -> None:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while sign not in await _answer(url, header):  # noqa: ASYNC110 - no Event reaches across processes
                await asyncio.sleep(READY_EVERY_S)
    except TimeoutError:
        sys.exit("blueport: it did not come up in time; the lines above say why")


async def _answer(url: str, header: str) -> bytes:
    """Return the whole HTTP answer; a client library would weigh more than all of the supervisor."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    try:
        reader, writer = await asyncio.open_connection(name, int(port))
        writer.write(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
    except OSError:
        return b""
    return answer
