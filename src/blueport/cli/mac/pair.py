"""`blueport daemon pair`: has the server let this Mac in, on the word of a code that its operator has made.

The Mac makes its token itself, and has it on the disk before it is said. So an answer that is lost costs nothing: the
same command says the same token again, and the server, which keeps only its hash, answers again. The settings of an
earlier pairing stay until the new one holds.
"""

import argparse
import asyncio
import ipaddress
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from blueport.cli.environment import arm_failpoints
from blueport.cli.mac.surroundings import kept, places
from blueport.cli.parsing import Parser, words_in
from blueport.daemon.installing import settings_file
from blueport.daemon.installing.settings_file import PREFIX
from blueport.daemon.uplink import RefusedError, UnansweredError, pair
from blueport.failpoints import reached
from blueport.handles import sendable_handle
from blueport.protocol.door import Pair, Paired
from blueport.server.authorizing.codes import code_in, written
from blueport.server.authorizing.keys import new_daemon_token
from blueport.whole_files import OWNER_ONLY, write_whole

_TRIES = 3
_PAUSE_S = 1.0


class _Draft(msgspec.Struct, frozen=True):
    """A pairing that was begun: whom it was said to, and what."""

    url: str
    code: str
    token: str


def main(arguments: list[str]) -> None:
    """Be let in, and keep what is needed for that."""
    options = _parser().parse_args(arguments)
    arm_failpoints()
    url = _url(options.url, is_insecure=options.insecure)
    path = options.settings.expanduser()
    before = kept(path)
    place = path.with_name(f"{path.name}.pairing")
    draft = _draft(place, url, options.code)
    reached("daemon.pairing")
    paired = _paired(draft, place)
    reached("daemon.paired")
    lines = options.lines or paired.lines
    settings_file.write(path, _settings(draft, path, lines, before))
    reached("daemon.settled")
    if lines:  # else the same command has to be said again
        place.unlink()
    _tell(paired, lines, path)


def _url(given: str, *, is_insecure: bool) -> str:
    """Return where the server is, unless what is said to it could be read on the way."""
    url = given.rstrip("/")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        sys.exit(f"blueport: {given} is no URL")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or "@" in parts.netloc:
        sys.exit(f"blueport: {given} is no URL of a server, like https://imessage.example.com")
    if parts.scheme == "http" and not _is_this_machine(host):
        told = f"over {url} this Mac's token and all its messages go in the clear"
        if not is_insecure:
            sys.exit(f"blueport: {told}: use https, or say --insecure if nobody else is on that network")
        print(f"blueport: {told}", file=sys.stderr)
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _draft(place: Path, url: str, code: str) -> _Draft:
    """Return what is to be said, which is on the disk then; what was said before with that code is said again."""
    with suppress(FileNotFoundError, msgspec.DecodeError):
        known = msgspec.json.decode(place.read_bytes(), type=_Draft)
        if (known.url, known.code) == (url, code):
            return known
    draft = _Draft(url, code, new_daemon_token())
    write_whole(place, msgspec.json.encode(draft), mode=OWNER_ONLY)
    return draft


def _paired(draft: _Draft, place: Path) -> Paired:
    try:
        return asyncio.run(_asked(draft))
    except RefusedError as error:
        if error.status is not None and error.code == "invalid_api_key":
            place.unlink()
            sys.exit("blueport: this code is wrong, was used, or is too old: have the operator make another")
        sys.exit(f"blueport: {draft.url} does not pair this Mac: it answers {error}")
    except UnansweredError as error:
        sys.exit(f"blueport: {draft.url} does not answer ({error}): the same command can be said again")


async def _asked(draft: _Draft) -> Paired:
    said = Pair(draft.code, draft.token)
    for _ in range(_TRIES - 1):
        try:
            return await pair(draft.url, said)
        except UnansweredError:
            await asyncio.sleep(_PAUSE_S)
    return await pair(draft.url, said)


def _settings(draft: _Draft, path: Path, lines: tuple[str, ...], before: Mapping[str, str]) -> dict[str, str]:
    """Return what is to be kept; the journal lies beside it, unless it has another place already."""
    usual = {f"{PREFIX}JOURNAL": str(path.absolute().with_name("journal.db"))}
    settings = {f"{PREFIX}SERVER_URL": draft.url, f"{PREFIX}TOKEN": draft.token}
    if lines:
        settings[f"{PREFIX}LINES"] = ",".join(lines)
    return {**usual, **before, **settings}


def _tell(paired: Paired, lines: tuple[str, ...], path: Path) -> None:
    print(paired.name)
    told = [f"this Mac is paired as {paired.name!r}; its daemon has to be started (again) with the settings in {path}"]
    if not lines:
        told.append(
            "no line is served by it yet: on the server, `blueport lines add HANDLE --account ACCOUNT --daemon"
            f" {paired.name}`; then say the same command here again"
        )
    told += [
        f"{line} is not served by it: on the server, `blueport lines change {line} --daemon {paired.name}`"
        for line in lines
        if line not in paired.lines
    ]
    for each in told:
        print(f"blueport: {each}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="blueport daemon pair", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", metavar="URL", help="where the server is, as https://imessage.example.com")
    parser.add_argument("code", metavar="CODE", type=_code, help="what `blueport daemons pair` has printed there")
    parser.add_argument("--lines", type=_lines, help="the lines to serve, with commas (all that the server has for it)")
    settings_option(parser)
    parser.add_argument("--insecure", action="store_true", help="say the token over http to another machine")
    return parser


def settings_option(parser: argparse.ArgumentParser) -> None:
    """Take the file with the daemon's settings."""
    usual = places().settings
    parser.add_argument("--settings", type=Path, metavar="FILE", default=usual, help=f"the daemon's settings ({usual})")


def _code(words: str) -> str:
    code = code_in(words)
    if code is None:
        raise argparse.ArgumentTypeError(f"{words!r} is no code like K7QM-2F9D-XWTA")
    return written(code)


def _lines(words: str) -> tuple[str, ...]:
    found = [sendable_handle(word, region="US") for word in words_in(words)]
    lines = tuple(line for line in found if line is not None)
    if len(lines) < len(found):
        raise argparse.ArgumentTypeError(f"{words!r} is no list of phone numbers with country code and Apple IDs")
    return lines
