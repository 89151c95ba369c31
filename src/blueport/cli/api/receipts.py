"""`blueport receipts`: who has read a chat, and up to when."""

import argparse

from blueport.cli.api import calling
from blueport.cli.api.calling import Command, Session, moment


def main(arguments: list[str]) -> None:
    """Show read receipts."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    calling.other_side(parser)
    calling.line_option(parser)


def _receipts(session: Session, options: argparse.Namespace) -> None:
    session.show(
        list(session.client.list_read_receipts(from_=session.line(), to=options.to)),
        {"WHO": lambda receipt: receipt.handle, "HAS READ UP TO": lambda receipt: moment(receipt.last_read_at)},
    )


COMMAND = Command(
    "receipts",
    "Show who has read a chat, and up to when, as far as people let it be known.",
    _options,
    _receipts,
    ("receipts +15550100001",),
)
