"""How a command ends that could not do what it was asked: one line on standard error, and an exit status."""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import NamedTuple

from blueport.cli import refusing
from blueport.cli.api.errors import (
    FAILED,
    FORBIDDEN,
    NOT_FOUND,
    NOT_SIGNED_IN,
    CallError,
)
from blueport.cli.tables import printable
from blueport_sdk import MessagesError, WaitTimeoutError

_OF_STATUS = {401: NOT_SIGNED_IN, 403: FORBIDDEN, 404: NOT_FOUND, 429: FORBIDDEN}

# What the SDK says where the answer does not.
_UNKNOWN = "unknown_error"


class _End(NamedTuple):
    exit_status: int
    error: dict[str, str]
    request_id: str = ""


@contextlib.contextmanager
def told(*, is_json: bool) -> Iterator[None]:
    """Have what goes wrong inside the block end the program, with a word on it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (MessagesError, CallError, OSError) as error:
        end = _end_of(error)
        print(_as_json(end) if is_json else _as_words(end), file=sys.stderr)
        sys.exit(end.exit_status)


def _end_of(error: MessagesError | CallError | OSError) -> _End:
    match error:
        case MessagesError():
            return _End(_OF_STATUS.get(error.status, FAILED), _servers(error), error.request_id)
        case CallError():
            return _End(error.exit_status, _own(error.code, str(error)))
        case WaitTimeoutError():
            return _End(FAILED, _own("timeout", str(error)))
        case _:
            return _End(FAILED, _own("file_error", refusing.said(error)))


def _as_json(end: _End) -> str:
    return json.dumps({"error": end.error, "request_id": end.request_id or None}, ensure_ascii=False)


def _as_words(end: _End) -> str:
    """Return the message, and what to quote when asking about it, which only the server's errors have."""
    quoted = f" ({end.error['code']}, {end.request_id})" if end.request_id else ""
    return f"blueport: {printable(end.error['message'])}{quoted}"


def _servers(error: MessagesError) -> dict[str, str]:
    # Whoever answers like that is perhaps none of ours.
    doubt = ", and not a word on why: is the URL that of a Blueport?" if error.code == _UNKNOWN else ""
    told = {"type": error.type, "code": error.code, "message": error.message + doubt}
    return told | ({"param": error.param} if error.param else {})


def _own(code: str, message: str) -> dict[str, str]:
    return {"type": "client_error", "code": code, "message": message}
