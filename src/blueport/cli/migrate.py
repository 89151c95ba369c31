"""`blueport migrate`: brings a database to the newest schema, as a server does when it starts."""

import argparse
import sys

import msgspec

from blueport.cli import operating
from blueport.cli.operating import Desk
from blueport.server.settings import name_without_secret
from blueport.server.store.schema import NEWEST, revision, upgrade


class Migration(msgspec.Struct, frozen=True):
    """Which schema a database had, None if none, and which it has now."""

    database: str
    before: str | None
    after: str | None
    newest: str


def main(arguments: list[str]) -> None:
    """Bring the database to the newest schema, or tell whether there is something to do."""
    operating.run_alone("migrate", __doc__, _options, _migrate, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if there is something to do")


def _migrate(desk: Desk, options: argparse.Namespace) -> None:
    before = revision(desk.database)
    if not options.check:
        upgrade(desk.database)
    made = Migration(name_without_secret(desk.database), before, before if options.check else NEWEST, NEWEST)
    desk.tell(_sentence(made), made)
    if made.after != NEWEST:
        sys.exit(1)


def _sentence(made: Migration) -> str:
    if made.before == NEWEST:
        return f"{made.database} has the newest schema, {NEWEST}: there is nothing to do"
    before = f"schema {made.before}" if made.before else "no schema"
    if made.after == NEWEST:
        return f"{made.database} had {before}, and now has {NEWEST}"
    return f"{made.database} has {before}, and the newest is {NEWEST}: `blueport migrate` brings it there"
