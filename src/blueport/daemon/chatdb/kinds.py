"""What sort of thing a row of `message` is, by its columns alone."""

from typing import Literal

Kind = Literal["message", "group_event", "reaction", "sticker", "poll", "system", "unreadable"]

_REACTIONS = range(2000, 4000)
_POLLS = range(4000, 5000)
_STICKER = 1000


def kind_of(*, item_type: int, associated_type: int, is_system: bool) -> Kind:
    """Return the kind; a number that says nothing else is a message's: 0 mostly, 2 and 3 if it is an app's."""
    if item_type != 0:
        return "group_event"
    if is_system:
        return "system"
    if associated_type in _REACTIONS:
        return "reaction"
    if associated_type in _POLLS:
        return "poll"
    return "sticker" if associated_type == _STICKER else "message"
