"""`blueport daemon`, `blueport daemon run`: works until it is told to stop."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import uvloop

from blueport.cli import lifeline, logbook
from blueport.cli.environment import arm_failpoints, settings_of
from blueport.cli.mac.logfile import keep_short, shorten
from blueport.cli.mac.surroundings import environment_over, programs
from blueport.cli.parsing import Parser
from blueport.daemon.installing.waking import keep_awake
from blueport.daemon.journal.file import JournalDamagedError, JournalInUseError
from blueport.daemon.run import run
from blueport.daemon.settings import Settings
from blueport.logs.lines import logger

_log = logger(__name__)


def main(arguments: list[str]) -> None:
    """Work until told to stop."""
    options = _parser().parse_args(arguments)
    if options.log is not None:
        shorten(options.log)  # first of all: what ends at once, again and again, writes most
    environ = environment_over(options.settings)
    logbook.begin("daemon", environ)
    settings = settings_of(Settings, "BLUEPORT_DAEMON_", environ)
    arm_failpoints()
    if options.lifeline:
        lifeline.hold()
    if options.stay_awake:
        keep_awake(programs().caffeinate)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run_until_told(settings, options.log))
    except JournalInUseError as error:
        sys.exit(f"blueport: {error}")
    except JournalDamagedError as error:
        print(f"blueport: {error}", file=sys.stderr)
        sys.exit(os.EX_DATAERR)


async def _run_until_told(settings: Settings, log: Path | None) -> None:
    work = asyncio.create_task(run(settings))
    shortening = None if log is None else asyncio.create_task(keep_short(log))
    for told in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(told, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work
    if shortening is not None:
        shortening.cancel()
    _log.info("daemon_stopped")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="blueport daemon", description=__doc__)
    parser.add_argument("--settings", type=Path, metavar="FILE", help="settings; those of the environment go first")
    parser.add_argument("--log", type=Path, metavar="FILE", help="where what it says goes, to be kept short")
    parser.add_argument("--stay-awake", action="store_true", help="keep this Mac from sleeping for as long as it runs")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input closes")
    return parser
