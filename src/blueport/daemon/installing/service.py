"""Installs and removes the daemon's agent. Whoever dies in between is mended by who installs again.

1  the settings are on disk, for their owner alone
2  the agent's plist is on disk             from here on the next login starts it
3  launchd lets go of the one that it had   a daemon in the midst of something ends; its journal knows of what
4  nobody else has the journal
5  launchd takes the new one up             from here on it runs
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from blueport.daemon.installing import launchd, settings_file
from blueport.daemon.installing.agent import daemon_agent, interpreter_of
from blueport.daemon.installing.launchd import Loaded
from blueport.daemon.installing.places import LABEL, Places
from blueport.daemon.journal.file import JournalInUseError, held
from blueport.daemon.journal.survey import survey
from blueport.daemon.programs import Programs
from blueport.failpoints import reached
from blueport.whole_files import FOR_ALL_TO_READ, write_whole

_STARTED_WITHIN_S = 5.0
_PAUSE_S = 0.1
_LOOKS_FOR_AN_END = 20


class StillNeededError(Exception):
    """A journal holds what would be lost; the text says what."""


async def install(
    programs: Programs,
    places: Places,
    interpreter: str,
    variables: Mapping[str, str],
    *,
    journal: Path,
    environment: Mapping[str, str],
) -> Loaded | None:
    """Have launchd keep a daemon running with these settings, and return how it is doing.

    Args:
        programs: Those of this Mac.
        places: Where all goes.
        interpreter: The Python to which permissions are granted.
        variables: The settings.
        journal: The journal that they name.
        environment: What the agent is to have in its environment, beside a language.

    Raises:
        JournalInUseError: A daemon that was started by hand runs on that journal.
        LaunchdError: launchd does not take it.
        NotHereError: This is no Mac.
        NoAnswerError: launchd does not answer.
        SettingsFileError: A setting cannot be written down.
    """
    await launchd.has_session(programs)
    for folder in (places.own, places.log.parent, journal.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings_file.write(places.settings, variables)
    reached("install.settings")
    write_whole(places.agent, daemon_agent(places, interpreter, environment), mode=FOR_ALL_TO_READ)
    reached("install.agent")
    await launchd.unload(programs, LABEL)
    await _free(journal)
    reached("install.unloaded")
    await launchd.load(programs, LABEL, places.agent)
    return await _started(programs)


async def uninstall(programs: Programs, places: Places) -> bool:
    """Have launchd forget the daemon, now and at the next login; False if it never knew it. Raises as `install`."""
    was_loaded = await launchd.unload(programs, LABEL)
    reached("uninstall.unloaded")
    was_there = places.agent.exists()
    places.agent.unlink(missing_ok=True)
    return was_loaded or was_there


def installed_interpreter(places: Places) -> str | None:
    """Return the Python by which the installed daemon runs, None if there is none."""
    return interpreter_of(places.agent.read_bytes()) if places.agent.exists() else None


def purge(places: Places, journal: Path, *, is_forced: bool) -> list[str]:
    """Delete settings, journal and log, and say what is lost with them.

    Raises:
        JournalInUseError: A daemon runs on that journal.
        StillNeededError: The journal holds something, and *is_forced* is False.
        UnreadableError: Nobody can say whether it does.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    with held(journal):
        found = survey(journal)
        lost = [] if found is None else found.held()
        if lost and not is_forced:
            raise StillNeededError(f"{journal} holds {', '.join(lost)}")
        for path in (*places.written, *_files_of(journal)):
            path.unlink(missing_ok=True)
    for folder in (places.log.parent, places.own):
        with suppress(OSError):  # something of a person's is in it
            folder.rmdir()
    return lost


def _files_of(journal: Path) -> list[Path]:
    # Its own file goes first: what SQLite finds beside a new one it throws away, while an old one would look younger.
    return [journal.with_name(f"{journal.name}{ending}") for ending in ("", "-wal", "-shm", ".lock")]


async def _free(journal: Path) -> None:
    """Make sure that nobody has the journal; one that was just told to end may take a moment.

    Raises:
        JournalInUseError: Somebody goes on having it.
    """
    for _ in range(_LOOKS_FOR_AN_END):
        with suppress(JournalInUseError), held(journal):
            return
        await asyncio.sleep(_PAUSE_S)
    with held(journal):
        return


async def _started(programs: Programs) -> Loaded | None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_STARTED_WITHIN_S):
            while not ((found := await launchd.loaded(programs, LABEL)) and found.is_running):  # noqa: ASYNC110 - another process
                await asyncio.sleep(_PAUSE_S)
            return found
    return await launchd.loaded(programs, LABEL)
