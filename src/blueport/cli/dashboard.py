"""`blueport dashboard`: lets you in to the dashboard of an installation."""

import argparse

import msgspec

from blueport.cli import operating
from blueport.cli.operating import Command, Desk, moment
from blueport.server.signing_in import service as signing_in

OWNER = "/dashboard/owner"


class Link(msgspec.Struct, frozen=True):
    """A link that is good once, until `expires_at` (Unix milliseconds)."""

    url: str
    expires_at: int


def main(arguments: list[str]) -> None:
    """Do what is asked about the dashboard."""
    operating.run("dashboard", __doc__, COMMANDS, arguments)


def _link_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="where you reach the server (BLUEPORT_PUBLIC_URL, else where it listens)")


def _link(desk: Desk, options: argparse.Namespace) -> None:
    made = desk.done(signing_in.make_link)
    link = Link(f"{(options.url or desk.url).rstrip('/')}{OWNER}?link={made.token}", made.expires_at)
    desk.tell(link.url, link, f"it is good once, until {moment(link.expires_at)} UTC: open it, and say how you sign in")


COMMANDS = (
    Command("link", "make a link to become the owner, or to set another password; prints it", _link_options, _link),
)
