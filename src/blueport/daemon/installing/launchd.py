"""What launchd is asked, by `launchctl`: whether somebody is logged in, and to load, unload and describe agents."""

import asyncio
import os
import re
from pathlib import Path
from typing import NamedTuple

from blueport.daemon.programs import Programs, answer

# As launchctl ends: there is no such service, it is on its way out, or something is in the way of what was asked.
_NOT_LOADED = (3, 113)
_IN_PROGRESS = 36
_IN_THE_WAY = (5, 37)
_NO_SESSION = 125
_TRIES = 5
_PAUSE_S = 0.5
# Longer than an agent may take to end.
_UNLOADED_WITHIN_S = 30.0
_FIELD = re.compile(
    r"^\t(?P<name>state|pid|runs|last exit code|last terminating signal) = (?P<value>.*)$", re.MULTILINE
)


class Loaded(NamedTuple):
    """An agent that launchd knows: its process if it runs, how often it was started, and how it ended last."""

    state: str
    pid: int | None
    runs: int | None
    last_exit: str | None

    @property
    def is_running(self) -> bool:
        """Say whether there is a process of it."""
        return self.pid is not None


class LaunchdError(Exception):
    """launchd does not do what it was asked; the text is what a person can do about it."""


async def has_session(programs: Programs) -> bool:
    """Say whether this user is logged in at the screen.

    Raises:
        NotHereError: This is no Mac.
        NoAnswerError: launchd does not answer.
    """
    return (await answer(programs.launchctl, "print", _domain())).code == 0


async def loaded(programs: Programs, label: str) -> Loaded | None:
    """Describe an agent, None if it is not loaded. Raises as `has_session`."""
    said = await answer(programs.launchctl, "print", f"{_domain()}/{label}")
    return _loaded(said.stdout) if said.code == 0 else None


async def unload(programs: Programs, label: str) -> bool:
    """End an agent and let launchd forget it; False if it did not know it.

    Raises:
        LaunchdError: It does not end.
        NotHereError, NoAnswerError: As `has_session`.
    """
    said = await answer(programs.launchctl, "bootout", f"{_domain()}/{label}", timeout_s=_UNLOADED_WITHIN_S)
    if said.code in _NOT_LOADED:
        return False
    if said.code not in (0, _IN_PROGRESS):
        raise LaunchdError(f"launchd does not let go of {label}: {said.stderr.strip()}")
    for _ in range(round(_UNLOADED_WITHIN_S / _PAUSE_S)):
        if await loaded(programs, label) is None:
            return True
        await asyncio.sleep(_PAUSE_S)
    raise LaunchdError(f"{label} does not end: log out and in again")


async def load(programs: Programs, label: str, agent: Path) -> None:
    """Have launchd take up an agent that it does not have. Raises as `unload`."""
    # Who once disabled it, in System Settings too, wants it now.
    await answer(programs.launchctl, "enable", f"{_domain()}/{label}")
    said = await answer(programs.launchctl, "bootstrap", _domain(), str(agent))
    for _ in range(_TRIES):
        if said.code not in _IN_THE_WAY:
            break
        await asyncio.sleep(_PAUSE_S)
        said = await answer(programs.launchctl, "bootstrap", _domain(), str(agent))
    if said.code == _NO_SESSION:
        raise LaunchdError("nobody is logged in at this Mac's screen as this user: log in there, and do this again")
    if said.code != 0:
        raise LaunchdError(f"launchd does not take {agent}: {said.stderr.strip()}")


def _domain() -> str:
    return f"gui/{os.getuid()}"


def _loaded(told: str) -> Loaded:
    fields: dict[str, str] = {}
    for match in _FIELD.finditer(told):
        fields.setdefault(match["name"], match["value"].strip())
    last_exit = fields.get("last terminating signal") or fields.get("last exit code")
    return Loaded(
        state=fields.get("state", "unknown"),
        pid=_number(fields.get("pid")),
        runs=_number(fields.get("runs")),
        last_exit=None if last_exit is None or last_exit.startswith("(") else last_exit,
    )


def _number(word: str | None) -> int | None:
    return int(word) if word is not None and word.isdecimal() else None
