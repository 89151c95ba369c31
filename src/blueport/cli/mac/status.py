"""`blueport daemon status`: whether the daemon is installed and runs, and what its journal holds.

It exits with 0 if it runs.
"""

import argparse
import asyncio
import sys
from datetime import UTC, datetime

import msgspec

from blueport.cli.mac import surroundings
from blueport.cli.parsing import Parser
from blueport.daemon.examining.status import Status, status
from blueport.daemon.programs import NoAnswerError
from blueport.protocol.versions import is_older


def main(arguments: list[str]) -> None:
    """Tell it."""
    options = _parser().parse_args(arguments)
    places = surroundings.places()
    journal = surroundings.journal_of(surroundings.kept_or_given(places.settings))
    try:
        found = asyncio.run(status(surroundings.programs(), places, journal))
    except NoAnswerError:
        sys.exit("blueport: launchd does not answer; try again, or restart this Mac")
    print(msgspec.json.encode(found).decode() if options.json else _told(found))
    sys.exit(0 if found.is_running else 1)


def _told(found: Status) -> str:
    rows = {
        "daemon": _daemon(found),
        "version": _version(found),
        "log": found.log,
        "journal": found.journal,
        **_journal(found),
    }
    return "\n".join(f"{name:9} {words}" for name, words in rows.items())


def _version(found: Status) -> str:
    of_server = None if found.holds is None else found.holds.server_version
    if found.version is None or of_server is None or not is_older(found.version, of_server):
        return found.version or "unknown"
    return f"{found.version}, and the server has {of_server}: a newer version is there"


def _daemon(found: Status) -> str:
    if found.is_running:
        since = "" if found.running_since is None else f" since {_moment(found.running_since)}"
        starts = "" if found.starts in (None, 1) else f", started {found.starts} times since this user logged in"
        return f"running{since}, process {found.pid}{starts}"
    if not found.is_installed:
        return "not installed: blueport daemon install" if found.is_mac else "not installed: this is no Mac"
    if not found.is_loaded:
        return "installed, but launchd does not have it: log in at the screen, or blueport daemon install"
    end = f", ended with {found.last_exit}" if found.last_exit else ""
    return f"not running{end}: see its log, or blueport daemon doctor"


def _journal(found: Status) -> dict[str, str]:
    held = found.holds
    if held is None:
        return {"holds": found.trouble or "nothing: it has not run yet"}
    looked = "never" if held.looked_at is None else f"{_moment(held.looked_at)} (noted once a minute)"
    return {
        "holds": ", ".join(held.held()) or "nothing unfinished",
        "chat.db": f"read up to row {held.cursor}, last look {looked}" if held.cursor is not None else "not read yet",
    }


def _moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="blueport daemon status", description=__doc__)
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    return parser
