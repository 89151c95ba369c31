"""`blueport unsend`: takes back a message that was sent."""

import argparse

from blueport.cli.api import calling, working
from blueport.cli.api.calling import Command, Session


def main(arguments: list[str]) -> None:
    """Unsend a message."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    calling.message_argument(parser)
    working.options(parser)


def _unsend(session: Session, options: argparse.Namespace) -> None:
    accepted = working.client_for(session, options).unsend_message(message_id=options.message)
    working.tell(session, accepted, options)


COMMAND = Command(
    "unsend",
    "Take back a message that the line has sent. Prints the id of the work (obx_...).",
    _options,
    _unsend,
    ("unsend msg_... --wait",),
)
