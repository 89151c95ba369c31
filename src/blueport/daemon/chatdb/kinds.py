"""What sort of thing a row of `message` is, by its columns alone."""

from typing import Literal

Kind = Literal["message", "group_event", "reaction", "sticker", "poll", "system"]

_REACTIONS = range(2000, 4000)
_POLLS = range(4000, 5000)
_OTHERS: dict[int, Kind] = {
    0: "message",
    # An app's message, and a part of one.
    2: "message",
    3: "message",
    1000: "sticker",
}


def kind_of(*, item_type: int, associated_type: int, is_system: bool) -> Kind:
    """Return the kind; numbers that no release is known to write are `system`, so that none of them becomes text."""
    if item_type != 0:
        return "group_event"
    if is_system:
        return "system"
    if associated_type in _REACTIONS:
        return "reaction"
    return "poll" if associated_type in _POLLS else _OTHERS.get(associated_type, "system")
