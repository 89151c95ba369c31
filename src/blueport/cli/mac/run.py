"""`blueport daemon`, `blueport daemon run`: works until it is told to stop."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import uvloop

from blueport.cli import lifeline, logbook
from blueport.cli.environment import arm_failpoints, settings_of
from blueport.cli.mac.settings_file import settings_in
from blueport.daemon.journal.file import JournalInUseError
from blueport.daemon.run import run
from blueport.daemon.settings import Settings
from blueport.logs.lines import logger

_log = logger(__name__)


def main(arguments: list[str]) -> None:
    """Work until told to stop."""
    options = _parser().parse_args(arguments)
    environ = with_settings_in(options.settings)
    logbook.begin("daemon", environ)
    settings = settings_of(Settings, "BLUEPORT_DAEMON_", environ)
    arm_failpoints()
    if options.lifeline:
        lifeline.hold()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run_until_told(settings))
    except JournalInUseError as error:
        sys.exit(f"blueport: {error}")


def with_settings_in(file: Path | None) -> Mapping[str, str]:
    """Return the environment, and behind it what a file of settings says."""
    return os.environ if file is None else {**settings_in(file.expanduser()), **os.environ}


async def _run_until_told(settings: Settings) -> None:
    work = asyncio.create_task(run(settings))
    for told in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(told, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work
    _log.info("daemon_stopped")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="blueport daemon", description=__doc__)
    parser.add_argument("--settings", type=Path, metavar="FILE", help="settings that the environment does not give")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input closes")
    return parser
