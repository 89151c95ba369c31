"""`blueport accounts`: who has keys, lines, files and webhooks of their own."""

import argparse

from blueport.cli import operating
from blueport.cli.operating import Command, Desk, Done
from blueport.server.operating import service


def main(arguments: list[str]) -> None:
    """Do what is asked about accounts."""
    operating.run("accounts", __doc__, COMMANDS, arguments)


def _create_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", type=operating.name, help="what it is called")
    parser.add_argument("--owner", type=operating.name, metavar="EMAIL", help="whose it is; nobody's has no sandbox")


def _create(desk: Desk, options: argparse.Namespace) -> None:
    account_id = desk.done(lambda tx: service.create_account(tx, options.name, options.owner))
    desk.tell(account_id, Done(account_id))


def _list(desk: Desk, _options: argparse.Namespace) -> None:
    desk.show(desk.done(service.accounts), "id name owner keys lines created_at")


def _rename_options(parser: argparse.ArgumentParser) -> None:
    _account_option(parser)
    parser.add_argument("name", type=operating.name, help="what it is called from now on")


def _rename(desk: Desk, options: argparse.Namespace) -> None:
    account_id = desk.done(lambda tx: service.change_account(tx, options.account, name=options.name))
    desk.tell(account_id, Done(account_id))


def _owner_options(parser: argparse.ArgumentParser) -> None:
    _account_option(parser)
    parser.add_argument("owner", type=operating.name, metavar="EMAIL", help="whose it is from now on")


def _owner(desk: Desk, options: argparse.Namespace) -> None:
    account_id = desk.done(lambda tx: service.change_account(tx, options.account, owner=options.owner))
    desk.tell(account_id, Done(account_id))


def _account_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("account", help="its name or acc_... id")


COMMANDS = (
    Command("create", "make an account; prints its id", _create_options, _create),
    Command("list", "show all accounts", operating.no_options, _list),
    Command("rename", "call an account something else", _rename_options, _rename),
    Command("owner", "say whose an account is", _owner_options, _owner),
)
