"""What the verbs of the operator have in common: they open the database themselves, beside a server or without one.

What a script wants (a secret, an id) goes to standard output, alone; what a person should know beside it goes to
standard error. Lists are tables for people, and JSON for machines. Exit status: 0 it is done, 1 it could not be, 2 it
is no command of ours.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn, TypeVar

import msgspec

from blueport import clock
from blueport.cli import parsing
from blueport.cli.environment import misconfigured, settings_of
from blueport.cli.tables import table
from blueport.handles import sendable_handle
from blueport.server.auditing.queries import Entry
from blueport.server.authorizing.keys import SCOPES
from blueport.server.errors import MisconfiguredError, StoreUnavailableError
from blueport.server.operating.queries import AccountRow, LineRow
from blueport.server.operating.service import Key, OperatorError, name_of
from blueport.server.settings import Settings, name_without_secret
from blueport.server.store.opening import once
from blueport.server.store.schema import upgrade
from blueport.server.store.tx import Tx

T = TypeVar("T")
Listed = AccountRow | Key | LineRow | Entry | msgspec.Struct
Told = str | int | bool | Sequence[str] | None

_DURATION = re.compile(r"([0-9]{1,5})([smhd])")
_NUMBER = re.compile(r"0*[1-9][0-9]{0,8}")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_URL = re.compile(r"postgres(?:ql)?://[^\s'\"]*")
_WORDS = ("scopes", "line_ids", "capabilities")
_FLAGS = ("extended_events", "stop_handling")
# Where nothing is set the installation decides.
_INHERITED = ("pace_ms", "pace_burst", "loop_limit")
_NOTHING = "-"


class Desk(NamedTuple):
    """Where the operator works: his database, how he wants to be answered, and where others reach his server."""

    database: str
    region: str
    is_json: bool
    secrets_key: str | None
    url: str

    def done(self, unit: Callable[[Tx], T]) -> T:
        """Do a unit of work, and return its result once it is on the disk.

        Raises:
            OperatorError: As *unit*.
            StoreUnavailableError: The database did not take it.
        """
        if upgrade(self.database) is None:
            note(f"{name_without_secret(self.database)} is new: no server has used it yet")
        return once(self.database, clock.now_ms, unit)

    def tell(self, word: str, record: msgspec.Struct, *notes: str) -> None:
        """Answer with the one word that was wanted, or with all of *record* in JSON."""
        if self.is_json:
            print(msgspec.json.encode(record).decode())
            return
        print(word)
        for each in notes:
            note(each)

    def show(self, rows: Sequence[Listed], columns: str) -> None:
        """Answer with a list: *columns* of it as a table, or all of it in JSON."""
        told = [_told(row) for row in rows]
        if self.is_json:
            print(msgspec.json.encode(told).decode())
        else:
            print(_table(told, columns.split()))


class Parser(parsing.Parser):
    """Repeats no password when it says what it does not understand."""

    def error(self, message: str) -> NoReturn:
        """See `ArgumentParser.error`."""
        super().error(_URL.sub(lambda url: name_without_secret(url[0]), message))


class Command(NamedTuple):
    """`blueport VERB NAME`: what it is for, its options, and what it does."""

    name: str
    purpose: str
    options: Callable[[argparse.ArgumentParser], None]
    do: Callable[[Desk, argparse.Namespace], None]
    has_database: bool = True  # the one that it works on; else its own arguments name it


class Done(msgspec.Struct, frozen=True):
    """What was made or changed."""

    id: str


def run(verb: str, purpose: str | None, commands: Sequence[Command], arguments: list[str]) -> None:
    """Do the one of *commands* that is asked for; what cannot be is one line."""
    options = _parser(verb, purpose, commands).parse_args(arguments)
    _do(options.do, options)


def run_alone(
    verb: str,
    purpose: str | None,
    its_options: Callable[[argparse.ArgumentParser], None],
    do: Callable[[Desk, argparse.Namespace], None],
    arguments: list[str],
) -> None:
    """Do the one thing that a verb does; what cannot be is one line."""
    parser = Parser(prog=f"blueport {verb}", description=purpose)
    its_options(parser)
    _database_option(parser)
    _json_option(parser)
    _do(do, parser.parse_args(arguments))


def _do(do: Callable[[Desk, argparse.Namespace], None], options: argparse.Namespace) -> None:
    settings = settings_of(Settings, "BLUEPORT_")
    database = getattr(options, "database", None) or settings.database
    desk = Desk(database, settings.region, options.json, settings.secrets_key, settings.own_url)
    try:
        do(desk, options)
    except MisconfiguredError as error:
        misconfigured(str(error))
    except (OperatorError, StoreUnavailableError) as error:
        sys.exit(f"blueport: {error}")


def note(words: str) -> None:
    """Tell a person what a script need not know."""
    print(f"blueport: {words}", file=sys.stderr)


def no_options(_parser: argparse.ArgumentParser) -> None:
    """Take nothing but what all commands take."""


def account_option(parser: argparse.ArgumentParser, *, is_required: bool = False) -> None:
    """Take the account that is meant."""
    parser.add_argument("--account", required=is_required, metavar="ACCOUNT", help="its name or acc_... id")


def canonical_line(desk: Desk, named: str) -> str:
    """Return a line as the database knows it: its `ln_...` id or its canonical handle.

    Raises:
        OperatorError: It can be neither.
    """
    handle = named if named.startswith("ln_") else sendable_handle(named, region=desk.region)
    if handle is None:
        raise OperatorError(f"{named!r} is no phone number with its country code, and no Apple ID")
    return handle


def duration_ms(words: str) -> int:
    """Read `30d`, `24h`, `15m` or `90s`."""
    match = _DURATION.fullmatch(words)
    if match is None:
        raise argparse.ArgumentTypeError(f"{words!r} is no time like 30d, 24h, 15m or 90s")
    return int(match[1]) * _UNIT_MS[match[2]]


def above_zero(words: str) -> int:
    """Read a whole number above zero, of up to nine digits: no database takes any number."""
    if not _NUMBER.fullmatch(words):
        raise argparse.ArgumentTypeError(f"{words!r} is no whole number from 1 to 999999999")
    return int(words)


def name(words: str) -> str:
    """Read what something is to be called."""
    try:
        return name_of(words)
    except OperatorError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def moment(at: int | None) -> str:
    """Return Unix milliseconds as people write them, in UTC."""
    return _NOTHING if at is None else f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _parser(verb: str, purpose: str | None, commands: Sequence[Command]) -> argparse.ArgumentParser:
    parser = Parser(prog=f"blueport {verb}", description=purpose)
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in commands:
        its_own = subparsers.add_parser(command.name, help=command.purpose, description=command.purpose)
        command.options(its_own)
        if command.has_database:
            _database_option(its_own)
        _json_option(its_own)
        its_own.set_defaults(do=command.do)
    return parser


def _database_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", help="the database: a file or a URL (BLUEPORT_DATABASE, else blueport.db)")


def _json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def _told(row: Listed) -> dict[str, Told]:
    """Return a row with flags and lists as what they are."""
    fields: dict[str, Told] = msgspec.structs.asdict(row) if isinstance(row, msgspec.Struct) else row._asdict()
    return {field: _meant(field, value) for field, value in fields.items()}


def _meant(field: str, value: Told) -> Told:
    if field.startswith("is_") or field in _FLAGS:
        return bool(value)
    return value.split() if field in _WORDS and isinstance(value, str) else value


def _table(rows: list[dict[str, Told]], columns: list[str]) -> str:
    lines = [[column.removesuffix("_at").replace("_", " ").upper() for column in columns]]
    lines += [[_cell(column, row[column]) for column in columns] for row in rows]
    return table(lines)


def _cell(column: str, value: Told) -> str:
    if value is None or value in ("", []):
        return "default" if column in _INHERITED else _NOTHING
    if value == SCOPES:
        return "all"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return moment(value) if column.endswith("at") else str(value)
    return value if isinstance(value, str) else ",".join(value)
