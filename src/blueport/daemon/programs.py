"""The programs of macOS that are asked about a Mac, and how they are asked: with an end to it, whatever they do."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import NamedTuple

from blueport.daemon.transports import children

# launchd hands down no language, and without one some of them answer in bytes that are no UTF-8.
LANGUAGE = {"LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8"}
_TIMEOUT_S = 10.0


class Programs(NamedTuple):
    """Where they are."""

    launchctl: str = "/bin/launchctl"
    caffeinate: str = "/usr/bin/caffeinate"
    pmset: str = "/usr/bin/pmset"
    sw_vers: str = "/usr/bin/sw_vers"
    fdesetup: str = "/usr/bin/fdesetup"
    defaults: str = "/usr/bin/defaults"
    ps: str = "/bin/ps"


class Said(NamedTuple):
    """How a program ended, and what it said."""

    code: int
    out: str
    error: str


class NotHereError(Exception):
    """There is no such program, so this is no Mac; the text says so."""


class NoAnswerError(Exception):
    """A program had to be killed: it did not end in time."""


def programs_in(folder: Path) -> Programs:
    """Return those of a simulated Mac, whose processes are this machine's own."""
    return Programs(**{name: str(folder / name) for name in Programs._fields if name != "ps"})


async def answer(program: str, *arguments: str, said: str = "", timeout_s: float = _TIMEOUT_S) -> Said:
    """Run *program* to its end, with *said* on its standard input.

    Raises:
        NotHereError: It cannot be run.
        NoAnswerError: It did not end within *timeout_s*.
    """
    environment = {"HOME": str(Path.home()), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **LANGUAGE}
    try:
        process = await children.started(program, *arguments, stderr=PIPE, environment=environment)
    except OSError as error:
        raise NotHereError(f"{program} cannot be run: {error.strerror}.") from error
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate(said.encode())
    except (TimeoutError, asyncio.CancelledError) as ending:
        await children.kill(process)
        if isinstance(ending, asyncio.CancelledError):
            raise
        raise NoAnswerError from ending
    return Said(process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))
