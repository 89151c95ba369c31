"""`blueport serve`: the server; its settings are BLUEPORT_... variables."""

import argparse
import asyncio
import socket
import sys
from typing import get_args

import msgspec
import uvloop

from blueport.cli import lifeline, logbook
from blueport.cli.environment import arm_failpoints, misconfigured, settings_of
from blueport.cli.parsing import Parser
from blueport.server.errors import MisconfiguredError, StoreUnavailableError
from blueport.server.serving import serve
from blueport.server.settings import Role, Settings


def main(arguments: list[str]) -> None:
    """Serve until told to stop."""
    options = _parser().parse_args(arguments)
    logbook.begin("server")
    settings = settings_of(Settings, "BLUEPORT_")
    if options.role is not None:
        settings = msgspec.structs.replace(settings, role=options.role)
    arm_failpoints()
    if options.lifeline:
        lifeline.hold()
    sockets = None if options.fd is None else [socket.socket(fileno=options.fd)]
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, sockets))
    except MisconfiguredError as error:
        misconfigured(str(error))
    except (RuntimeError, StoreUnavailableError) as error:
        sys.exit(f"blueport: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="blueport serve", description=__doc__)
    parser.add_argument(
        "--role",
        choices=get_args(Role),
        help="api: requests and daemons; worker: webhooks and sweeping; all (the default, or BLUEPORT_ROLE)",
    )
    parser.add_argument("--fd", type=int, help="serve on this listening socket, inherited from the parent")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input closes")
    return parser
