"""`blueport daemon install`: has this Mac start the daemon at each login and keep it running.

Settings are taken from the BLUEPORT_DAEMON_... variables and the options, over those that were kept before, and kept in
a file that only you can read. To install again is to update.
"""

import argparse
import asyncio
import getpass
import os
import shutil
import sys
from pathlib import Path

from blueport.cli.environment import arm_failpoints, misconfigured, settings_of
from blueport.cli.mac import surroundings
from blueport.cli.parsing import Parser
from blueport.daemon.installing import service
from blueport.daemon.installing.launchd import LaunchdError, Loaded
from blueport.daemon.installing.launcher import ADVICE, objection
from blueport.daemon.installing.places import Places
from blueport.daemon.installing.settings_file import PREFIX, SettingsFileError
from blueport.daemon.journal.file import JournalInUseError
from blueport.daemon.programs import NoAnswerError, NotHereError
from blueport.daemon.remedies import grantee
from blueport.daemon.settings import Settings

# Two sends of a real Mac want so much between them.
_PACE_MS = "400"
_IMSG = ("/opt/homebrew/bin/imsg", "/usr/local/bin/imsg")


def main(arguments: list[str]) -> None:
    """Install, and say what to do next."""
    options = _parser().parse_args(arguments)
    arm_failpoints()
    if "SUDO_USER" in os.environ:
        sys.exit("blueport: without sudo: the daemon is to be that of the user who is signed in to Messages")
    _judge_interpreter(is_forced=options.anyway)
    places = surroundings.places()
    variables = _variables(options, places)
    settings = settings_of(Settings, "BLUEPORT_DAEMON_", variables)
    try:
        loaded = asyncio.run(
            service.install(
                surroundings.programs(),
                places,
                sys.executable,
                variables,
                journal=settings.journal,
                environment=surroundings.handed_on(),
            )
        )
    except NotHereError as error:
        sys.exit(f"blueport: this is no Mac: {error}")
    except NoAnswerError:
        sys.exit("blueport: launchd does not answer; try again, or restart this Mac")
    except (JournalInUseError, LaunchdError, SettingsFileError) as error:
        sys.exit(f"blueport: {error}")
    _announce(places, settings, loaded)


def _judge_interpreter(*, is_forced: bool) -> None:
    """Refuse a Python that would lose its permissions one day."""
    reason = objection(sys.executable, grantee())
    if reason is not None and not is_forced:
        sys.exit(f"blueport: {reason} Permissions are lost with that. {ADVICE} Or: --anyway")
    if reason is not None:
        print(f"blueport: {reason} Permissions are lost with that.", file=sys.stderr)


def _variables(options: argparse.Namespace, places: Places) -> dict[str, str]:
    """Return all settings that are to be kept."""
    given = {
        "SERVER_URL": options.server_url,
        "LINES": ",".join(options.line) if options.line else None,
        "TOKEN": None if options.token_file is None else _token(options.token_file),
        "JOURNAL": None if options.journal is None else str(options.journal),
    }
    kept = surroundings.kept_or_given(places.settings)
    variables = kept | {PREFIX + name: value for name, value in given.items() if value is not None}
    _judge_journal(variables)
    return _completed(surroundings.in_place(variables))


def _completed(variables: dict[str, str]) -> dict[str, str]:
    """Return *variables* with what can be found out or asked for."""
    missing = surroundings.missing(variables)
    if missing == (f"{PREFIX}TOKEN",) and sys.stdin.isatty():
        variables[f"{PREFIX}TOKEN"] = getpass.getpass("Token of this daemon (dt_...): ").strip()
    elif missing:
        names = ", ".join(missing)
        misconfigured(
            f"this Mac does not know its server yet ({names}): blueport daemon pair, or install with --server-url,"
            " --line and --token-file"
        )
    imsg = shutil.which(variables.get(f"{PREFIX}IMSG", "imsg")) or next(filter(shutil.which, _IMSG), None)
    found = {} if imsg is None else {f"{PREFIX}IMSG": imsg}
    return {f"{PREFIX}PACE_MS": _PACE_MS, **variables, **found}


def _judge_journal(variables: dict[str, str]) -> None:
    """Refuse to begin a second journal beside the one of a daemon that was started here by hand."""
    here = Path("blueport-daemon.db").absolute()
    if f"{PREFIX}JOURNAL" not in variables and here.exists():
        misconfigured(
            f'a daemon has run in this folder, and {here} knows what it did. To go on with it: --journal "{here}".'
            " To begin anew, move it away"
        )


def _token(file: str) -> str:
    """Read a token from a file, or from standard input."""
    return (sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")).strip()


def _announce(places: Places, settings: Settings, loaded: Loaded | None) -> None:
    is_running = loaded is not None and loaded.is_running
    print(f"The daemon is installed{' and running' if is_running else ', but does not run yet'}.\n")
    print(f"  settings  {places.settings}\n  journal   {settings.journal}\n  log       {places.log}\n")
    if settings.imsg is None:
        print("imsg was not found, so there are texts and files only; install again once it is there.")
    print("Now see what it lacks, and what to do about it:\n\n  blueport daemon doctor")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="blueport daemon install", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server-url", metavar="URL", help="where your server is, as https://blueport.example.com")
    parser.add_argument(
        "--line", action="append", metavar="ADDRESS", help="a phone number or Apple ID; more than once for more"
    )
    parser.add_argument("--token-file", metavar="FILE", help="a file with this daemon's token; - is standard input")
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="what the daemon remembers, if it is not to lie beside its settings",
    )
    parser.add_argument("--anyway", action="store_true", help="even by a Python that an upgrade will replace")
    return parser
