"""Whether the server lets this daemon in, has its lines, and tells the same time.

It is asked for a message's file that nobody has: that needs the token and the line, and changes nothing. To say hello
would tell the server that a daemon is at work.
"""

import errno
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

from blueport.clock import now_ms
from blueport.daemon.examining.findings import Finding, ok, unknown, wrong
from blueport.daemon.examining.subject import Subject

_SERVER, _LINES, _CLOCK = "server", "lines on the server", "clock"
_LINES_SETTING = "BLUEPORT_DAEMON_LINES"
_PATH = "/daemon/v1/files"
_NOBODY = "blueport-daemon-doctor"
_NOT_FOUND, _UNAUTHORIZED = 404, 401
_MOST_OFF_MS = 30_000
_NO_LINE, _LINE = b'"line_not_found"', b'"message_not_found"'


class _Answer(NamedTuple):
    status: int
    body: bytes
    off_ms: int | None


async def server(subject: Subject) -> list[Finding]:
    """Ask for each line."""
    if subject.missing:
        missing = ", ".join(subject.missing)
        told = f"This Mac does not know its server yet ({missing}): blueport daemon pair, or install with them."
        return [wrong(_SERVER, told), *(unknown(name, "The server could not be asked.") for name in (_LINES, _CLOCK))]
    try:
        answers = await _asked(subject)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return [
            wrong(_SERVER, f"{subject.settings.server_url} cannot be reached: {_reason(subject, error)}"),
            *(unknown(name, "The server could not be asked.") for name in (_LINES, _CLOCK)),
        ]
    return [_door(subject, answers), _lines(answers), _clock(next(iter(answers.values())))]


async def _asked(subject: Subject) -> dict[str, _Answer]:
    settings = subject.settings
    timeout = aiohttp.ClientTimeout(total=settings.call_timeout_s)
    headers = {"Authorization": f"Bearer {settings.token}"}
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as asking:
        url = settings.server_url.rstrip("/") + _PATH
        return {line: await _answer(asking, url, line) for line in settings.lines}


async def _answer(asking: aiohttp.ClientSession, url: str, line: str) -> _Answer:
    of = {"line": line, "message": _NOBODY, "attachment": _NOBODY}
    asked_at = now_ms()
    async with asking.post(url, params=of, data=b"", allow_redirects=False) as response:
        body = await response.read()
        between = (asked_at + now_ms()) // 2
        return _Answer(response.status, body, _off_ms(response.headers.get("Date"), between))


def _off_ms(date: str | None, moment: int) -> int | None:
    """Return by how much this clock is ahead of the server's, in milliseconds; None if that does not say."""
    try:
        return None if date is None else moment - round(parsedate_to_datetime(date).timestamp() * 1000)
    except ValueError:
        return None


def _door(subject: Subject, answers: dict[str, _Answer]) -> Finding:
    url, statuses = subject.settings.server_url, {answer.status for answer in answers.values()}
    if all(
        answer.status == _NOT_FOUND and (_NO_LINE in answer.body or _LINE in answer.body) for answer in answers.values()
    ):
        return ok(_SERVER, f"{url} lets this daemon in.")
    if _UNAUTHORIZED in statuses:
        told = "was revoked or was never its own: blueport daemon pair, or BLUEPORT_DAEMON_TOKEN"
        return wrong(_SERVER, f"{url} does not know this daemon's token, which {told}.")
    status = min(statuses)
    return wrong(_SERVER, f"{url} answers with {status}, as no Blueport does: is BLUEPORT_DAEMON_SERVER_URL right?")


def _lines(answers: dict[str, _Answer]) -> Finding:
    foreign = [line for line, answer in answers.items() if _NO_LINE in answer.body]
    if foreign:
        told = f"blueport lines add there, or mend {_LINES_SETTING} here"
        return wrong(_LINES, f"The server has no {', '.join(foreign)} for this daemon: {told}.")
    if all(_LINE in answer.body for answer in answers.values()):
        return ok(_LINES, f"{', '.join(answers)}: this daemon's.")
    return unknown(_LINES, "The server could not be asked.")


def _clock(answer: _Answer) -> Finding:
    if answer.off_ms is None:
        return unknown(_CLOCK, "The server does not tell its time.")
    seconds = abs(answer.off_ms) / 1000
    if abs(answer.off_ms) <= _MOST_OFF_MS:
        return ok(_CLOCK, "It agrees with the server's.")
    way = "ahead of" if answer.off_ms > 0 else "behind"
    where = "System Settings, General, Date & Time, set automatically"
    return wrong(_CLOCK, f"This Mac's clock is {seconds:.0f} s {way} the server's: {where}.")


def _reason(subject: Subject, error: Exception) -> str:
    """Say what went wrong on the way, and what is mostly behind it."""
    if isinstance(error, TimeoutError):
        return f"no answer within {subject.settings.call_timeout_s:.0f} s."
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return (
            "its certificate is not trusted. With a Python from python.org, run 'Install Certificates.command' of its"
            " folder in Applications; have SSL_CERT_FILE name one of your own, and install the daemon again."
        )
    if isinstance(error, OSError) and error.errno == errno.EHOSTUNREACH and not _is_here(subject):
        return "there is no way to it. For one in your own network: System Settings, Privacy & Security, Local Network."
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return "that is no URL."
    return f"{error}."


def _is_here(subject: Subject) -> bool:
    return urlsplit(subject.settings.server_url).hostname in ("localhost", "127.0.0.1", "::1")
