"""Knows which tapbacks a tapback takes the place of: their rows, by which they are proven, go as its own comes."""

from collections.abc import Sequence

from blueport.daemon.journal.items import Item
from blueport.protocol.commands import React


def replaced(item: Item, under_way: Sequence[Item]) -> list[Item]:
    """Return those *under_way* of which no row is left once *item* is done: on one part there is only one of ours."""
    place = _place(item)
    return [] if place is None else [other for other in under_way if _place(other) == place]


def _place(item: Item) -> tuple[str, int] | None:
    command = item.command
    return (command.message_guid, command.part) if isinstance(command, React) else None
