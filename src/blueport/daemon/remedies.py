"""What a person can do about what may be wrong with a Mac, in the words of both the daemon and its doctor.

Permissions belong to a program, and to the place where it lies. To the daemon that launchd has started they come with
its interpreter; to one that was started by hand in a terminal, with that terminal.
"""

import errno
import re
import sqlite3
import sys
from pathlib import Path

from blueport.daemon.health import Condition

_PRIVACY = "System Settings, Privacy & Security"
# The interpreter of a framework is a door to this application, as which it runs.
_IN_FRAMEWORK = re.compile(r"(?P<version>.*/Python\.framework/Versions/[^/]+)/bin/python[0-9.]*")


def grantee(interpreter: str = sys.executable) -> str:
    """Return the program to which a person has to give permissions, for a daemon that runs by *interpreter*."""
    real = str(Path(interpreter).resolve())
    framework = _IN_FRAMEWORK.fullmatch(real)
    application = f"{framework['version']}/Resources/Python.app" if framework else ""
    return application if application and Path(application).exists() else real


def _to_whom() -> str:
    return f"{grantee()} (or the terminal, where you start the daemon by hand there)"


_GRANT = f"grant Full Disk Access to {_to_whom()}: {_PRIVACY}, Full Disk Access, +."
NO_AUTOMATION = Condition(
    "no_automation", f"Allow it to control Messages: {_PRIVACY}, Automation, {_to_whom()}, Messages."
)
NOT_SIGNED_IN = Condition("not_signed_in", "Sign in to iMessage in the Messages app of this Mac.")
HANGING = Condition(
    "degraded",
    "Messages did not answer in time; look at this Mac's screen, where a question may be waiting: whether "
    f"{grantee()} may control Messages.",
)
NEVER_ANSWERED = Condition(
    "no_automation",
    "Messages does not answer. On this Mac's screen a question may be waiting whether this program may control it; else"
    f" allow that: {_PRIVACY}, Automation, {_to_whom()}, Messages.",
)
NO_SESSION = Condition(
    "no_session", "Messages cannot be started: log in at this Mac's screen as the user whose lines these are."
)
NOT_RUNNING = Condition("degraded", "Messages is not running: open it, and have it opened at login.")


def chat_db_condition(path: Path, error: sqlite3.Error | OSError) -> Condition:
    """Say what a person has to do about *error*, which came of reading chat.db at *path*."""
    if isinstance(error, FileNotFoundError):
        missing = f"{path} is not there: open Messages and sign in, or name the right file. Should it be there for you,"
        return Condition("no_disk_access", f"{missing} {_GRANT}")
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
        return _forbidden(path)
    if isinstance(error, sqlite3.Error) and _is(error, "SQLITE_AUTH", "SQLITE_CANTOPEN", "SQLITE_PERM"):
        return _forbidden(path)
    if isinstance(error, sqlite3.Error) and _is(error, "SQLITE_BUSY", "SQLITE_LOCKED"):
        return Condition("degraded", f"{path} is locked by another program.")
    return Condition("degraded", f"{path} cannot be read: {error}")


def _forbidden(path: Path) -> Condition:
    return Condition("no_disk_access", f"{path} may not be read: {_GRANT}")


def _is(error: sqlite3.Error, *names: str) -> bool:
    name = getattr(error, "sqlite_errorname", "")
    return any(str(name).startswith(one) for one in names)
