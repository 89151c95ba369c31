"""One run of `osascript`, which cannot outlive its time or its caller."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# launchd hands down no language, and without one osascript takes its arguments for MacRoman.
_LANGUAGE = {"LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8"}


class Ended(NamedTuple):
    """How a script ended; negative codes are signals."""

    code: int
    stderr: str


async def run_script(osascript: str, script: str, *arguments: str, timeout_s: float) -> Ended | None:
    """Run *script* with *arguments*, and return how it ended; None if it had to be killed.

    Raises:
        OSError: It could not be started.
    """
    process = await _started(osascript, "-", *arguments)
    try:
        async with asyncio.timeout(timeout_s):
            _, stderr = await process.communicate(script.encode())
    except (TimeoutError, asyncio.CancelledError) as ending:
        await _kill(process)
        if isinstance(ending, asyncio.CancelledError):
            raise
        return None
    return Ended(process.returncode or 0, stderr.decode("utf-8", "replace"))


async def _started(*command: str) -> Process:
    """Start *command*; cancelled in the midst of it, asyncio would kill it without its children, and wait for them."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True, env=_environment()
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):
            await _kill(await starting)
        raise


async def _kill(process: Process) -> None:
    """Kill the process and its children, which may hold the pipes open."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _environment() -> dict[str, str]:
    return {"HOME": str(Path.home()), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **_LANGUAGE}
