"""`blueport typing`: the dots that say that an answer is on its way."""

import argparse

from blueport.cli.api import calling, working
from blueport.cli.api.calling import Command, Session


def main(arguments: list[str]) -> None:
    """Show the line typing."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    calling.other_side(parser)
    parser.add_argument("--off", action="store_true", help="show it typing no more")
    calling.line_option(parser)
    working.options(parser)


def _typing(session: Session, options: argparse.Namespace) -> None:
    line, client = session.line(), working.client_for(session, options)
    show = client.stop_typing if options.off else client.start_typing
    working.tell(session, show(from_=line, to=options.to), options)


COMMAND = Command(
    "typing",
    "Show the line typing; a message that is sent ends it too. Prints the id of the work (obx_...).",
    _options,
    _typing,
    ("typing +15550100001", "typing +15550100001 --off"),
)
