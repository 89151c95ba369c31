"""`blueport read`: marks a chat as read."""

import argparse

from blueport.cli.api import calling, working
from blueport.cli.api.calling import Command, Session


def main(arguments: list[str]) -> None:
    """Mark a chat as read."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    calling.other_side(parser)
    calling.line_option(parser)
    working.options(parser)


def _read(session: Session, options: argparse.Namespace) -> None:
    line, client = session.line(), working.client_for(session, options)
    working.tell(session, client.send_read_receipt(from_=line, to=options.to), options)


COMMAND = Command(
    "read",
    "Mark a chat as read, so that the other side sees `Read`. Prints the id of the work (obx_...).",
    _options,
    _read,
    ("read +15550100001", "read cht_... --wait"),
)
