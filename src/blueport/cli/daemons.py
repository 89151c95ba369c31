"""`blueport daemons`: the Macs that are let in; a token is shown once."""

import argparse
import shlex

from blueport.cli import operating
from blueport.cli.operating import Command, Desk, Done, moment
from blueport.server.operating import service


def main(arguments: list[str]) -> None:
    """Do what is asked about daemons."""
    operating.run("daemons", __doc__, COMMANDS, arguments)


def _create_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", type=operating.name, help="what the Mac is called")
    operating.account_option(parser, is_required=True)


def _create(desk: Desk, options: argparse.Namespace) -> None:
    made = desk.done(lambda tx: service.create_daemon(tx, options.account, options.name))
    desk.tell(made.token, made, f"this is the token of {made.id}; it is not shown again")


def _pair_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", type=operating.name, help="what the Mac is called")
    operating.account_option(parser, is_required=True)
    parser.add_argument("--replace", action="store_true", help="in the place of the Mac that is let in under that name")
    parser.add_argument("--url", help="where that Mac reaches the server (BLUEPORT_PUBLIC_URL, else where it listens)")


def _pair(desk: Desk, options: argparse.Namespace) -> None:
    made = desk.done(lambda tx: service.pair_daemon(tx, options.account, options.name, replaces=options.replace))
    on_the_mac = f"blueport daemon pair {shlex.quote(options.url or desk.url)} {made.code}"
    desk.tell(made.code, made, f"it is good for one Mac, until {moment(made.expires_at)} UTC; there: {on_the_mac}")


def _list(desk: Desk, options: argparse.Namespace) -> None:
    rows = desk.done(lambda tx: service.list_daemons(tx, options.account))
    desk.show(rows, "id name account version is_behind is_paired created_at seen_at revoked_at")


def _revoke_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("daemon", help="its name or dmn_... id")


def _revoke(desk: Desk, options: argparse.Namespace) -> None:
    daemon_id = desk.done(lambda tx: service.revoke_daemon(tx, options.daemon))
    desk.tell(daemon_id, Done(daemon_id))


COMMANDS = (
    Command("create", "let a daemon in; prints its token", _create_options, _create),
    Command("pair", "make a code by which a Mac is let in; prints it", _pair_options, _pair),
    Command("list", "show daemons, without their tokens", operating.account_option, _list),
    Command("revoke", "let a daemon in no more", _revoke_options, _revoke),
)
