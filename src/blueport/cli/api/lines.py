"""`blueport lines`: the lines that the key may use."""

import argparse

from blueport.cli.api import calling
from blueport.cli.api.calling import LINE_COLUMNS, Command, Session


def main(arguments: list[str]) -> None:
    """Show lines."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--capabilities", action="store_true", help="tell what each can do beside sending texts")


def _lines(session: Session, options: argparse.Namespace) -> None:
    if not options.capabilities:
        session.show(list(session.client.list_lines()), LINE_COLUMNS)
        return
    lines = list(session.client.list_lines(include="capabilities"))
    session.show(lines, {**LINE_COLUMNS, "CAPABILITIES": lambda line: " ".join(line.capabilities or ())})


COMMAND = Command(
    "lines",
    "Show the lines that the key may use: phone numbers and Apple IDs that can send.",
    _options,
    _lines,
    ("lines", "lines --capabilities --json"),
)
