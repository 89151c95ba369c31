"""`blueport logout`: drops the key that `login` kept."""

import argparse
import os

from blueport.cli.api import calling, credentials
from blueport.cli.api.calling import Command, Session


def main(arguments: list[str]) -> None:
    """Sign out."""
    calling.run(COMMAND, arguments)


def _logout(session: Session, _options: argparse.Namespace) -> None:
    was_there = credentials.forget()
    session.tell({"signed_out": was_there}, None)
    calling.note("signed out; the key itself is still good" if was_there else "nobody was signed in")
    if os.environ.get("MESSAGES_API_KEY"):
        calling.note("MESSAGES_API_KEY is set, and commands go on using that")


COMMAND = Command(
    "logout",
    "Drop the key that `login` kept. It stays good: revoke it where it leaked.",
    calling.no_options,
    _logout,
    ("logout",),
    asks_the_server=False,
)
