"""`blueport reactions`: the tapbacks that stand on a message."""

import argparse

from blueport.cli.api import calling
from blueport.cli.api.calling import Command, Session, moment
from blueport_sdk import Reaction


def main(arguments: list[str]) -> None:
    """Show tapbacks."""
    calling.run(COMMAND, arguments)


def _reactions(session: Session, options: argparse.Namespace) -> None:
    session.show(
        list(session.client.list_reactions(message_id=options.message)),
        {
            "FROM": _from,
            "REACTION": lambda reaction: reaction.type,
            "AT": lambda reaction: moment(reaction.sent_at),
        },
    )


def _from(reaction: Reaction) -> str:
    return f"{reaction.sender} (the line)" if reaction.is_from_me else reaction.sender


COMMAND = Command(
    "reactions",
    "Show the tapbacks that stand on a message: of the six kinds that there were first, as the API lists no others.",
    calling.message_argument,
    _reactions,
    ("reactions msg_...",),
)
