"""`blueport mcp`: a server of tools for language models, on standard input and output or over HTTP."""

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable
from typing import NamedTuple

from blueport.cli import logbook, refusing
from blueport.cli.api import calling
from blueport.cli.api.calling import Command, Session
from blueport.cli.api.errors import UsageError

try:
    from blueport.mcp.fence import Fence, line_named, person_named
    from blueport.mcp.serving import serve_http, serve_stdio
except ModuleNotFoundError as missing:
    package = (missing.name or "").partition(".")[0]
    sys.exit(f"blueport: `blueport mcp` needs {package}, which is not here: pip install 'blueport[mcp]'")

LOOPBACK = "127.0.0.1"
LAST_PORT = 65535
_PURPOSE = """\
Serve tools for language models (MCP): they read your messages and, if you allow it, send.

Over HTTP it has no key of its own: every client sends one (`Authorization: Bearer sk_live_...`), so that whoever
reaches the port can do what his own key may, and nothing else."""


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


def main(arguments: list[str]) -> None:
    """Serve until the client hangs up, or until told to end."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-sending",
        action="store_true",
        help="let models send, reply, react, show typing and mark as read; without it they only read",
    )
    parser.add_argument(
        "--from",
        type=_line,
        action="append",
        default=[],
        dest="lines",
        metavar="LINE",
        help="only this line: a phone number with its country code, an Apple ID or ln_...; may be given again",
    )
    parser.add_argument(
        "--to",
        type=_person,
        action="append",
        default=[],
        dest="people",
        metavar="PERSON",
        help="only the chat with this person, or a group's cht_...; may be given again",
    )
    _http_options(parser.add_argument_group("serving over HTTP"))


def _http_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--http",
        type=_address,
        metavar="[HOST:]PORT",
        help="serve at /mcp there (127.0.0.1; port 0 takes a free one) instead of on standard input and output. Put a"
        " proxy with TLS before it for clients on other machines: their keys go over this",
    )
    group.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name, with its port or without, under which clients reach it; others are refused. May be given again",
    )


def _mcp(session: Session, options: argparse.Namespace) -> None:
    logbook.begin("mcp")
    lines, people = tuple(options.lines), tuple(options.people)
    fence = Fence(allows_sending=options.allow_sending, lines=lines, people=people)
    if options.http is None:
        _serve_stdio(session, fence)
    else:
        _serve_http(session, fence, options)


def _serve_stdio(session: Session, fence: Fence) -> None:
    url, key = calling.base_of(session.credentials.api_url), session.key()
    # A thread that reads standard input holds up any gentler end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(serve_stdio(fence, api_key=key, base_url=url, line=session.credentials.line))


def _serve_http(session: Session, fence: Fence, options: argparse.Namespace) -> None:
    if options.key:
        raise UsageError("over HTTP every client brings its own key: leave out --key")
    with contextlib.closing(_listening(options.http)) as listening, contextlib.suppress(KeyboardInterrupt):
        host, port = listening.getsockname()[:2]
        print(f"MCP is served at http://{f'[{host}]' if ':' in host else host}:{port}/mcp", flush=True)
        asyncio.run(
            serve_http(
                fence, listening, names=options.allow_host, base_url=calling.base_of(session.credentials.api_url)
            )
        )


def _listening(wanted: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    try:
        return socket.create_server(wanted, family=family)
    except OSError as error:
        why = refusing.why(error)
        raise UsageError(f"{wanted.host}:{wanted.port} cannot be had ({why}); choose another with --http") from None


def _address(words: str) -> Address:
    """Read `[HOST:]PORT`."""
    host, _, port = words.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"{words!r} is no [HOST:]PORT")
    return Address(host.strip("[]") or LOOPBACK, int(port))


def _line(words: str) -> str:
    return _read(line_named, words)


def _person(words: str) -> str:
    return _read(person_named, words)


def _read(named: Callable[[str], str], words: str) -> str:
    try:
        return named(words)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


COMMAND = Command(
    "mcp",
    _PURPOSE,
    _options,
    _mcp,
    ("mcp", "mcp --allow-sending --from +15551234567 --to +15557654321", "mcp --http 8765"),
)
