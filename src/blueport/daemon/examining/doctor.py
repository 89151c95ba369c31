"""Examines a Mac: here, or by an agent of its own.

Permissions are given to whatever started a process: what is tried in a terminal is tried with the terminal's, which say
nothing of the daemon's. So launchd is asked to start the doctor too, by the same Python and once; where nobody is
logged in for that, or it does not come to an end, a person is told whose permissions were tried.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from blueport.daemon.examining import agent, mac, messages, server
from blueport.daemon.examining.findings import Finding
from blueport.daemon.examining.subject import Subject
from blueport.daemon.installing import launchd, settings_file
from blueport.daemon.installing.agent import doctor_agent
from blueport.daemon.installing.launchd import LaunchdError
from blueport.daemon.installing.places import DOCTOR_LABEL, Places
from blueport.daemon.installing.settings_file import SettingsFileError
from blueport.daemon.programs import NoAnswerError, NotHereError, Programs
from blueport.whole_files import OWNER_ONLY, write_whole

# Longer than all that is tried may take, one after the other.
_WITHIN_S = 120.0
_PAUSE_S = 0.1


async def examine(subject: Subject) -> list[Finding]:
    """Try all of it, with the permissions of this process."""
    programs = subject.programs
    read, asked = await messages.chat_db(subject), await messages.messages(subject)
    return [
        await mac.macos(programs),
        mac.python(subject),
        await mac.session(programs),
        await agent.daemon(subject),
        *agent.settings(subject),
        *read.findings,
        *asked.findings,
        *messages.lines(subject, [*read.addresses, *asked.addresses]),
        await messages.imsg(subject),
        *await server.server(subject),
        agent.journal(subject),
        mac.disk(subject),
        await mac.sleep(programs),
        await mac.restarting(programs),
        await mac.login(programs),
    ]


async def examine_as_agent(
    programs: Programs,
    places: Places,
    interpreter: str,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
) -> list[Finding] | None:
    """Have launchd try all of it, with the permissions of the daemon; None if it does not come to that."""
    try:
        settings_file.write(places.doctor_settings, variables)
        write_whole(places.doctor_agent, doctor_agent(places, interpreter, environment), mode=OWNER_ONLY)
        places.doctor_report.unlink(missing_ok=True)
        places.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return await _told_by_agent(programs, places)
    except (LaunchdError, NotHereError, NoAnswerError, SettingsFileError):
        return None
    finally:
        for path in (places.doctor_settings, places.doctor_agent, places.doctor_report):
            path.unlink(missing_ok=True)


async def _told_by_agent(programs: Programs, places: Places) -> list[Finding] | None:
    await launchd.unload(programs, DOCTOR_LABEL)
    await launchd.load(programs, DOCTOR_LABEL, places.doctor_agent)
    try:
        async with asyncio.timeout(_WITHIN_S):
            while (told := _report(places)) is None and not await _has_ended(programs):  # noqa: ASYNC110 - another process
                await asyncio.sleep(_PAUSE_S)
        return told or _report(places)
    except TimeoutError:
        return None
    finally:
        await launchd.unload(programs, DOCTOR_LABEL)


async def _has_ended(programs: Programs) -> bool:
    found = await launchd.loaded(programs, DOCTOR_LABEL)
    return found is None or (found.last_exit is not None and not found.is_running)


def _report(places: Places) -> list[Finding] | None:
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(places.doctor_report.read_bytes(), type=list[Finding])
    return None
