"""`blueport accounts`: who has keys, lines, files and webhooks of their own."""

import argparse
from collections.abc import Callable

import msgspec

from blueport.cli import operating
from blueport.cli.operating import Command, Desk, Done
from blueport.server.operating import service
from blueport.server.settings import LoopLimit, LoopPauseS, LoopWindowS, PaceBurst, PaceMs

_SWITCHES = {
    "--extended-events": "whether its webhooks may ask for more than the four events of the hosted API",
    "--stop-handling": "whether a chat is left alone once its person texts STOP",
}
_NUMBERS: dict[str, tuple[type, str]] = {
    "--pace-ms": (PaceMs, "the time between two messages of a line; 0: no pace"),
    "--pace-burst": (PaceBurst, "how many messages may go at once after a rest"),
    "--loop-limit": (LoopLimit, "how many messages each way make a loop of a chat; 0: no guard"),
    "--loop-window-s": (LoopWindowS, "within how many seconds"),
    "--loop-pause-s": (LoopPauseS, "for how many seconds it cannot be written to then"),
}
_ON_OFF = {"on": 1, "off": 0}
_COLUMNS = "id name owner keys lines extended_events stop_handling pace_ms pace_burst loop_limit created_at"


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
    desk.show(desk.done(service.accounts), _COLUMNS)


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


def _set_options(parser: argparse.ArgumentParser) -> None:
    _account_option(parser)
    for option, purpose in _SWITCHES.items():
        parser.add_argument(option, type=_switch, default=argparse.SUPPRESS, metavar="on|off", help=purpose)
    for option, (shape, purpose) in _NUMBERS.items():
        parser.add_argument(
            option, type=_number_or_default(shape), default=argparse.SUPPRESS, metavar="N|default", help=purpose
        )


def _set(desk: Desk, options: argparse.Namespace) -> None:
    named = [option.strip("-").replace("-", "_") for option in (*_SWITCHES, *_NUMBERS)]
    changes = {name: getattr(options, name) for name in named if name in options}
    account_id = desk.done(lambda tx: service.set_preferences(tx, options.account, changes))
    desk.tell(account_id, Done(account_id))


def _switch(words: str) -> int:
    """Read `on` or `off`."""
    if words not in _ON_OFF:
        raise argparse.ArgumentTypeError(f"{words!r} is neither on nor off")
    return _ON_OFF[words]


def _number_or_default(shape: type) -> Callable[[str], int | None]:
    """Return what reads `default`, as None, or a number of that shape."""

    def read(words: str) -> int | None:
        if words == "default":
            return None
        try:
            number: int = msgspec.convert(words, shape, strict=False)
        except msgspec.ValidationError as error:
            message = f"{words!r} is neither `default` nor a number that it can be: {error}"
            raise argparse.ArgumentTypeError(message) from None
        return number

    return read


def _account_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("account", help="its name or acc_... id")


COMMANDS = (
    Command("create", "make an account; prints its id", _create_options, _create),
    Command("list", "show all accounts", operating.no_options, _list),
    Command("rename", "call an account something else", _rename_options, _rename),
    Command("owner", "say whose an account is", _owner_options, _owner),
    Command("set", "change how an account's lines and webhooks behave", _set_options, _set),
)
