"""What the verbs of the API's users have in common: the session, the answers, the options, and how it ends.

What a script wants goes to standard output, alone; what a person should know beside it, progress and errors go to
standard error. With `--json` the answer is the API's own JSON: an object, an array for a list, an object a line for
what goes on. Then an error is an object too: `{"error": {"type", "code", "message"}, "request_id"}`.
"""

import argparse
import contextlib
import json
import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple, NoReturn, TypeVar

from blueport.cli.api import ending
from blueport.cli.api.credentials import Credentials, credentials
from blueport.cli.api.errors import NotSignedInError, UsageError
from blueport.cli.nouns import OPERATORS
from blueport.cli.parsing import COMPLETING, MixingParser
from blueport.cli.tables import printable, table
from blueport_sdk import AuthorizationError, Client, Line, as_told
from blueport_sdk.connecting import based

T = TypeVar("T")

LINE_COLUMNS: Mapping[str, Callable[[Line], str | None]] = {
    "LINE": lambda line: line.handle,
    "LABEL": lambda line: line.label,
    "SERVICE": lambda line: line.service,
    "ACTIVE": lambda line: "yes" if line.is_active else "no",
    "ID": lambda line: line.id,
}
LARGEST_PAGE = 100
_NOTHING = "-"
_JSON = "--json"
_EPILOG = """\
exit status: 0 done, 1 failed, or refused by the server, 2 wrong usage, 3 not signed in, 4 no such thing,
5 forbidden, or too much. With --json an error is the last line on standard error:
{"error": {"type", "code", "message"}, "request_id"}"""


class Command(NamedTuple):
    """`blueport VERB` or `blueport NOUN NAME`: what it is for, its options, what it does, and how it is used.

    The *examples* are what one would type behind `blueport`.
    """

    name: str
    purpose: str
    options: Callable[[argparse.ArgumentParser], None]
    do: Callable[["Session", argparse.Namespace], None]
    examples: Sequence[str]
    asks_the_server: bool = True


class _LineByLine(argparse.HelpFormatter):
    """Fills what is longer than the terminal is wide, but leaves lines apart, and what is indented as it is written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = (line if line.startswith(" ") else textwrap.fill(line, width) for line in text.splitlines())
        return textwrap.indent("\n".join(lines), indent)


class Session:
    """One command on its way: the client, and how its user wants to be answered."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Begin; nothing is asked of anybody yet."""
        self.is_json: bool = options.json
        self._said_key: str | None = options.key
        self._said_url: str | None = options.url
        self._said_line: str | None = getattr(options, "line", None)

    @cached_property
    def credentials(self) -> Credentials:
        """Where to ask, and by which key."""
        return credentials(self._said_key, self._said_url)

    @cached_property
    def client(self) -> Client:
        """The API.

        Raises:
            NotSignedInError: There is no key.
        """
        return self.client_that_waits_by(time.sleep)

    def client_that_waits_by(self, sleep: Callable[[float], object]) -> Client:
        """Return another client, which is to be closed; *sleep* is told for how many seconds.

        Raises:
            NotSignedInError: There is no key.
        """
        return client_at(self.credentials.api_url, self.key(), sleep)

    def key(self) -> str:
        """Return the key to ask by.

        Raises:
            NotSignedInError: There is none.
        """
        url, key, _ = self.credentials
        if key is None:
            base_of(url)
            raise NotSignedInError(
                f"there is no key for {url}: say `blueport login` (`blueport login --dev` beside a `blueport dev`),"
                " or set MESSAGES_API_KEY"
            )
        return key

    def close(self) -> None:
        """Close the connections, if there are any."""
        if "client" in vars(self):
            self.client.close()

    def line(self) -> str:
        """Return the line that is meant: as said, as chosen at login, or the only one but the sandbox's.

        Raises:
            UsageError: It could be one or another.
        """
        said = self._said_line or self.credentials.line
        return said or _only_line(self.client)

    def tell(self, record: object, word: str | None, *notes: str) -> None:
        """Answer with the one word that was wanted, or with all of *record* in JSON."""
        if self.is_json:
            print(json_of(record), flush=True)
            return
        if word is not None:
            print(printable(word), flush=True)
        for each in notes:
            note(each)

    def show(self, rows: Sequence[T], columns: Mapping[str, Callable[[T], str | None]]) -> None:
        """Answer with a list: what *columns* say of each row as a table, or all of it in JSON."""
        if self.is_json:
            print(json.dumps([as_told(row) for row in rows], ensure_ascii=False))
            return
        if not rows:
            note("there are none")
            return
        cells = [[column(row) or _NOTHING for column in columns.values()] for row in rows]
        print(table([list(columns), *cells]))


