"""Keeps the Mac from sleeping while the daemon runs: a Mac that sleeps neither sends nor hears.

`caffeinate` is the daemon's child, not the other way round. Full Disk Access and the leave to control Messages are
given to the program that launchd starts, and asked of its children in its name. Were that `caffeinate`, a person would
have to grant them to a program of Apple's that anybody can run with anything; and who does not know of that would grant
them to Python, in vain.
"""

import os
import subprocess

from blueport.logs.lines import logger, named

_log = logger(__name__)


def keep_awake(caffeinate: str) -> None:
    """Have *caffeinate* hold off the sleep of an idle Mac until this process ends, however that comes about."""
    # Neither -d nor -u: the screen may go dark.
    command = [caffeinate, "-i", "-m", "-s", "-w", str(os.getpid())]
    nothing = subprocess.DEVNULL
    try:
        subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)  # noqa: S603 - ours
    except OSError as error:
        _log.warning("mac_may_sleep", **named(error))
