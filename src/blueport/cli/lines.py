"""`blueport lines`: the phone numbers and Apple IDs that can send, whose they are, and which daemon serves them."""

import argparse
from typing import get_args

from blueport.cli import operating
from blueport.cli.nouns import OPERATORS
from blueport.cli.operating import Command, Desk, Done, canonical_line
from blueport.server.operating import service
from blueport.server.operating.service import LineChange, NewLine, Service


def main(arguments: list[str]) -> None:
    """Do what is asked about lines."""
    operating.run("lines", __doc__, COMMANDS, arguments)


def _list(desk: Desk, options: argparse.Namespace) -> None:
    rows = desk.done(lambda tx: service.list_lines(tx, options.account))
    desk.show(rows, "id handle label account service daemon health is_active is_sandbox is_contact_first")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("handle", help="phone number with its country code, or Apple ID")
    operating.account_option(parser, is_required=True)
    parser.add_argument("--daemon", help="who serves it: name or dmn_... id (the account's, if it has just one)")
    parser.add_argument("--label", type=operating.name, help="what people call it")
    parser.add_argument("--service", choices=get_args(Service), default="imessage", help="what it sends by (imessage)")
    parser.add_argument("--sandbox", action="store_true", help="all accounts share it; there can be but one such line")
    _contact_first_option(parser, default=True)


def _add(desk: Desk, options: argparse.Namespace) -> None:
    new = NewLine(
        handle=canonical_line(desk, options.handle),
        daemon=options.daemon,
        label=options.label,
        service=options.service,
        is_sandbox=options.sandbox,
        is_contact_first=options.contact_first,
    )
    line_id = desk.done(lambda tx: service.add_line(tx, options.account, new))
    desk.tell(line_id, Done(line_id), f"have its daemon serve it: BLUEPORT_DAEMON_LINES names {new.handle}")


def _label_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("line", help="its handle or ln_... id")
    parser.add_argument("label", help="what people call it; '' for nothing")


def _label(desk: Desk, options: argparse.Namespace) -> None:
    _changed(desk, options, LineChange(label=options.label))


def _change_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("line", help="its handle or ln_... id")
    parser.add_argument("--daemon", help="who serves it: name or dmn_... id")
    parser.add_argument("--service", choices=get_args(Service), help="what it sends by")
    _contact_first_option(parser, default=None)


def _change(desk: Desk, options: argparse.Namespace) -> None:
    change = LineChange(None, options.service, options.daemon, options.contact_first)
    _changed(desk, options, change)


def _changed(desk: Desk, options: argparse.Namespace, change: LineChange) -> None:
    named = canonical_line(desk, options.line)
    line_id = desk.done(lambda tx: service.change_line(tx, named, change))
    desk.tell(line_id, Done(line_id))


def _contact_first_option(parser: argparse.ArgumentParser, *, default: bool | None) -> None:
    parser.add_argument(
        "--contact-first",
        action=argparse.BooleanOptionalAction,
        default=default,
        help="whether people must have written before they can be written to",
    )


_PURPOSES = OPERATORS["lines"]
COMMANDS = (
    Command("list", _PURPOSES["list"], operating.account_option, _list),
    Command("add", _PURPOSES["add"], _add_options, _add),
    Command("label", _PURPOSES["label"], _label_options, _label),
    Command("change", _PURPOSES["change"], _change_options, _change),
)
