"""One run of `osascript`, or of a program beside it, which cannot outlive its time or its caller."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import NamedTuple

from blueport.daemon.transports import children

# launchd hands down no language, and without one osascript takes its arguments for MacRoman.
_LANGUAGE = {"LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8"}


class Ended(NamedTuple):
    """How a script ended; negative codes are signals."""

    code: int
    stdout: str
    stderr: str


async def run_script(osascript: str, script: str, *arguments: str, timeout_s: float) -> Ended | None:
    """Run *script* with *arguments*, and return how it ended; None if it had to be killed.

    Raises:
        OSError: It could not be started.
    """
    return await run_program(osascript, "-", *arguments, read=script, timeout_s=timeout_s)


async def run_program(program: str, *arguments: str, timeout_s: float, read: str = "") -> Ended | None:
    """Run *program*, which may *read* that, and return how it ended; None if it had to be killed.

    Raises:
        OSError: It could not be started.
    """
    process = await children.started(program, *arguments, stderr=PIPE, environment=_environment())
    try:
        async with asyncio.timeout(timeout_s):
            stdout, stderr = await process.communicate(read.encode())
    except (TimeoutError, asyncio.CancelledError) as ending:
        await children.kill(process)
        if isinstance(ending, asyncio.CancelledError):
            raise
        return None
    return Ended(process.returncode or 0, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"))


def _environment() -> dict[str, str]:
    return {"HOME": str(Path.home()), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **_LANGUAGE}
