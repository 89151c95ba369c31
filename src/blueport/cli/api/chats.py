"""`blueport chats`: the conversations of a line."""

import argparse

from blueport.cli.api import calling
from blueport.cli.api.calling import Command, Session, first, moment
from blueport_sdk import Chat

LIMIT = 50


def main(arguments: list[str]) -> None:
    """Show chats."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    calling.line_option(parser)
    calling.limit_option(parser, LIMIT)


def _chats(session: Session, options: argparse.Namespace) -> None:
    page = session.client.list_chats(from_=session.line(), limit=calling.page_size(options.limit))
    session.show(
        first(page, options.limit),
        {
            "WITH": _with,
            "NAME": lambda chat: chat.name,
            "SERVICE": lambda chat: chat.service,
            "LAST MESSAGE": lambda chat: moment(chat.last_message_at),
            "ID": lambda chat: chat.id,
        },
    )


def _with(chat: Chat) -> str:
    return ", ".join(chat.participants or ()) if chat.is_group else chat.identifier


COMMAND = Command(
    "chats",
    "Show the chats of a line, the latest first.",
    _options,
    _chats,
    ("chats", "chats --limit 5 --json"),
)
