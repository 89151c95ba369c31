"""`blueport keys`: API keys, each with its scopes, lines, limit and end; a secret is shown once."""

import argparse
import functools

from blueport.cli import operating
from blueport.cli.operating import Command, Desk, Done, canonical_line, moment
from blueport.cli.parsing import words_in
from blueport.server.authorizing.keys import SCOPES, Scope
from blueport.server.operating import service
from blueport.server.operating.service import KeyTerms, MadeKey

DAY_MS = 24 * 60 * 60 * 1000


def main(arguments: list[str]) -> None:
    """Do what is asked about keys."""
    operating.run("keys", __doc__, COMMANDS, arguments)


def scopes(words: str) -> tuple[Scope, ...]:
    """Read scopes with commas between them."""
    named = words_in(words)
    unknown = [word for word in named if word not in SCOPES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no scope; there are {', '.join(SCOPES)}")
    return tuple(scope for scope in SCOPES if scope in named)


def _words(words: str) -> tuple[str, ...]:
    return tuple(words_in(words))


def _create_options(parser: argparse.ArgumentParser) -> None:
    operating.account_option(parser, is_required=True)
    parser.add_argument("--name", type=operating.name, default="key", help="what it is for, for you to know it by")
    parser.add_argument("--scopes", type=scopes, default=SCOPES, metavar="A,B", help="what it may do (everything)")
    parser.add_argument("--lines", type=_words, default=(), metavar="A,B", help="the lines that it may use (all)")
    parser.add_argument("--expires", type=operating.duration_ms, metavar="TIME", help="how long it lives, as in 30d")
    parser.add_argument("--hourly-limit", type=operating.above_zero, metavar="N", help="how many calls an hour")


def _create(desk: Desk, options: argparse.Namespace) -> None:
    lines = tuple(canonical_line(desk, named) for named in options.lines)
    terms = KeyTerms(options.name, options.scopes, lines, options.expires, options.hourly_limit)
    made = desk.done(lambda tx: service.create_key(tx, options.account, terms))
    desk.tell(made.key, made, _shown_once(made))


def _list(desk: Desk, options: argparse.Namespace) -> None:
    rows = desk.done(lambda tx: service.list_keys(tx, options.account))
    desk.show(rows, "id account name last4 status scopes line_ids hourly_limit expires_at last_used_at")


def _key_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="its key_... id")
    operating.account_option(parser)


def _revoke(desk: Desk, options: argparse.Namespace) -> None:
    key_id = desk.done(lambda tx: service.revoke_key(tx, options.key, options.account))
    desk.tell(key_id, Done(key_id))


def _roll_options(parser: argparse.ArgumentParser) -> None:
    _key_options(parser)
    parser.add_argument(
        "--overlap", type=operating.duration_ms, default=DAY_MS, metavar="TIME", help="how long the old one lives (24h)"
    )
    parser.add_argument(
        "--expires", type=operating.duration_ms, metavar="TIME", help="how long the new one lives (as the old one)"
    )


def _roll(desk: Desk, options: argparse.Namespace) -> None:
    roll = functools.partial(
        service.roll_key,
        key_id=options.key,
        account=options.account,
        overlap_ms=options.overlap,
        lives_ms=options.expires,
    )
    made = desk.done(roll)
    old_ends_at = moment(made.old_key_expires_at)
    desk.tell(made.key, made, _shown_once(made), f"{options.key} ends at {old_ends_at} UTC")


def _shown_once(made: MadeKey) -> str:
    ends = "" if made.expires_at is None else f", and expires at {moment(made.expires_at)} UTC"
    return f"this is {made.id}{ends}; it is not shown again"


COMMANDS = (
    Command("create", "make a key; prints its secret", _create_options, _create),
    Command("list", "show keys, without their secrets", operating.account_option, _list),
    Command("revoke", "end a key: its next request is refused", _key_options, _revoke),
    Command("roll", "make a key in another's place; prints its secret", _roll_options, _roll),
)
