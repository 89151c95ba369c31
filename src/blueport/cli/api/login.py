"""`blueport login`: has later commands know where the server is, and by which key to ask it."""

import argparse
import getpass
import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from blueport.cli import running
from blueport.cli.api import calling, texts
from blueport.cli.api.calling import Command, Session
from blueport.cli.api.credentials import Login, credentials, keep, place
from blueport.cli.api.errors import NothingRunsError, UsageError
from blueport_sdk import AuthorizationError, Client, Line, as_told

_DEV_FOLDER = Path(".blueport")


def main(arguments: list[str]) -> None:
    """Sign in."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("server", nargs="?", metavar="URL", help="where the server is (http://127.0.0.1:8080)")
    parser.add_argument(
        "--dev",
        nargs="?",
        type=Path,
        const=_DEV_FOLDER,
        metavar="FOLDER",
        help=f"ask nothing: use the `blueport dev` or `make run` that keeps everything in FOLDER ({_DEV_FOLDER})",
    )
    parser.add_argument("--from", dest="line", metavar="LINE", help="the line to use where a command names none")


def _login(session: Session, options: argparse.Namespace) -> None:
    url, key = _found(options)
    with calling.client_at(url, key) as client:
        lines = _lines(client)
    keep(Login(key, url, options.line and _chosen(options.line, lines)))
    _tell(session, url, lines)


def _found(options: argparse.Namespace) -> tuple[str, str]:
    """Return where to sign in, and by which key."""
    if options.dev is not None:
        found = running.running_in(options.dev)
        if found is None:
            raise NothingRunsError(
                f"nothing runs on the folder {options.dev}: start `blueport dev`, or name its --data folder"
            )
        return found.api_url, found.api_key
    url = options.server or credentials(None, options.url).api_url
    return url, _key_for(url, options.key)


def _key_for(url: str, said: str | None) -> str:
    if said == "-":
        said = texts.line()
    elif said is None and not (sys.stdin and sys.stdin.isatty()):
        raise UsageError("there is nobody here to ask for the key: give it on standard input, with `--key -`")
    key = said or getpass.getpass(f"API key for {url} (it is not shown): ").strip()
    if not key:
        raise UsageError("that is no key: keys begin with sk_live_")
    return key


def _lines(client: Client) -> list[Line] | None:
    """Return which lines the key may use, None if it is a good one that may not know.

    Raises:
        AuthenticationError: It is no good one.
    """
    try:
        return list(client.list_lines())
    except AuthorizationError:
        return None


def _chosen(said: str, lines: list[Line] | None) -> str:
    """Return the line that was *said*, as the server writes it."""
    if lines is None:
        return said
    plain = re.sub(r"[\s().-]", "", said) if said.startswith("+") else said.lower()
    for line in lines:
        if plain in (line.id.lower(), line.handle.lower()):
            return line.handle
    handles = ", ".join(line.handle for line in lines)
    raise UsageError(f"this key may not use the line {said!r}, but {handles or 'none at all'}")


def _tell(session: Session, url: str, lines: list[Line] | None) -> None:
    told = None if lines is None else [as_told(line) for line in lines]
    session.tell({"api_url": url, "lines": told}, None)
    calling.note(f"signed in at {url}; the key is kept in {place()}")
    if lines is None:
        calling.note("the key is good, but may not list lines (it lacks the scope lines:read): name one with --from")
    elif not session.is_json:
        session.show(lines, calling.LINE_COLUMNS)
    if _is_open_to_all(url):
        calling.note(f"everybody on the way to {url} can read the key and all messages: use https://")
    for name in ("MESSAGES_API_KEY", "MESSAGES_API_URL"):
        if os.environ.get(name):
            calling.note(f"{name} is set, and commands use that instead")


def _is_open_to_all(url: str) -> bool:
    """Tell whether what is said to *url* goes to another machine, and in clear."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")


COMMAND = Command(
    "login",
    "Have later commands know where the server is, and by which key to ask it. The key is asked for, and not shown.",
    _options,
    _login,
    (
        "login https://messages.example.com",
        "login --dev",
        "login https://messages.example.com --key - < key.txt",
        "login --dev --from +15555550100",
    ),
)
