"""`blueport mcp`: a server of tools for language models (MCP), which reads your messages and, if you allow it, sends.

Over HTTP it has no key: every client sends its own (`Authorization: Bearer sk_live_...`), so that who reaches the port
can do what his own key may, and nothing else.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import NamedTuple

from blueport.cli import logbook
from blueport.cli.parsing import Parser

try:
    from blueport.mcp.fence import Fence, line_named, person_named
    from blueport.mcp.serving import serve_http, serve_stdio
except ModuleNotFoundError as missing:
    package = (missing.name or "").partition(".")[0]
    sys.exit(f"blueport: `blueport mcp` needs {package}, which is not here: pip install 'blueport[mcp]'")

LOOPBACK = "127.0.0.1"
LAST_PORT = 65535
# What a shell may tell apart: the command line is wrong, nobody is signed in.
USAGE, NOT_SIGNED_IN = 2, 3


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


def main(arguments: list[str]) -> None:
    """Serve until the client hangs up, or until told to end."""
    options = _parser().parse_args(arguments)
    logbook.begin("mcp")
    lines, people = tuple(options.lines), tuple(options.people)
    limits = Fence(allows_sending=options.allow_sending, lines=lines, people=people)
    if options.http is None:
        _serve_stdio(limits, options)
    else:
        _serve_http(limits, options)


def address(words: str) -> Address:
    """Read `[HOST:]PORT`."""
    host, _, port = words.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"{words!r} is no [HOST:]PORT")
    return Address(host.strip("[]") or LOOPBACK, int(port))


def line(words: str) -> str:
    """Read a line."""
    return _read(line_named, words)


def person(words: str) -> str:
    """Read a person, or the id of a chat."""
    return _read(person_named, words)


def _read(named: Callable[[str], str], words: str) -> str:
    try:
        return named(words)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="blueport mcp", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--allow-sending",
        action="store_true",
        help="let models send, reply, react, show typing and mark as read; without it they only read",
    )
    parser.add_argument(
        "--from",
        type=line,
        action="append",
        default=[],
        dest="lines",
        metavar="LINE",
        help="only this line: a phone number with its country code, an Apple ID or ln_...; may be given again",
    )
    parser.add_argument(
        "--to",
        type=person,
        action="append",
        default=[],
        dest="people",
        metavar="PERSON",
        help="only the chat with this person, or a group's cht_...; may be given again",
    )
    _http_options(parser)
    parser.add_argument("--key", help="the API key; better in MESSAGES_API_KEY, where no other user sees it")
    parser.add_argument("--url", help="where the API is (MESSAGES_API_URL, or http://127.0.0.1:8080)")
    return parser


def _http_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--http",
        type=address,
        metavar="[HOST:]PORT",
        help="serve over HTTP instead of standard input and output, at /mcp; 0 takes a free port. Who calls from"
        " another machine needs a proxy with TLS before it, since keys go over this",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name, with its port or without, under which clients reach it through a proxy; others are refused",
    )


def _serve_stdio(limits: Fence, options: argparse.Namespace) -> None:
    key = options.key or os.environ.get("MESSAGES_API_KEY")
    if not key:
        print("blueport: there is no API key: set MESSAGES_API_KEY", file=sys.stderr)
        sys.exit(NOT_SIGNED_IN)
    # A thread that reads standard input holds up any gentler end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(serve_stdio(limits, api_key=key, base_url=_url(options)))


def _serve_http(limits: Fence, options: argparse.Namespace) -> None:
    if options.key:
        print("blueport: over HTTP every client brings its own key; leave out --key", file=sys.stderr)
        sys.exit(USAGE)
    with contextlib.closing(_listening(options.http)) as listening, contextlib.suppress(KeyboardInterrupt):
        host, port = listening.getsockname()[:2]
        print(f"MCP is served at http://{f'[{host}]' if ':' in host else host}:{port}/mcp", flush=True)
        asyncio.run(serve_http(limits, listening, names=options.allow_host, base_url=_url(options)))


def _listening(wanted: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    try:
        return socket.create_server(wanted, family=family)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        sys.exit(f"blueport: {wanted.host}:{wanted.port} cannot be listened on ({why}); choose another with --http")


def _url(options: argparse.Namespace) -> str | None:
    url: str | None = options.url or os.environ.get("MESSAGES_API_URL")
    return url
