"""`blueport daemon uninstall`: ends the daemon, now and for good; settings, journal and log stay without --purge."""

import argparse
import asyncio
import sys
from pathlib import Path

from blueport.cli.environment import arm_failpoints
from blueport.cli.mac import surroundings
from blueport.cli.parsing import Parser
from blueport.daemon.installing import service
from blueport.daemon.installing.launchd import LaunchdError
from blueport.daemon.installing.service import StillNeededError
from blueport.daemon.journal.file import JournalInUseError
from blueport.daemon.journal.survey import UnreadableError, survey
from blueport.daemon.programs import NoAnswerError, NotHereError


def main(arguments: list[str]) -> None:
    """Uninstall, and say what is left."""
    options = _parser().parse_args(arguments)
    arm_failpoints()
    places = surroundings.places()
    journal = surroundings.journal_of(surroundings.kept_or_given(places.settings))
    try:
        was_there = asyncio.run(service.uninstall(surroundings.programs(), places))
        print("The daemon is no longer started." if was_there else "The daemon was not installed.")
        if options.purge:
            lost = service.purge(places, journal, is_forced=options.even_unfinished)
            print(f"Settings, journal and log are deleted{', and ' if lost else ''}{', '.join(lost)}.")
        else:
            _tell_what_is_left(journal)
    except NotHereError as error:
        sys.exit(f"blueport: this is no Mac: {error}")
    except NoAnswerError:
        sys.exit("blueport: launchd does not answer; try again, or restart this Mac")
    except StillNeededError as error:
        sys.exit(f"blueport: nothing was deleted: {error}. To lose that: --purge --even-unfinished")
    except (JournalInUseError, LaunchdError, UnreadableError) as error:
        sys.exit(f"blueport: {error}")


def _tell_what_is_left(journal: Path) -> None:
    found = survey(journal)
    if found is None:
        return
    holds = f"holds {', '.join(found.held())}" if found.held() else "holds nothing unfinished"
    print(f"Its settings and its journal stay: {journal} {holds}.")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="blueport daemon uninstall", description=__doc__)
    parser.add_argument(
        "--purge", action="store_true", help="delete settings, journal and log too, if nothing is unfinished"
    )
    parser.add_argument("--even-unfinished", action="store_true", help="with --purge: even what is unfinished")
    return parser
