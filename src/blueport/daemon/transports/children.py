"""Programs that the daemon starts: with all that they start in turn, none outlives who started it."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress


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
