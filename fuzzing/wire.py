"""One connection of raw bytes, and what every answer on it must be."""

import json
import re
import socket
import time
from typing import NamedTuple

# Whoever is owed an answer for longer than this hangs; the server itself waits half a minute for what is not whole.
PATIENCE_S = 10.0
_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [^\r\n]*")
_REQUEST_ID = re.compile(r"req_[0-9a-z]{20,}")
_TYPES = {
    "authentication_error",
    "authorization_error",
    "invalid_request_error",
    "not_found_error",
    "rate_limit_error",
    "api_error",
}


class BrokenError(Exception):
    """The server did what it never may."""


class Answer(NamedTuple):
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class Sending(NamedTuple):
    """What goes over one connection: parts with a pause before each but the first.

    `methods` are those of the requests in it, by which their answers are read. An answer to each is owed if all of them
    are whole; the last one asks to close the connection.
    """

    parts: tuple[bytes, ...]
    methods: tuple[str, ...]
    is_whole: bool
    pause_s: float = 0.0
    is_cut_off: bool = False


def exchanged(port: int, sending: Sending) -> list[Answer]:
    """Send, hang up, and return the answers, all of them judged.

    Raises:
        BrokenError: An answer is none, or is missing.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        heard = _said(connection, sending)
    answers = _answers(heard, sending)
    if sending.is_whole and len(answers) < len(sending.methods):
        raise BrokenError(f"{len(answers)} answers to {len(sending.methods)} requests; heard {heard[:500]!r}")
    for answer in answers:
        judge(answer)
    return answers


def judge(answer: Answer) -> None:
    """Judge what all answers of the API have in common.

    Raises:
        BrokenError: It is not so.
    """
    if answer.status >= 500:
        raise BrokenError(f"status {answer.status}: {answer.body[:500]!r}")
    request_id = answer.headers.get("x-request-id", "")
    if not _REQUEST_ID.fullmatch(request_id):
        raise BrokenError(f"no request id: {answer}")
    if answer.headers.get("content-type") != "application/json" or not answer.body:
        return
    try:
        said = json.loads(answer.body)
    except ValueError:
        raise BrokenError(f"no JSON: {answer}") from None
    if not isinstance(said, dict) or not _is_envelope(answer, said):
        raise BrokenError(f"no envelope: {answer}")


def _is_envelope(answer: Answer, said: dict[str, object]) -> bool:
    own = said.get("request_id")
    if answer.status < 400:
        # What is answered again keeps the id under which it was done.
        is_again = answer.headers.get("idempotent-replayed") == "true" and _REQUEST_ID.fullmatch(str(own)) is not None
        return "openapi" in said or is_again or own == answer.headers["x-request-id"]
    fault = said.get("error")
    return (
        own == answer.headers["x-request-id"]
        and isinstance(fault, dict)
        and fault.get("type") in _TYPES
        and all(isinstance(fault.get(name), str) and fault[name] for name in ("code", "message"))
        and set(fault) <= {"type", "code", "message", "param"}
    )


def _said(connection: socket.socket, sending: Sending) -> bytes:
    heard = bytearray()
    try:
        for number, part in enumerate(sending.parts):
            if number:
                time.sleep(sending.pause_s)
            connection.sendall(part)
        if sending.is_cut_off:
            return b""
        if not sending.is_whole:
            _hear(connection, heard, 0.05)
            connection.shutdown(socket.SHUT_WR)
        _hear(connection, heard, PATIENCE_S)
    except (BrokenPipeError, ConnectionResetError, OSError) as error:
        if isinstance(error, TimeoutError):
            raise BrokenError(f"it hangs; heard {bytes(heard[:500])!r}") from None
        # It may refuse, and hang up, before it has read all.
    return bytes(heard)


def _hear(connection: socket.socket, heard: bytearray, patience_s: float) -> None:
    """Listen until the other side hangs up, or so long if that is less than all our patience."""
    connection.settimeout(patience_s)
    try:
        while more := connection.recv(65_536):
            heard += more
    except TimeoutError:
        if patience_s == PATIENCE_S:
            raise


def _answers(heard: bytes, sending: Sending) -> list[Answer]:
    """Split what was heard; the last answer may have been cut off by a reset."""
    answers: list[Answer] = []
    while heard:
        head, end, rest = heard.partition(b"\r\n\r\n")
        if not end:
            break
        line, *lines = head.split(b"\r\n")
        status = _STATUS.fullmatch(line)
        if status is None:
            raise BrokenError(f"no status line: {heard[:500]!r}")
        if status[1].startswith(b"1"):
            heard = rest
            continue
        headers = {name.lower(): value for name, _, value in (each.decode("latin-1").partition(": ") for each in lines)}
        size = 0 if _has_no_body(sending, len(answers), rest) else int(headers.get("content-length", "0"))
        if len(rest) < size:
            break
        answers.append(Answer(int(status[1]), headers, rest[:size]))
        heard = rest[size:]
    return answers


def _has_no_body(sending: Sending, number: int, rest: bytes) -> bool:
    if sending.is_whole and number < len(sending.methods):
        return sending.methods[number] == "HEAD"
    # Which request it answers is unknown.
    return not rest or rest.startswith(b"HTTP/1.1 ")
