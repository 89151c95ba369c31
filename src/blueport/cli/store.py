"""`blueport store`: move an installation to another database, as from a file to PostgreSQL."""

import argparse
import sys

from tqdm import tqdm

from blueport.cli import operating
from blueport.cli.environment import arm_failpoints
from blueport.cli.operating import Command, Desk
from blueport.server.settings import name_without_secret
from blueport.server.store.copying import Moved, copy


def main(arguments: list[str]) -> None:
    """Do what is asked about databases."""
    arm_failpoints()
    operating.run("store", __doc__, COMMANDS, arguments)


def _copy_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="FROM", help="the database to copy: a file or a URL; no server may run on it")
    parser.add_argument("target", metavar="TO", help="an empty one: a file or a URL; it gets the newest schema")


def _copy(desk: Desk, options: argparse.Namespace) -> None:
    desk.show(_moved(options.source, options.target), "table rows")
    source, target = name_without_secret(options.source), name_without_secret(options.target)
    operating.note(f"all of {source} is in {target} now, and {source} is as it was: start servers on {target} only")
    operating.note("the bytes of files are in no database: let BLUEPORT_FILES name their folder, or copy that too")


def _moved(source: str, target: str) -> list[Moved]:
    what = "checking, copying, comparing"
    with tqdm(desc=what, unit=" rows", unit_scale=True, file=sys.stderr, disable=None) as bar:
        try:
            return copy(source, target, bar)
        except KeyboardInterrupt:
            sys.exit("blueport: interrupted: unless it was at its very end, nothing was copied")


COMMANDS = (
    Command("copy", "copy all of a database into an empty one, or nothing", _copy_options, _copy, has_database=False),
)
