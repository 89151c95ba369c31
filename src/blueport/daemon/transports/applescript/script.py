"""The scripts, and what their errors mean. They are fixed; what is sent is an argument, never part of a script."""

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from blueport.protocol.commands import LineService, SendFile, SendText

# Of how a failed script leaves Messages: surely without the message, not even running, or perhaps with it.
Meaning = Literal["no_such_chat", "not_running", "cannot_run", "not_allowed", "not_signed_in", "unknown", "refused"]
Target = Literal["chat", "participant", "sms participant"]
# What the second argument is: the text, the path of a file that holds the text, or that of a file to send.
Form = Literal["text", "text in file", "file"]

# Linux takes 128 KiB in one argument, macOS 1 MiB in all: longer texts go by file.
LONGEST_ARGUMENT_BYTES = 64 * 1024

LAUNCH = """on run argv
  tell application "Messages" to launch
end run
"""
# Nothing comes of it: that there is an answer at all says that Messages listens, and that we may ask.
QUESTION = """on run argv
  with timeout of {timeout_s} seconds
    tell application "Messages" to count accounts
  end timeout
end run
"""
QUIT = """on run argv
  with timeout of {timeout_s} seconds
    tell application "Messages" to quit
  end timeout
end run
"""
# A line for each: without a word on that a list is printed with commas between.
LIST_CHATS = """on run argv
  with timeout of {timeout_s} seconds
    tell application "Messages" to set found to id of every chat
  end timeout
  set AppleScript's text item delimiters to linefeed
  return found as text
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
    "sms participant": "participant (item 1 of argv) of (first account whose service type = SMS)",
}

_NUMBER = re.compile(r"\((-\d+)\)\s*$")
_MEANINGS: dict[int, Meaning] = {
    -1728: "no_such_chat",
    -600: "not_running",
    # Nobody is logged in at the screen: nothing that has windows can be started.
    -10810: "cannot_run",
    -1743: "not_allowed",
    -1719: "not_signed_in",
    -1712: "unknown",
    # The connection went away. That nothing was sent is often said of it, but it is also what a script gets whose
    # Messages ends in the midst of it: before or after the event was taken, nobody can say.
    -609: "unknown",
}
_NO_VARIABLE = -2753

# Since macOS 26 the guids of all conversations begin with `any`.
_ANY = "any"
# By what a line may send, as the guids of conversations begin, the best first.
_PREFIXES: dict[LineService, tuple[str, ...]] = {
    "imessage": (_ANY, "iMessage"),
    "sms": ("SMS",),
    "auto": (_ANY, "iMessage", "RCS", "SMS"),
}


class Address(NamedTuple):
    """One way to name the conversation to Messages."""

    target: Target
    name: str


def addresses(command: SendText | SendFile) -> Iterator[Address]:
    """Yield the ways to name the command's conversation, the best first.

    A group can only be named by a guid: a participant of its name would make a second chat that leads nowhere. A person
    is named by a guid where one is known, so that the message lands in that conversation, then by the guids that it may
    have under other services, then by handle.
    """
    known = known_guids(command)
    names = known if command.recipient is None else [*known, *_other_names(command)]
    for guid in dict.fromkeys(names):
        yield Address("chat", guid)
    if command.recipient is not None:
        yield Address(_target(command, known), command.recipient)


def listed_addresses(command: SendText | SendFile, listed: Iterable[str]) -> list[Address]:
    """Return the ways to name the command's group among the conversations that Messages lists, new ones only.

    What is not listed is not tried: Messages was seen to make a second group out of such a name.
    """
    others = set(_other_names(command)) - set(known_guids(command))
    return [Address("chat", guid) for guid in listed if guid in others]


def known_guids(command: SendText | SendFile) -> list[str]:
    """Return the guids that are known, and of the line's service.

    A newer SMS twin of a conversation must not turn an iMessage into an SMS.
    """
    allowed = _PREFIXES[command.service]
    known = [guid for guid in command.chat_guids if _prefix(guid) in allowed]
    imessage = [guid for guid in known if _prefix(guid) in _PREFIXES["imessage"]]
    return imessage or known


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


def word_of(number: int | None, target: Target) -> str:
    """Return the word for an outbox item that failed with *number*."""
    # The variable that was to hold the SMS account is not defined: there is none.
    has_no_sms = number == _NO_VARIABLE and target == "sms participant"
    return "sms_not_available" if has_no_sms else f"applescript_error_{number}"


def _other_names(command: SendText | SendFile) -> list[str]:
    kind = "+" if command.recipient is None else "-"
    identifiers = dict.fromkeys(guid.rpartition(";")[2] for guid in command.chat_guids)
    return [f"{prefix};{kind};{name}" for name in identifiers for prefix in _PREFIXES[command.service]]


def _target(command: SendText | SendFile, known: list[str]) -> Target:
    """Say by which account a person is named: who is known by SMS alone has no iMessage."""
    is_by_sms = command.service == "sms" or any(_prefix(guid) == "SMS" for guid in known[:1])
    return "sms participant" if is_by_sms else "participant"


def _prefix(guid: str) -> str:
    return guid.partition(";")[0]
