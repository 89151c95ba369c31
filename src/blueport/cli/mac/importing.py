"""`blueport daemon import`: tells the server what was in chat.db before the daemon's time, as news to nobody.

Where a daemon runs it does the work, beside all else, and this command only shows how far it is: whoever stops the
command does not stop the import. Where none runs the command does it itself, and a daemon that is started meanwhile
has to wait. Either way it goes on where it stood, and nothing is told twice.
"""

import argparse
import asyncio
import re
import sqlite3
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import msgspec
from tqdm import tqdm

from blueport.cli import logbook
from blueport.cli.environment import arm_failpoints, settings_of
from blueport.cli.mac.pair import settings_option
from blueport.cli.mac.surroundings import environment_over
from blueport.cli.parsing import Parser
from blueport.clock import now_ms
from blueport.daemon.chatdb.thread import ChatDbError
from blueport.daemon.journal import imports
from blueport.daemon.journal.file import JournalInUseError
from blueport.daemon.journal.imports import Asked, Import, Wanted
from blueport.daemon.run import import_alone
from blueport.daemon.settings import Settings
from blueport.daemon.watching.importing import request_place
from blueport.handles import canonical_handle
from blueport.whole_files import OWNER_ONLY, write_whole

_DAYS = re.compile(r"[0-9]{1,5}")
_LOOK_S = 0.5
_PATIENCE_S = 15


def main(arguments: list[str]) -> None:
    """Import, or have it done, and show how far that is."""
    options = _parser().parse_args(arguments)
    environ = _environ(options.settings)
    logbook.begin("daemon", {"BLUEPORT_LOG_LEVEL": "warning", **environ})
    settings = settings_of(Settings, "BLUEPORT_DAEMON_", environ)
    arm_failpoints()
    chats = tuple(sorted({_chat(words, settings.region) for words in options.chat}))
    asked = Asked(Wanted(options.since, chats, options.files), now_ms())
    with tqdm(desc="reading", unit=" rows", unit_scale=True, file=sys.stderr, disable=None) as bar:
        try:
            ended = _imported(settings, asked, bar)
        except KeyboardInterrupt:
            sys.exit("blueport: if a daemon runs it goes on there; else the same command goes on where this one stood")
    print(ended.told)
    print(f"blueport: {ended.told} messages and reactions were told, out of {ended.looked} rows", file=sys.stderr)


def _imported(settings: Settings, asked: Asked, bar: "tqdm[NoReturn]") -> Import:
    """Do it, or have it done by the daemon that holds the journal; should that end, do it after all."""
    began_s, is_complained = time.monotonic(), False
    while True:
        one = _looked_up(settings.journal, asked)
        if one is not None:
            _show(bar, one)
        if one is not None and one.ended_at is not None:
            return one
        try:
            asyncio.run(import_alone(settings, asked, lambda one: _show(bar, one)))
        except JournalInUseError:
            if one is None:
                _ask(settings.journal, asked)
            if one is None and not is_complained and time.monotonic() - began_s > _PATIENCE_S:
                is_complained = True
                bar.write(
                    "blueport: the daemon has not begun yet: is it an older one? Its log may say more", sys.stderr
                )
            time.sleep(_LOOK_S)
        except ChatDbError as error:
            sys.exit(f"blueport: {error}")


def _looked_up(journal: Path, asked: Asked) -> Import | None:
    """Return the import as it is in the journal, which another process may be writing; None if it is not there yet."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True)) as there:
        found = there.execute(imports.BY_WANTED, (imports.key_of(asked.wanted),)).fetchone()
        one = None if found is None else msgspec.convert(found, Import)
        return one if one is not None and one.asked_at >= asked.asked_at else None
    return None


def _ask(journal: Path, asked: Asked) -> None:
    """Ask the daemon, unless it has yet to hear what somebody asked before."""
    place = request_place(journal)
    if not place.exists():
        write_whole(place, msgspec.json.encode(asked), mode=OWNER_ONLY)


def _show(bar: "tqdm[NoReturn]", one: Import) -> None:
    bar.total = one.total
    bar.n = one.looked
    bar.set_postfix(told=one.told)


def _chat(words: str, region: str) -> str:
    """Return a chat as imports know it; behind the semicolons of a guid is whose it is."""
    return canonical_handle(words.rpartition(";")[2], region=region)


def _environ(file: Path) -> Mapping[str, str]:
    path = file.expanduser()
    return environment_over(path if path.exists() else None)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="blueport daemon import", description=(__doc__ or "").partition("\n")[0])
    times = parser.add_mutually_exclusive_group(required=True)
    times.add_argument("--since", type=_moment, metavar="DATE", help="what was sent since that day, like 2026-01-31")
    times.add_argument("--days", dest="since", type=_days_ago, metavar="N", help="what was sent in the last days")
    times.add_argument("--all", dest="since", action="store_const", const=None, help="all there is")
    parser.add_argument("--chat", action="append", default=[], help="only with that phone number, address or chat guid")
    parser.add_argument("--files", action="store_true", help="bring the bytes of files too, as far as they lie here")
    settings_option(parser)
    return parser


def _moment(words: str) -> int:
    try:
        return round(datetime.fromisoformat(words).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{words!r} is no day like 2026-01-31") from None


def _days_ago(words: str) -> int:
    """Return when the day so many days ago began here, so that who says it again on the same day means the same."""
    if not _DAYS.fullmatch(words):
        raise argparse.ArgumentTypeError(f"{words!r} is no number of days")
    there = datetime.fromtimestamp(now_ms() / 1000, UTC).astimezone() - timedelta(days=int(words))
    return round(there.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
