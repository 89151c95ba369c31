"""`blueport edit`: gives a message that was sent another text."""

import argparse

from blueport.cli.api import calling, working
from blueport.cli.api.calling import Command, Session


def main(arguments: list[str]) -> None:
    """Edit a message."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    calling.message_argument(parser)
    parser.add_argument("text", nargs="+", metavar="TEXT", help="what it is to say; - reads it from standard input")
    working.options(parser)


def _edit(session: Session, options: argparse.Namespace) -> None:
    text = working.text_of(options.text) or ""
    accepted = working.client_for(session, options).edit_message(message_id=options.message, text=text)
    working.tell(session, accepted, options)


COMMAND = Command(
    "edit",
    "Give a message that the line has sent another text. Prints the id of the work (obx_...).",
    _options,
    _edit,
    ("edit msg_... See you at nine",),
)
