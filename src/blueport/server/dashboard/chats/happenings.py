"""What happened in a chat beside the messages themselves, in words, each with where more of it is said."""

from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from blueport.server.inspecting.schema import DeliveryEntry, EventEntry, Happened, OutboxEntry

# As they are in Messages once they are sent; before, and if they failed, they are nowhere else.
_SAID = ("text", "file", "audio", "group")
Entry = OutboxEntry | EventEntry | DeliveryEntry
_ROOMS: dict[type[Entry], str] = {OutboxEntry: "outbox", EventEntry: "events", DeliveryEntry: "deliveries"}


class Happening(NamedTuple):
    """What happened at that moment (Unix milliseconds): an item, an event or a delivery, and how it stands."""

    at: int
    kind: str
    what: str
    path: str | None
    state: str | None
    why: str | None


class Unsaid(NamedTuple):
    """What is to be said, or was not: an item that is not in Messages."""

    at: int
    id: str
    kind: str
    text: str | None
    is_failed: bool
    why: str | None


class _Payload(msgspec.Struct, frozen=True):
    text: str | None = None


class _Item(msgspec.Struct, frozen=True):
    payload: _Payload


def happenings(happened: Happened, limit: int) -> list[Happening]:
    """Return the latest of what happened, the newest first."""
    entries: list[Entry] = [*happened.outbox, *happened.events, *happened.deliveries]
    return sorted(map(_happening, entries), key=lambda each: each.at, reverse=True)[:limit]


def unsaid(happened: Happened, since: int) -> list[Unsaid]:
    """Return what was accepted since that moment and is not in Messages."""
    items = [entry for entry in happened.outbox if entry.type in _SAID and entry.status != "sent"]
    return [_unsaid(entry) for entry in items if _ms(entry) >= since or entry.status != "failed"]


def _unsaid(entry: OutboxEntry) -> Unsaid:
    text = msgspec.json.decode(entry.json, type=_Item).payload.text
    return Unsaid(_ms(entry), entry.id, entry.type, text, entry.status == "failed", entry.why)


def _happening(entry: Entry) -> Happening:
    path = f"/dashboard/{_ROOMS[type(entry)]}/{entry.id}"
    match entry:
        case OutboxEntry(type="typing" | "read"):
            return Happening(_ms(entry), "signal", entry.type, None, entry.status, entry.why)
        case OutboxEntry():
            return Happening(_ms(entry), "outbox", entry.type, path, entry.status, entry.why)
        case DeliveryEntry():
            what = f"{entry.type} to {_place(entry.url)}"
            return Happening(_ms(entry), "delivery", what, path, entry.status, None)
        case EventEntry():
            return Happening(_ms(entry), "event", entry.type, path, None, None)


def _place(url: str | None) -> str:
    """Return where a webhook leads, without what may be a secret in its query."""
    if url is None:
        return "a webhook that is gone"
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"


def _ms(entry: Entry) -> int:
    return round(datetime.fromisoformat(entry.at).timestamp() * 1000)
