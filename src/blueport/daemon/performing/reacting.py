"""Knows which tapbacks a tapback takes the place of: their rows, by which they are proven, go as its own comes."""

from collections.abc import Sequence

from blueport.daemon.journal.items import Item
from blueport.protocol.commands import React


def replaced(react: React, under_way: Sequence[Item]) -> list[Item]:
    """Return those *under_way* of which no row is left once *react* is done: on one part there is only one of ours."""
    return [item for item in under_way if isinstance(item.command, React) and _place(item.command) == _place(react)]


def _place(react: React) -> tuple[str, int]:
    return react.message_guid, react.part
