"""Whether launchd keeps the daemon running."""

from blueport.daemon.examining.findings import Finding, no_mac, ok, unknown, wrong
from blueport.daemon.examining.subject import Subject
from blueport.daemon.installing import launchd
from blueport.daemon.installing.launchd import Loaded
from blueport.daemon.installing.places import LABEL
from blueport.daemon.journal.survey import UnreadableError, survey
from blueport.daemon.programs import NoAnswerError, NotHereError

_DAEMON, _JOURNAL, _SETTINGS = "daemon", "journal", "settings"
_OTHERS = 0o077


async def daemon(subject: Subject) -> Finding:
    """Look whether it is installed, and runs."""
    try:
        found = await launchd.loaded(subject.programs, LABEL)
    except NotHereError:
        return no_mac(_DAEMON)
    except NoAnswerError:
        return unknown(_DAEMON, "launchctl did not answer.")
    return _judged(subject, found)


def _judged(subject: Subject, found: Loaded | None) -> Finding:
    if not subject.places.agent.exists():
        return wrong(_DAEMON, "It is not installed: blueport daemon install")
    if found is None:
        return wrong(_DAEMON, "It is installed, but launchd does not have it: blueport daemon install")
    if not found.is_running:
        end = f" It ended with {found.last_exit}." if found.last_exit else ""
        return wrong(_DAEMON, f"It does not run.{end} Its log says why: {subject.places.log}")
    return ok(_DAEMON, f"It runs, as process {found.pid}.")


def settings(subject: Subject) -> list[Finding]:
    """Look whether the token is its owner's alone."""
    path = subject.places.settings
    if not path.exists():
        return []
    if path.stat().st_mode & _OTHERS:
        return [wrong(_SETTINGS, f'Others can read {path}, which holds the token: chmod 600 "{path}"')]
    return [ok(_SETTINGS, f"{path} is its owner's alone.")]


def journal(subject: Subject) -> Finding:
    """Look whether the journal can be read, and whether the server refuses what is in it."""
    path = subject.settings.journal.absolute()
    try:
        found = survey(path)
    except UnreadableError as error:
        return wrong(_JOURNAL, str(error))
    if found is None:
        return unknown(_JOURNAL, f"There is none yet at {path}; the daemon makes it when it first runs.")
    if found.set_aside:
        told = "of what was seen the server refused; the log says why, and it is offered again at each start"
        return wrong(_JOURNAL, f"{found.set_aside} {told}.")
    return ok(_JOURNAL, f"{path} can be read.")