def base_of(url: str) -> str:
    """Return where a server is, without what all paths begin with.

    Raises:
        UsageError: That is no URL.
    """
    try:
        return based(url)
    except ValueError as error:
        raise UsageError(str(error)) from None


def client_at(url: str, key: str, sleep: Callable[[float], object] = time.sleep) -> Client:
    """Return a client of the server at *url*; *sleep* waits for so many seconds.

    Raises:
        UsageError: That is no URL.
    """
    try:
        return Client(key, url, sleep=sleep)
    except ValueError as error:
        raise UsageError(str(error)) from None


class _RaisingParser(MixingParser):
    """Raises what is wrong with the words, for who wants that in JSON."""

    def error(self, message: str) -> NoReturn:
        """See `ArgumentParser.error`."""
        raise UsageError(message)


def run(command: Command, arguments: list[str]) -> None:
    """Do the one thing that a verb does."""
    _do(parser_of(command, _kind(arguments)), arguments)


def run_noun(noun: str, purpose: str, commands: Sequence[Command], arguments: list[str]) -> None:
    """Do the one of *commands* that is asked for."""
    _do(noun_parser(noun, purpose, commands, _kind(arguments)), arguments)


def parser_of(command: Command, kind: type[MixingParser] = MixingParser) -> MixingParser:
    """Return what reads the words of a verb."""
    operators = OPERATORS.get(command.name, {})
    parser = kind(prog=f"blueport {command.name}", **_help(command, operators))
    _add(parser, command)
    if operators and COMPLETING in os.environ:
        # They are found before it comes to this parser; it only lets the shell know.
        parser.add_argument("word", nargs="?", choices=list(operators))
    return parser


def noun_parser(
    noun: str, purpose: str, commands: Sequence[Command], kind: type[MixingParser] = MixingParser
) -> MixingParser:
    """Return what reads the words of a noun."""
    operators = OPERATORS.get(noun, {})
    epilog = "\n".join([*_operators_part(noun, operators), _EPILOG])
    parser = kind(prog=f"blueport {noun}", description=purpose, epilog=epilog, formatter_class=_LineByLine)
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in commands:
        _add(subparsers.add_parser(command.name, help=command.purpose, **_help(command, {})), command)
    for word, its_purpose in operators.items():
        # They are found before it comes to this parser; it only lets the shell, and who mistypes one, know.
        if COMPLETING in os.environ:
            subparsers.add_parser(word, help=its_purpose)
        else:
            subparsers.add_parser(word)
    return parser


def note(words: str) -> None:
    """Tell a person what a script need not know."""
    print(f"blueport: {printable(words)}", file=sys.stderr)


def no_options(_parser: argparse.ArgumentParser) -> None:
    """Take nothing but what all commands take."""


def line_option(parser: argparse.ArgumentParser) -> None:
    """Take the line that is meant; `Session.line` finds it where nothing is said."""
    parser.add_argument(
        "--from",
        dest="line",
        metavar="LINE",
        help="the line: phone number, Apple ID or ln_... (that of `login`, else the only one but the sandbox's)",
    )


def other_side(parser: argparse.ArgumentParser) -> None:
    """Take who is written to, or read."""
    parser.add_argument("to", metavar="TO", help="the other side: phone number, Apple ID, or cht_... for a group")


def message_argument(parser: argparse.ArgumentParser) -> None:
    """Take the message that is meant."""
    parser.add_argument("message", metavar="MESSAGE", help="msg_... or its guid; `blueport messages` shows it")


