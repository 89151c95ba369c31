"""`blueport webhooks`: seal the secrets of webhooks, and whatever holds them, under the first of your keys."""

import argparse
import functools
import sys

import msgspec

from blueport.cli import operating
from blueport.cli.environment import arm_failpoints
from blueport.cli.nouns import OPERATORS
from blueport.cli.operating import Command, Desk
from blueport.failpoints import reached
from blueport.server.errors import MisconfiguredError
from blueport.server.operating.resealing import Resealed, reseal_answers, reseal_webhooks
from blueport.server.sealing import Keyring, keyring_of

NAMES_TOLD = 5


class Told(msgspec.Struct, frozen=True):
    """How many secrets were stored anew, under which key, None if as they are, and whose could not be opened."""

    resealed: int
    key_id: str | None
    lost: list[str]


def main(arguments: list[str]) -> None:
    """Do what is asked about webhooks."""
    arm_failpoints()
    operating.run("webhooks", __doc__, COMMANDS, arguments)


def _reseal_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plain", action="store_true", help="store them as they are, to be read without any key")
    parser.add_argument(
        "--replace-lost",
        action="store_true",
        help="put others, which nobody knows, in the place of those that no key opens: have their webhooks rotated",
    )


def _reseal(desk: Desk, options: argparse.Namespace) -> None:
    if desk.secrets_key is None:
        raise MisconfiguredError("`secrets_key` is not set: there is nothing to seal with, and nothing to open with")
    keyring = keyring_of(desk.secrets_key, seals=not options.plain)
    done = _resealed(desk, keyring, replaces_lost=options.replace_lost)
    told = Told(sum(each.how_many for each in done), keyring.key_id, [name for each in done for name in each.lost])
    desk.tell(str(told.resealed), told, _sentence(told))
    if told.lost and options.replace_lost:
        operating.note(f"have these rotated: {_names([name for name in told.lost if name.startswith('wh_')])}")
    elif told.lost:
        sys.exit(f"blueport: these keys do not open the secrets of {_names(told.lost)}")


def _resealed(desk: Desk, keyring: Keyring, *, replaces_lost: bool) -> list[Resealed]:
    """Do it some at a time, so that servers come in between."""
    reseal = functools.partial(reseal_webhooks, keyring=keyring, replaces_lost=replaces_lost)
    done = [desk.done(reseal)]
    while done[-1].last is not None:
        reached("webhooks.resealed")
        done.append(desk.done(functools.partial(reseal, after=done[-1].last)))
    return [*done, desk.done(functools.partial(reseal_answers, keyring=keyring))]


def _sentence(told: Told) -> str:
    if told.key_id is None:
        return f"{told.resealed} more secrets are stored as they are now: every server may do without a key"
    return (
        f"{told.resealed} more secrets are sealed under {told.key_id} now; as they were they may still stand"
        " in unused pages, until the database is vacuumed, and in backups"
    )


def _names(lost: list[str]) -> str:
    more = len(lost) - NAMES_TOLD
    return ", ".join(lost[:NAMES_TOLD]) + (f" and {more} more" if more > 0 else "")


_PURPOSES = OPERATORS["webhooks"]
COMMANDS = (Command("reseal", _PURPOSES["reseal"], _reseal_options, _reseal),)
