"""The programs of macOS that are asked about a Mac, and how they are asked: with an end to it, whatever they do."""

from pathlib import Path
from typing import NamedTuple

from blueport.daemon.transports.children import Ended, run_program

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


class NotHereError(Exception):
    """There is no such program, so this is no Mac; the text says so."""


class NoAnswerError(Exception):
    """A program had to be killed: it did not end in time."""


def programs_in(folder: Path) -> Programs:
    """Return those of a simulated Mac, whose processes are this machine's own."""
    return Programs(**{name: str(folder / name) for name in Programs._fields if name != "ps"})


async def answer(program: str, *arguments: str, said: str = "", timeout_s: float = _TIMEOUT_S) -> Ended:
    """Run *program* to its end, with *said* on its standard input.

    Raises:
        NotHereError: It cannot be run.
        NoAnswerError: It did not end within *timeout_s*.
    """
    try:
        ended = await run_program(program, *arguments, read=said, timeout_s=timeout_s)
    except OSError as error:
        raise NotHereError(f"{program} cannot be run: {error.strerror}.") from error
    if ended is None:
        raise NoAnswerError
    return ended
