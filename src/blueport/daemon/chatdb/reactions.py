"""Tapbacks, which are rows of `message` with a number for what was put on what."""

import re
from typing import NamedTuple, get_args

from blueport.protocol.commands import Tapback

_TAPBACKS: tuple[Tapback, ...] = get_args(Tapback)
_FIRST, _EMOJI, _STICKER = 2000, 2006, 2007
# So much higher is the number of one that was taken off.
_REMOVED = 1000
# What a tapback is on: `p:<part>/<guid>`, `bp:<guid>` for a bubble as a whole, or a bare guid.
_TARGET = re.compile(r"(?:p:(\d{1,4})/|bp:)?(.+)", re.DOTALL)


class Reaction(NamedTuple):
    """What was put on part *part* of a message, or taken off it; see `ReactionSeen`."""

    target_guid: str
    part: int
    tapback: Tapback | None
    emoji: str | None
    is_added: bool


def reaction_of(associated_type: int, target: str | None, emoji: str | None) -> Reaction | None:
    """Return what a reaction's row says, None if that is nothing that anybody knows."""
    is_removed = associated_type >= _FIRST + _REMOVED
    number = associated_type - _REMOVED if is_removed else associated_type
    found = _TARGET.fullmatch(target or "")
    if found is None or not _FIRST <= number <= _STICKER:
        return None
    tapback = _TAPBACKS[number - _FIRST] if number < _EMOJI else None
    return Reaction(
        target_guid=found[2],
        part=int(found[1] or 0),
        tapback=tapback,
        emoji=emoji or None if number == _EMOJI else None,
        is_added=not is_removed,
    )
