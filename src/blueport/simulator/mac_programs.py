"""Stands in for the programs of macOS that tell how a Mac is, or start others on it.

python -m blueport.simulator.mac_programs NAME HOME ARGUMENT...
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from blueport.simulator.condition import condition_of
from blueport.simulator.settings import assertions_path
from blueport.simulator.stand_in import ScriptError, ask

_LOOK_AGAIN_S = 0.2


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def main() -> None:
    """Answer, or say on standard error why not."""
    name, home, *arguments = sys.argv[1:]
    try:
        sys.stdout.write(PROGRAMS[name](Path(home), arguments))
    except _RefusedError as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(refused.status)


def _launchctl(home: Path, arguments: Sequence[str]) -> str:
    try:
        return ask(str(home), [b"launchctl", *map(os.fsencode, arguments)]).decode()
    except ScriptError as error:
        raise _RefusedError(error.number & 0xFF, error.message) from error


def _caffeinate(home: Path, arguments: Sequence[str]) -> str:
    pid = int(arguments[arguments.index("-w") + 1])
    assertion = assertions_path(home) / str(os.getpid())
    assertion.parent.mkdir(parents=True, exist_ok=True)
    assertion.touch()
    while _is_alive(pid):
        time.sleep(_LOOK_AGAIN_S)
    assertion.unlink()
    return ""


def _pmset(home: Path, arguments: Sequence[str]) -> str:
    condition = condition_of(home)
    if arguments == ["-g", "custom"]:
        return (
            "AC Power:\n Sleep On Power Button 1\n"
            f" autorestart          {int(condition.restarts_after_power_failure)}\n"
            f" disksleep            10\n sleep                {condition.sleep_min}\n displaysleep         10\n"
        )
    if arguments == ["-g"]:
        held = " (sleep prevented by caffeinate)" if _is_held_awake(home) else ""
        return f"System-wide power settings:\nCurrently in use:\n sleep                {condition.sleep_min}{held}\n"
    raise _RefusedError(1, "Usage: pmset <options>")


def _sw_vers(home: Path, arguments: Sequence[str]) -> str:
    if list(arguments) != ["-productVersion"]:
        raise _RefusedError(1, "Usage: sw_vers [--productName|--productVersion]")
    return f"{condition_of(home).version}\n"


def _fdesetup(home: Path, _arguments: Sequence[str]) -> str:
    return f"FileVault is {'On' if condition_of(home).is_encrypted else 'Off'}.\n"


def _defaults(home: Path, arguments: Sequence[str]) -> str:
    user = condition_of(home).logs_in
    if user is None or list(arguments[-1:]) != ["autoLoginUser"]:
        raise _RefusedError(1, f"The domain/default pair of ({', '.join(arguments[1:])}) does not exist")
    return f"{user}\n"


def _is_held_awake(home: Path) -> bool:
    folder = assertions_path(home)
    return folder.exists() and any(_is_alive(int(assertion.name)) for assertion in folder.iterdir())


def _is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


PROGRAMS: dict[str, Callable[[Path, Sequence[str]], str]] = {
    "launchctl": _launchctl,
    "caffeinate": _caffeinate,
    "pmset": _pmset,
    "sw_vers": _sw_vers,
    "fdesetup": _fdesetup,
    "defaults": _defaults,
}


if __name__ == "__main__":
    main()
