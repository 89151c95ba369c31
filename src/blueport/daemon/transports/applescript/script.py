"""The scripts, and what their errors mean. They are fixed; what is sent is an argument, never part of a script."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from blueport.protocol.commands import SendFile, SendText

# Of how a failed script leaves Messages: surely without the message, not even running, or perhaps with it.
Meaning = Literal["no_such_chat", "not_running", "not_allowed", "not_signed_in", "unknown", "refused"]
Target = Literal["chat", "participant"]
# What the second argument is: the text, the path of a file that holds the text, or that of a file to send.
Form = Literal["text", "text in file", "file"]

# Linux takes 128 KiB in one argument, macOS 1 MiB in all: longer texts go by file.
LONGEST_ARGUMENT_BYTES = 64 * 1024

LAUNCH = """on run argv
  tell application "Messages" to launch
end run
"""

_SEND_TEXT = """on run argv
  with timeout of {timeout_s} seconds
    tell application "Messages" to send (item 2 of argv) to {target}
  end timeout
end run
"""
# Read outside of the tell: `read` is no word of Messages.
_SEND_TEXT_IN_FILE = """on run argv
  set body to read POSIX file (item 2 of argv) as «class utf8»
  with timeout of {timeout_s} seconds
    tell application "Messages" to send body to {target}
  end timeout
end run
"""
# An alias: of all other ways to name a file some give Messages none that its sandbox lets it read.
_SEND_FILE = """on run argv
  set parcel to POSIX file (item 2 of argv) as alias
  with timeout of {timeout_s} seconds
    tell application "Messages" to send parcel to {target}
  end timeout
end run
"""
_SCRIPTS: dict[Form, str] = {"text": _SEND_TEXT, "text in file": _SEND_TEXT_IN_FILE, "file": _SEND_FILE}
_TARGETS: dict[Target, str] = {
    "chat": "chat id (item 1 of argv)",
    "participant": "participant (item 1 of argv) of (first account whose service type = iMessage)",
}

_NUMBER = re.compile(r"\((-\d+)\)\s*$")
_MEANINGS: dict[int, Meaning] = {
    -1728: "no_such_chat",
    -600: "not_running",
    -10810: "not_running",
    -1743: "not_allowed",
    -1719: "not_signed_in",
    -1712: "unknown",
    # The connection went away: before or after the event was taken, nobody can say.
    -609: "unknown",
}


class Address(NamedTuple):
    """One way to name the conversation to Messages."""

    target: Target
    name: str


def addresses(command: SendText | SendFile) -> Iterator[Address]:
    """Yield the ways to name the command's conversation, the best first.

    A group can only be named by a guid: a participant of its name would make a second chat that leads nowhere. A person
    is named by a guid where one is known, so that the message lands in that conversation, else by handle.
    """
    for guid in _preferred(command.chat_guids):
        yield Address("chat", guid)
    if command.recipient is not None:
        yield Address("participant", command.recipient)


def sending(target: Target, form: Form, *, timeout_s: int) -> str:
    """Return the script that sends its second argument, which is of that *form*, to its first."""
    return _SCRIPTS[form].format(target=_TARGETS[target], timeout_s=timeout_s)


def error_number(stderr: str) -> int | None:
    """Return the number with which osascript failed, None if it gave none."""
    found = _NUMBER.search(stderr.strip())
    return int(found[1]) if found else None


def meaning(number: int | None) -> Meaning:
    """Say what an error number tells about the message; without a number nothing is certain."""
    return "unknown" if number is None else _MEANINGS.get(number, "refused")


def word_of(number: int | None) -> str:
    """Return the word for an outbox item that failed with *number*."""
    # The variable that was to hold the SMS account is not defined: there is none.
    return "sms_not_available" if number == -2753 else f"applescript_error_{number}"  # noqa: PLR2004 - named above


def _preferred(guids: tuple[str, ...]) -> tuple[str, ...]:
    # A newer SMS twin of a conversation must not turn an iMessage into an SMS.
    own = tuple(guid for guid in guids if guid.startswith(("any;", "iMessage;")))
    return own or guids
