"""What a key may do, in words."""

from collections.abc import Collection
from typing import NamedTuple

from blueport.server.authorizing.keys import SCOPES, Scope


class Right(NamedTuple):
    """A scope, in which way it is of what its group is about, and what it allows."""

    scope: Scope
    way: str
    allows: str


class Group(NamedTuple):
    """The rights on one kind of thing."""

    about: str
    rights: tuple[Right, ...]


GROUPS = (
    Group(
        "Messages",
        (
            Right("messages:read", "read", "List messages, and search in them."),
            Right("messages:write", "write", "Send, edit and unsend messages, and change groups."),
        ),
    ),
    Group("Chats", (Right("chats:read", "read", "List chats, and who is in them."),)),
    Group("Lines", (Right("lines:read", "read", "List lines, how they are and what they can."),)),
    Group("Outbox", (Right("outbox:read", "read", "Ask what became of what was sent."),)),
    Group(
        "Files",
        (
            Right("files:read", "read", "Fetch pictures, sounds and other files."),
            Right("files:write", "write", "Upload files to be sent."),
        ),
    ),
    Group(
        "Reactions",
        (
            Right("reactions:read", "read", "List the reactions to messages."),
            Right("reactions:write", "write", "React to messages."),
        ),
    ),
    Group(
        "Typing",
        (
            Right("typing:read", "read", "See who is typing."),
            Right("typing:write", "write", "Show the typing dots."),
        ),
    ),
    Group(
        "Read receipts",
        (
            Right("receipts:read", "read", "See what people have read."),
            Right("receipts:write", "write", "Mark chats as read."),
        ),
    ),
    Group("Events", (Right("events:read", "read", "Follow what happens, as it happens."),)),
    Group(
        "Webhooks",
        (
            Right("webhooks:read", "read", "List webhooks and their deliveries."),
            Right("webhooks:write", "write", "Make, test, replay and delete webhooks."),
        ),
    ),
    Group(
        "Settings",
        (
            Right("settings:read", "read", "Read the settings of the account."),
            Right("settings:write", "write", "Change the settings of the account."),
        ),
    ),
)


def in_words(scopes: Collection[str]) -> str:
    """Return what *scopes* allow in a line, as in `messages (read, write), lines (read)`."""
    if set(scopes) >= set(SCOPES):
        return "everything"
    ways = [(group.about, [right.way for right in group.rights if right.scope in scopes]) for group in GROUPS]
    return ", ".join(f"{about.lower()} ({', '.join(has)})" for about, has in ways if has)


def allowed(scopes: Collection[str]) -> list[str]:
    """Return what *scopes* allow, a sentence each."""
    return [right.allows for group in GROUPS for right in group.rights if right.scope in scopes]
