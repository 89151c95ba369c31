"""How the Mac itself is set up: its release, its sleep, what it does after a power failure, its disk."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from blueport.daemon.examining.findings import Finding, advice, no_mac, ok, unknown, wrong
from blueport.daemon.examining.subject import Subject
from blueport.daemon.installing import launchd
from blueport.daemon.installing.launcher import ADVICE, objection
from blueport.daemon.programs import NoAnswerError, NotHereError, Programs, answer
from blueport.daemon.remedies import grantee

_OLDEST_MACOS = 12
_GIB = 1024**3
_LEAST_BYTES, _LITTLE_BYTES = 1 * _GIB, 5 * _GIB
_HELD_AWAKE = re.compile(r"^\s*sleep\s+\d+\s+\(sleep prevented by (?P<who>.*)\)", re.MULTILINE)
_LOGIN_WINDOW = "/Library/Preferences/com.apple.loginwindow"


def python(subject: Subject) -> Finding:
    """Look whether the Python that permissions are granted to stays what it is."""
    name, real = "Python", grantee(subject.interpreter)
    reason = objection(subject.interpreter, real)
    if reason is not None:
        return wrong(name, f"{reason} Permissions are lost with that. {ADVICE}")
    return ok(name, f"Permissions are to be granted to {real}.")


async def macos(programs: Programs) -> Finding:
    """Look which release this is."""
    name = "macOS"
    version = await _output(programs.sw_vers, "-productVersion")
    if version is None:
        return no_mac(name)
    release = version.partition(".")[0]
    if not release.isdecimal():
        return unknown(name, f"{programs.sw_vers} says nothing that is a version.")
    if int(release) < _OLDEST_MACOS:
        return wrong(name, f"macOS {version} is too old: the daemon knows {_OLDEST_MACOS} and newer.")
    return ok(name, f"macOS {version}.")


async def session(programs: Programs) -> Finding:
    """Look whether somebody is logged in at the screen."""
    name = "login"
    try:
        is_there = await launchd.has_session(programs)
    except NotHereError:
        return no_mac(name)
    except NoAnswerError:
        return unknown(name, "launchctl did not answer.")
    if is_there:
        return ok(name, "This user is logged in at the screen.")
    return wrong(name, "Nobody is logged in at this Mac's screen as this user: log in there, or by screen sharing.")


async def sleep(programs: Programs) -> Finding:
    """Look whether it stays awake."""
    name = "sleep"
    minutes = _setting(await _output(programs.pmset, "-g", "custom"), "sleep")
    if minutes is None:
        return no_mac(name)
    if minutes == 0:
        return ok(name, "This Mac does not go to sleep.")
    held = _HELD_AWAKE.search(await _output(programs.pmset, "-g") or "")
    if held is not None:
        return ok(name, f"It would sleep after {minutes} idle minutes, but is held awake now by {held['who']}.")
    sentence = (
        "a Mac that sleeps neither sends nor hears. Turn it off in System Settings, Energy, or: sudo pmset -a sleep 0"
    )
    return wrong(name, f"This Mac sleeps after {minutes} idle minutes, and {sentence}")


async def restarting(programs: Programs) -> Finding:
    """Look whether it comes back after a power failure."""
    name = "power failure"
    restarts = _setting(await _output(programs.pmset, "-g", "custom"), "autorestart")
    if restarts is None:
        return unknown(name, "pmset does not say whether this Mac starts by itself after a power failure.")
    if restarts:
        return ok(name, "It starts by itself after a power failure.")
    return advice(name, "It stays off after a power failure: System Settings, Energy, or: sudo pmset -a autorestart 1")


async def login(programs: Programs) -> Finding:
    """Look whether somebody is logged in after a start without anybody coming by."""
    name = "after a start"
    vault = await _output(programs.fdesetup, "status")
    if vault is None:
        return no_mac(name)
    if "On" in vault:
        sentence = "FileVault is on: after each start somebody has to unlock this Mac before the daemon runs"
        return advice(name, f"{sentence}. That is the price of an encrypted disk; to be without it, turn it off.")
    user = await _output(programs.defaults, "read", _LOGIN_WINDOW, "autoLoginUser")
    if user:
        return ok(name, f"The user {user} is logged in by itself; whoever takes this Mac away can read its disk.")
    where = "System Settings, Users & Groups, Automatically log in as"
    return advice(name, f"Nobody is logged in by itself after a start, and the daemon waits for that: {where}.")


def disk(subject: Subject) -> Finding:
    """Look how much room there is for chat.db and for the journal."""
    places = (subject.places.home, subject.settings.journal.absolute())
    return room({str(place): _free_bytes(place) for place in places})


def room(free: Mapping[str, int]) -> Finding:
    """Judge the bytes that are free at some places."""
    name = "disk"
    place, least = min(free.items(), key=lambda each: each[1])
    told = f"{least / _GIB:.1f} GiB are free where {place} is"
    if least < _LEAST_BYTES:
        return wrong(name, f"Only {told}: make room, or Messages and the daemon will stop.")
    return advice(name, f"Only {told}.") if least < _LITTLE_BYTES else ok(name, f"{told}.")


def _free_bytes(place: Path) -> int:
    """Return the room at *place*, or where it would be made."""
    there = next(each for each in (place, *place.parents) if each.exists())
    return shutil.disk_usage(there).free


def _setting(told: str | None, name: str) -> int | None:
    """Return what `pmset` says of a setting; of several the one for a Mac on mains, which comes last."""
    found = re.findall(rf"^\s*{name}\s+(\d+)", told or "", re.MULTILINE)
    return int(found[-1]) if found else None


async def _output(program: str, *arguments: str) -> str | None:
    """Return what a program prints; None if it is not there, fails, or does not end."""
    try:
        said = await answer(program, *arguments)
    except (NotHereError, NoAnswerError):
        return None
    return said.stdout.strip() if said.code == 0 else None
