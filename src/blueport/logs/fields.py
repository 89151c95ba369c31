"""All that may stand beside an event in a log, and why it is harmless.

Nothing else is logged: no text, handle, name, key, token, URL, file name or SQL, and no message of an exception, since
all of those hold what people wrote. A name is not enough: a value must also look like what its name promises, so that
an address does not slip in where an id is expected.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeGuard

Value = str | int | float | bool | None

# One of our ids is a prefix and 26 digits; neither an API key nor a token has that form.
_ID = re.compile(r"[a-z]{2,4}_[0-9a-z]{26}")
# A word of ours, as `timeout`, `http_500` or `invalid_api_key`.
_WORD = re.compile(r"[a-z][a-z0-9_.]{0,47}")
# The name of a class, or of a constant of SQLite, PostgreSQL or the operating system.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.<>]{0,79}")
# A place in code: file, line and function.
_PLACE = re.compile(r"[\w.<>/@+-]{1,160}:\d{1,7}(:[\w.<>]{1,160})?")
_PATH = re.compile(r"(/[a-z0-9_.{}-]{1,40}){1,8}|")
_SETTING = re.compile(r"BLUEPORT_[A-Z0-9_]{1,40}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,40}")
_NUMBER = None

FIELDS: dict[str, re.Pattern[str] | None] = {
    # Ids that we made at random: whoever has no access to the database learns nothing from one.
    "request_id": _ID,
    "account_id": _ID,
    "key_id": _ID,
    "daemon_id": _ID,
    "line_id": _ID,
    "outbox_id": _ID,
    "webhook_id": _ID,
    "delivery_id": _ID,
    # Counts, durations and positions: numbers, and never those of a phone.
    "attempts": _NUMBER,
    "count": _NUMBER,
    "duration_ms": _NUMBER,
    "process_id": _NUMBER,
    "row": _NUMBER,  # of chat.db
    "sighting": _NUMBER,  # of the journal
    "status": _NUMBER,  # of HTTP
    # Words out of closed sets of our own.
    "call": _WORD,  # at the daemon's door
    "error_code": _WORD,  # of an answer
    "event_type": _WORD,  # of a webhook
    "health": _WORD,
    "method": _WORD,
    "part": _WORD,  # of a Mac
    "program": _WORD,
    "reason": _WORD,
    "role": _WORD,
    "task": _WORD,  # a loop
    "topic": _WORD,
    "endpoint": _PATH,  # its template, never the path that was asked for
    "setting": _SETTING,  # its name
    "version": _VERSION,
    # What went wrong, without what it went wrong with.
    "error_type": _NAME,
    "error_name": _NAME,  # as SQLITE_FULL or ENOSPC
    "library": _NAME,  # whose message it is that we do not repeat
    "place": _PLACE,
}
_EVENT = re.compile(r"[a-z]+(_[a-z0-9]+)*")


class UnlistedError(Exception):
    """Somebody wants to log what must not be logged; the text is the name of it."""


class Judged(NamedTuple):
    """What may be told of an event, and the names of what may not."""

    told: dict[str, Value]
    withheld: list[str]


def judged(event: object, given: Mapping[str, object]) -> Judged:
    """Return what of *given* may be told beside *event*."""
    told: dict[str, Value] = {"event": event if _is_event(event) else "event_without_a_name"}
    told |= {name: value for name, value in given.items() if _is_harmless(value, name)}
    withheld = [name for name, value in given.items() if value is not None and name not in told]
    return Judged(told, withheld if _is_event(event) else ["event", *withheld])


def _is_event(event: object) -> TypeGuard[str]:
    """Tell whether it is a name and no sentence, into which something could have been put."""
    return isinstance(event, str) and _EVENT.fullmatch(event) is not None


def _is_harmless(value: object, name: str) -> TypeGuard[Value]:
    if name not in FIELDS:
        return False
    shape = FIELDS[name]
    if shape is None:
        return isinstance(value, int | float)
    return isinstance(value, str) and shape.fullmatch(value) is not None
