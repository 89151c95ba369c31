"""`blueport sandbox`: pairs an account's phone with the shared line."""

import argparse
import sys

from blueport.cli import operating, qr
from blueport.cli.nouns import OPERATORS
from blueport.cli.operating import Command, Desk
from blueport.server.operating import service
from blueport.server.operating.service import Sandbox


def main(arguments: list[str]) -> None:
    """Do what is asked about the sandbox."""
    operating.run("sandbox", __doc__, COMMANDS, arguments)


def _account_option(parser: argparse.ArgumentParser) -> None:
    operating.account_option(parser, is_required=True)


def _qr(desk: Desk, options: argparse.Namespace) -> None:
    sandbox = desk.done(lambda tx: service.sandbox(tx, options.account, renew=False))
    _say(desk, sandbox, with_picture=True)


def _show(desk: Desk, options: argparse.Namespace) -> None:
    sandbox = desk.done(lambda tx: service.sandbox(tx, options.account, renew=False))
    _say(desk, sandbox, with_picture=False)


def _renew(desk: Desk, options: argparse.Namespace) -> None:
    sandbox = desk.done(lambda tx: service.sandbox(tx, options.account, renew=True))
    _say(desk, sandbox, with_picture=False)


def _say(desk: Desk, sandbox: Sandbox, *, with_picture: bool) -> None:
    if desk.is_json or sandbox.contact is not None:
        desk.tell(f"paired with {sandbox.contact}", sandbox)
        return
    if with_picture:
        qr.draw(sandbox.line_handle, sandbox.activation_code, sys.stdout)
    desk.tell(sandbox.activation_code, sandbox, f"text this to {sandbox.line_handle} from the phone to pair")


_PURPOSES = OPERATORS["sandbox"]
COMMANDS = (
    Command("show", _PURPOSES["show"], _account_option, _show),
    Command("qr", _PURPOSES["qr"], _account_option, _qr),
    Command("renew", _PURPOSES["renew"], _account_option, _renew),
)
