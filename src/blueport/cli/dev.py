"""`blueport dev`: server, simulated Mac and daemon in one go, on one folder."""

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from blueport.cli import refusing, running, supervising
from blueport.cli.installation import Installation, installation_in
from blueport.cli.parsing import Parser
from blueport.cli.running import Running
from blueport.cli.supervising import Child
from blueport.lock_files import LockedError, locked
from blueport.simulator.settings import MacOs

LINE = "+15555550100"
# All accounts share it; there is one at first, and `blueport accounts` makes more.
SANDBOX_LINE = "+15555550199"
LINES = f"{LINE},{SANDBOX_LINE}"
PERSON = "+15550100001"
API_PORT = 8080
# What goes as it should is nothing to read about between one's own lines.
QUIET = {"LOG_LEVEL": "warning"}
LAST_PORT = 65535


def main(arguments: list[str]) -> None:
    """Run all of it until told to stop."""
    options = _parser().parse_args(arguments)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_dev(options))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="blueport dev", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".blueport"), help="where everything is kept (.blueport)")
    parser.add_argument("--port", type=port, default=API_PORT, help=f"the API's port; 0 takes free ones ({API_PORT})")
    parser.add_argument("--macos", choices=get_args(MacOs), default="26", help="which macOS to simulate (26)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON when all is ready, nothing else")
    return parser


def port(word: str) -> int:
    """Read a port that has another behind it, for the phones."""
    number = int(word)
    if not 0 <= number < LAST_PORT:
        raise argparse.ArgumentTypeError(f"{number} is not from 0 to {LAST_PORT - 1}")
    return number


async def _dev(options: argparse.Namespace) -> None:
    folder: Path = options.data.resolve()
    installation = installation_in(folder)
    with (
        alone_on(folder),
        _listening(options.port) as api,
        _listening(_simulator_port(options.port)) as simulator,
        _listening(0) as relay,
    ):
        api_url, simulator_url = _url(api), _url(simulator)
        mac, server, daemon = _children(folder, installation, options.macos, api, simulator, relay)
        async with supervising.alive() as start:
            start(mac)
            start(server)
            await supervising.until_people_can_text(simulator_url)
            # Only now: a daemon looks at its start what this Mac can do.
            start(daemon)
            await supervising.until_lines_are_served(api_url, installation.api_key)
            running.announce(folder, Running(api_url, installation.api_key))
            _announce(options, installation, api_url, simulator_url)
            await _until_told()
            running.withdraw(folder)


def _children(
    folder: Path,
    installation: Installation,
    macos: str,
    api: socket.socket,
    simulator: socket.socket,
    relay: socket.socket,
) -> tuple[Child, Child, Child]:
    mac = folder / "mac"
    # Of this run alone: the page beside the phones looks into the server.
    inspect_token = secrets.token_urlsafe()
    return (
        Child(
            "simulate",
            {
                "SIMULATOR_FOLDER": str(mac),
                "SIMULATOR_LINES": LINES,
                "SIMULATOR_MACOS": macos,
                "SIMULATOR_SERVER_URL": _url(api),
                "SIMULATOR_INSPECT_TOKEN": inspect_token,
            },
            simulator,
            relay,
            defaults=QUIET,
        ),
        Child(
            "serve",
            {
                "DATABASE": str(folder / "blueport.db"),
                "FIRST_KEY": installation.api_key,
                "FIRST_LINE": LINE,
                "SANDBOX_LINE": SANDBOX_LINE,
                "FIRST_DAEMON_TOKEN": installation.daemon_token,
                "DASHBOARD_TOKEN": installation.dashboard_token,
                "INSPECT_TOKEN": inspect_token,
                # A receiver under development lives on this machine.
                "WEBHOOK_ALLOW": "localhost,127.0.0.0/8,::1/128",
            },
            api,
            # Who lets a tunnel lead here says where it begins; who tries things out calls as often as that takes.
            defaults={
                "PUBLIC_URL": _url(api),
                "HOURLY_LIMIT": "100000",
                "LINE_HOURLY_LIMIT": "0",
                "GRACE_S": "2",
                "REQUESTS_KEPT": "500",
                **QUIET,
            },
        ),
        Child(
            "daemon",
            {
                # By the simulated Mac's network, which can be cut.
                "DAEMON_SERVER_URL": _url(relay),
                "DAEMON_TOKEN": installation.daemon_token,
                "DAEMON_LINES": LINES,
                "DAEMON_CHAT_DB": str(mac / "Library/Messages/chat.db"),
                "DAEMON_JOURNAL": str(folder / "journal.db"),
                "DAEMON_OSASCRIPT": str(mac / "bin/osascript"),
                "DAEMON_IMSG": str(mac / "bin/imsg"),
            },
            # The simulated Mac answers at once or never: a developer should not wait for what will not come.
            defaults={
                "DAEMON_SEND_TIMEOUT_S": "10",
                "DAEMON_PROOF_TIMEOUT_S": "20",
                "DAEMON_PACE_MS": "0",
                "DAEMON_BEFORE_FILE_MS": "0",
                "DAEMON_HANG_PATIENCE_S": "10",
                **QUIET,
            },
        ),
    )


def _listening(port: int) -> contextlib.closing[socket.socket]:
    """Bind *port*; the socket outlives the children that serve it, so that a restart refuses no connection."""
    try:
        return contextlib.closing(socket.create_server(("127.0.0.1", port), backlog=1024))
    except OSError as error:
        why = refusing.why(error)
        sys.exit(f"blueport: port {port} cannot be had ({why}); choose another with --port, or 0 for any")


@contextlib.contextmanager
def alone_on(folder: Path) -> Iterator[None]:
    """Have *folder* for this process alone; whoever finds that another has it says so, and ends."""
    try:
        with locked(folder / "lock"):
            yield
    except LockedError:
        sys.exit(f"blueport: it is already running on {folder}; choose another folder with --data")


def _simulator_port(api_port: int) -> int:
    return api_port + 1 if api_port else 0


def _url(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


async def _until_told() -> None:
    told = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, told.set)
    await told.wait()


def _announce(options: argparse.Namespace, installation: Installation, api_url: str, simulator_url: str) -> None:
    dashboard_url = f"{api_url}/dashboard?token={installation.dashboard_token}"
    if options.json:
        _say(
            f'{{"api_url":"{api_url}","api_key":"{installation.api_key}","line":"{LINE}",'
            f'"sandbox_line":"{SANDBOX_LINE}",'
            f'"phone_url":"{simulator_url}/","simulator_url":"{simulator_url}","dashboard_url":"{dashboard_url}"}}'
        )
        return
    _say(
        _WELCOME.format(
            api_url=api_url,
            key=installation.api_key,
            line=LINE,
            sandbox_line=SANDBOX_LINE,
            person=PERSON,
            phone_url=f"{simulator_url}/",
            dashboard_url=dashboard_url,
            data=options.data,
        )
    )


def _say(words: str) -> None:
    """Print *words*; that nobody reads them (any more) ends nothing."""
    try:
        print(words, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_WELCOME = """
  Blueport is running. Everything is kept in {data}; Ctrl-C ends it.

  Phone       {phone_url}
  API         {api_url}
  API key     {key}
  Line        {line}
  Sandbox     {sandbox_line}
  Dashboard   {dashboard_url}
  Docs        {api_url}/docs/

  Open the phone and text the line as Ada. She has to write first; then this writes back:

  curl {api_url}/v1/messages \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"from": "{line}", "to": "{person}", "text": "Hello from my agent"}}'
"""
