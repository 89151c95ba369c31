"""Programs that the daemon starts: with all that they start in turn, none outlives who started it."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# launchd hands down no language, and without one osascript takes its arguments for MacRoman, and others answer in it.
LANGUAGE = {"LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8"}


class Ended(NamedTuple):
    """How a program ended, and what it said; negative codes are signals."""

    code: int
    stdout: str
    stderr: str


async def run_program(program: str, *arguments: str, timeout_s: float, read: str = "") -> Ended | None:
    """Run *program*, which may *read* that, and return how it ended; None if it had to be killed.

    Raises:
        OSError: It could not be started.
    """
    process = await started(program, *arguments, stderr=PIPE, environment=_environment())
    try:
        async with asyncio.timeout(timeout_s):
            stdout, stderr = await process.communicate(read.encode())
    except (TimeoutError, asyncio.CancelledError) as ending:
        await kill(process)
        if isinstance(ending, asyncio.CancelledError):
            raise
        return None
    return Ended(process.returncode or 0, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"))


async def started(
    *command: str, stderr: int, limit: int = 2**16, environment: Mapping[str, str] | None = None
) -> Process:
    """Start *command* with pipes; a line of its output may have *limit* bytes.

    Cancelled in the midst of it, asyncio would kill it without its children, and wait for them.

    Raises:
        OSError: It could not be started.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=stderr, limit=limit, start_new_session=True, env=environment
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):
            await kill(await starting)
        raise


async def kill(process: Process) -> None:
    """Kill the process and its children, which may hold the pipes open."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _environment() -> dict[str, str]:
    return {"HOME": str(Path.home()), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **LANGUAGE}
