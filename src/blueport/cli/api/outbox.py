"""`blueport outbox`: what became of work that was accepted."""

import argparse

from blueport.cli.api import calling, working
from blueport.cli.api.calling import Command, Session, moment
from blueport_sdk import OutboxItem


def main(arguments: list[str]) -> None:
    """Show what became of it."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("item", metavar="ID", help="the id of the work: obx_...")
    working.wait_options(parser)


def _outbox(session: Session, options: argparse.Namespace) -> None:
    if options.wait:
        item = working.until_ended(session, options.item, options.timeout)
    else:
        item = session.client.get_outbox_item(id=options.item)
    session.tell(item, item.status, *_notes(item))
    if options.wait:
        working.check(item)


def _notes(item: OutboxItem) -> list[str]:
    """Return what there is to say beside the status."""
    said = {
        "completed at": item.completed_at and moment(item.completed_at),
        "sent by": item.sent_by,
        "waits until": item.held_until and moment(item.held_until),
        "why": item.error,
        "but": item.warning,
    }
    return [f"{name} {words}" for name, words in said.items() if words]


COMMAND = Command(
    "outbox",
    "Show what became of work that was accepted: pending, claimed (a Mac is at it), sent or failed.",
    _options,
    _outbox,
    ("outbox obx_...", "outbox obx_... --wait --timeout 300"),
)
