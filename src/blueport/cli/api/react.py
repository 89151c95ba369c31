"""`blueport react`: a tapback on a message, or one taken off."""

import argparse

from blueport.cli.api import calling, working
from blueport.cli.api.calling import Command, Session


def main(arguments: list[str]) -> None:
    """React to a message."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    calling.other_side(parser)
    calling.message_argument(parser)
    parser.add_argument(
        "reaction", metavar="REACTION", help="love, like, dislike, laugh, emphasize, question, or any one emoji"
    )
    parser.add_argument("--remove", action="store_true", help="take it off again")
    calling.line_option(parser)
    working.options(parser)


def _react(session: Session, options: argparse.Namespace) -> None:
    line, client = session.line(), working.client_for(session, options)
    is_word = options.reaction.isascii()
    accepted = client.send_reaction(
        from_=line,
        to=options.to,
        message_id=options.message,
        type=options.reaction if is_word else None,
        emoji=None if is_word else options.reaction,
        remove=options.remove or None,
    )
    working.tell(session, accepted, options)


COMMAND = Command(
    "react",
    "Put a tapback on a message, or take it off. Prints the id of the work (obx_...). An emoji that is none of the six"
    " is seen on the phone, and not by `reactions`.",
    _options,
    _react,
    ("react +15550100001 msg_... love", "react +15550100001 msg_... 🎉", "react +15550100001 msg_... love --remove"),
)
