"""How an installed daemon is doing, found out without disturbing it."""

import re
from pathlib import Path

import msgspec

from blueport.clock import now_ms
from blueport.daemon.installing import launchd
from blueport.daemon.installing.launchd import Loaded
from blueport.daemon.installing.places import LABEL, Places
from blueport.daemon.installing.service import installed_interpreter
from blueport.daemon.journal.survey import Survey, UnreadableError, survey
from blueport.daemon.programs import NoAnswerError, NotHereError, Programs, answer

_ELAPSED = re.compile(r"(?:(?:(?P<days>\d+)-)?(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d+)")
_VERSION = re.compile(r"blueport (\S+)")


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `blueport daemon status` tells; `running_since` is in Unix milliseconds, None if it does not run.

    `version` is that of the installed program, which a running daemon has only once it was started anew. `holds` is
    None where there is no journal, or none that can be read, for the reason in `trouble`.
    """

    is_mac: bool
    is_installed: bool
    is_loaded: bool
    is_running: bool
    pid: int | None
    running_since: int | None
    starts: int | None
    last_exit: str | None
    version: str | None
    log: str
    journal: str
    holds: Survey | None
    trouble: str | None


async def status(programs: Programs, places: Places, journal: Path) -> Status:
    """Look at it.

    Raises:
        NoAnswerError: launchd does not answer.
    """
    is_mac, found = await _loaded(programs)
    holds, trouble = _holds(journal)
    return Status(
        is_mac=is_mac,
        is_installed=places.agent.exists(),
        is_loaded=found is not None,
        is_running=found is not None and found.is_running,
        pid=None if found is None else found.pid,
        running_since=None if found is None or found.pid is None else await _since(programs, found.pid),
        starts=None if found is None else found.runs,
        last_exit=None if found is None else found.last_exit,
        version=await _version(places),
        log=str(places.log),
        journal=str(journal),
        holds=holds,
        trouble=trouble,
    )


async def _loaded(programs: Programs) -> tuple[bool, Loaded | None]:
    try:
        return True, await launchd.loaded(programs, LABEL)
    except NotHereError:
        return False, None


def _holds(journal: Path) -> tuple[Survey | None, str | None]:
    try:
        return survey(journal), None
    except UnreadableError as error:
        return None, str(error)


async def _since(programs: Programs, pid: int) -> int | None:
    """Return when a process began, which launchd does not tell."""
    try:
        said = await answer(programs.ps, "-o", "etime=", "-p", str(pid))
    except (NotHereError, NoAnswerError):
        return None
    elapsed = _ELAPSED.fullmatch(said.stdout.strip())
    if elapsed is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in elapsed.groups())
    return now_ms() - (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000


async def _version(places: Places) -> str | None:
    """Ask the installed program, which may be another than this one."""
    interpreter = installed_interpreter(places)
    try:
        said = await answer(interpreter or "", "-P", "-m", "blueport.cli.main", "--version")
    except (NotHereError, NoAnswerError):
        return None
    version = _VERSION.match(said.stdout)
    return version[1] if version else None
