"""One run of `osascript`, which cannot outlive its time or its caller."""

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
    stderr: str


async def run_script(osascript: str, script: str, *arguments: str, timeout_s: float) -> Ended | None:
    """Run *script* with *arguments*, and return how it ended; None if it had to be killed.

    Raises:
        OSError: It could not be started.
    """
    process = await children.started(osascript, "-", *arguments, stderr=PIPE, environment=_environment())
    try:
        async with asyncio.timeout(timeout_s):
            _, stderr = await process.communicate(script.encode())
    except (TimeoutError, asyncio.CancelledError) as ending:
        await children.kill(process)
        if isinstance(ending, asyncio.CancelledError):
            raise
        return None
    return Ended(process.returncode or 0, stderr.decode("utf-8", "replace"))


def _environment() -> dict[str, str]:
    return {"HOME": str(Path.home()), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **_LANGUAGE}