def limit_option(parser: argparse.ArgumentParser, limit: int) -> None:
    """Take how many of a list to show, *limit* if nothing is said."""
    parser.add_argument("--limit", type=above_zero, default=limit, metavar="N", help=f"how many to show ({limit})")


def page_size(limit: int) -> int:
    """Return how many to ask for at a time."""
    return min(limit, LARGEST_PAGE)


def dim(words: str) -> str:
    """Return *words* to be less seen than others, if it is a person at a terminal who reads and wants that."""
    return f"\x1b[2m{words}\x1b[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else words


def moment(at: int | None) -> str:
    """Return Unix milliseconds as people here write them."""
    return _NOTHING if at is None else f"{datetime.fromtimestamp(at / 1000, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def above_zero(words: str) -> int:
    """Read a whole number above zero."""
    if not (words.isascii() and words.isdigit() and int(words)):
        raise argparse.ArgumentTypeError(f"{words!r} is no whole number above zero")
    return int(words)


def json_of(record: object) -> str:
    """Return what the server told of *record*, or a dictionary of ours, as one line of JSON."""
    return json.dumps(record if isinstance(record, dict) else as_told(record), ensure_ascii=False)


def first(rows: Iterable[T], limit: int) -> list[T]:
    """Return the first *limit* of what may be very many."""
    return [row for row, _ in zip(rows, range(limit), strict=False)]


def _only_line(client: Client) -> str:
    try:
        lines = list(client.list_lines())
    except AuthorizationError as error:
        raise UsageError(f"name the line with --from, for this key may not list them: {error}") from None
    own = _without_sandbox(client, lines) if len(lines) > 1 else lines
    if len(own) == 1:
        return own[0].handle
    if not own:
        raise UsageError("this key may use no line")
    handles = ", ".join(line.handle for line in own)
    raise UsageError(f"this key may use several lines: choose one with --from, or `blueport login --from` ({handles})")


def _without_sandbox(client: Client, lines: list[Line]) -> list[Line]:
    try:
        sandbox = client.get_sandbox().sandbox_line_handle
    except AuthorizationError:
        return lines
    return [line for line in lines if line.handle != sandbox]


def _add(parser: argparse.ArgumentParser, command: Command) -> None:
    command.options(parser)
    parser.set_defaults(do=command.do, key=None, url=None)
    common = parser.add_argument_group("who asks, and how it is answered")
    common.add_argument(_JSON, action="store_true", help="answer in the API's own JSON")
    if not command.asks_the_server:
        return
    common.add_argument(
        "--key", help="the API key (MESSAGES_API_KEY, else what `login` kept); whoever lists processes sees it here"
    )
    common.add_argument("--url", help="where the server is (MESSAGES_API_URL, else what `login` kept)")


def _help(command: Command, operators: Mapping[str, str]) -> Any:
    return {
        "description": command.purpose,
        "epilog": _epilog(command, operators),
        "formatter_class": _LineByLine,
    }


def _epilog(command: Command, operators: Mapping[str, str]) -> str:
    heads = ["example:" if len(command.examples) == 1 else "examples:"]
    examples = [f"  blueport {example}" for example in command.examples]
    return "\n".join([*heads, *examples, "", *_operators_part(command.name, operators), _EPILOG])


def _operators_part(noun: str, operators: Mapping[str, str]) -> list[str]:
    if not operators:
        return []
    words = [f"  {word:<9} {purpose}" for word, purpose in operators.items()]
    more = f"  (`blueport {noun} WORD --help` tells the options of a word)"
    return ["for who runs the installation, on its database:", *words, more, ""]


def _kind(arguments: list[str]) -> type[MixingParser]:
    return _RaisingParser if _JSON in arguments else MixingParser


def _do(parser: MixingParser, arguments: list[str]) -> None:
    with ending.told(is_json=_JSON in arguments):
        options = parser.parse_args(arguments)
        with contextlib.closing(Session(options)) as session:
            options.do(session, options)
        if sys.stdout:
            sys.stdout.flush()
