"""`blueport simulate`: a simulated Mac; its settings are BLUEPORT_SIMULATOR_... variables."""

import argparse
import asyncio
import socket

import uvloop

from blueport.cli import lifeline, logbook
from blueport.cli.environment import arm_failpoints, settings_of
from blueport.cli.parsing import Parser
from blueport.simulator.run import run
from blueport.simulator.settings import Settings


def main(arguments: list[str]) -> None:
    """Simulate until told to stop."""
    options = _parser().parse_args(arguments)
    logbook.begin("simulator")
    settings = settings_of(Settings, "BLUEPORT_SIMULATOR_")
    arm_failpoints()
    if options.lifeline:
        lifeline.hold()
    if options.fd is None:
        listening = socket.create_server(("127.0.0.1", options.port), backlog=128)
    else:
        listening = socket.socket(fileno=options.fd)
    relay = None if options.relay_fd is None else socket.socket(fileno=options.relay_fd)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(settings, [listening], relay))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="blueport simulate", description=__doc__)
    parser.add_argument("--port", type=int, default=8081, help="where people and their phones are (default: 8081)")
    parser.add_argument("--fd", type=int, help="serve on this listening socket, inherited from the parent")
    parser.add_argument("--relay-fd", type=int, help="lead from this listening socket, inherited too, to the server")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input closes")
    return parser
