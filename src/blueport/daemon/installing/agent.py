"""What launchd is told: who starts when, and where what it says goes. No setting is in it; anybody may read it."""

import plistlib
from collections.abc import Mapping
from xml.parsers.expat import ExpatError

import msgspec

from blueport.daemon.installing.places import DOCTOR_LABEL, LABEL, Places
from blueport.daemon.transports.children import LANGUAGE

# Between two starts of a daemon that ends at once, as for a setting that is not right.
_THROTTLE_S = 15
# A hand-over to Messages is cut off after half of it at most, and what is in the journal outlives any end.
_EXIT_TIMEOUT_S = 20

Told = str | bool | int | list[str] | dict[str, str]


def daemon_agent(places: Places, interpreter: str, environment: Mapping[str, str]) -> bytes:
    """Return the plist of the daemon's agent: from login to logout, in the session that has a screen."""
    words = ["daemon", "run", "--settings", str(places.settings), "--log", str(places.log), "--stay-awake"]
    told: dict[str, Told] = {
        **_common(LABEL, places, interpreter, words, environment),
        "KeepAlive": True,
        "ThrottleInterval": _THROTTLE_S,
        "ExitTimeOut": _EXIT_TIMEOUT_S,
        "StandardOutPath": str(places.log),
        "StandardErrorPath": str(places.log),
    }
    return plistlib.dumps(told)


def doctor_agent(places: Places, interpreter: str, environment: Mapping[str, str]) -> bytes:
    """Return the plist of an agent that examines this Mac once, with just the permissions that the daemon has."""
    words = ["daemon", "doctor", "--here", "--json", "--settings", str(places.doctor_settings)]
    told: dict[str, Told] = {
        **_common(DOCTOR_LABEL, places, interpreter, words, environment),
        "StandardOutPath": str(places.doctor_report),
        "StandardErrorPath": str(places.log),
    }
    return plistlib.dumps(told)


class _Agent(msgspec.Struct, frozen=True):
    arguments: tuple[str, ...] = msgspec.field(name="ProgramArguments")


def interpreter_of(agent: bytes) -> str | None:
    """Return the interpreter by which an agent runs, None if that is no agent of ours."""
    try:
        return next(iter(msgspec.convert(plistlib.loads(agent), _Agent).arguments), None)
    except (ValueError, ExpatError, msgspec.ValidationError):
        return None


def _common(
    label: str, places: Places, interpreter: str, words: list[str], environment: Mapping[str, str]
) -> dict[str, Told]:
    return {
        "Label": label,
        # -P: what lies in the working directory is no module of ours.
        "ProgramArguments": [interpreter, "-P", "-m", "blueport.cli.main", *words],
        "EnvironmentVariables": {**LANGUAGE, **environment},
        "WorkingDirectory": str(places.own),
        # Apple events and the permission to send them exist only where somebody is logged in at the screen.
        "LimitLoadToSessionType": "Aqua",
        "RunAtLoad": True,
        # Else macOS takes it for something that can wait: slows its timers, disk and network down.
        "ProcessType": "Interactive",
    }
