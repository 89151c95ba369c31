"""Tells whoever listens what happens from now on: pages what changed on the phones, `imsg` who types."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, NamedTuple, TypeVar

from blueport.simulator.phones import ShownMessage

Item = TypeVar("Item")


class Broadcast(Generic[Item]):
    """Everybody who wants to hear of something now."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[Item | None]] = set()

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens now."""
        return bool(self._readers)

    def publish(self, item: Item) -> None:
        """Tell all readers."""
        for reader in self._readers:
            reader.put_nowait(item)

    def end(self) -> None:
        """Let every reader finish."""
        for reader in self._readers:
            reader.put_nowait(None)

    @contextmanager
    def reading(self) -> Iterator[asyncio.Queue[Item | None]]:
        """Yield what is told from now on; None is the end of it."""
        reader: asyncio.Queue[Item | None] = asyncio.Queue()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)


class BubbleChange(NamedTuple):
    """A bubble that is new on a person's phone, or looks different now."""

    person: str
    message: ShownMessage
    is_new: bool


class DotsChange(NamedTuple):
    """In one conversation on a person's phone the line types, or no longer does."""

    person: str
    chat: str
    is_typing: bool


class PeopleChange(NamedTuple):
    """There are other people or groups than before, or they are otherwise."""


News = Broadcast[BubbleChange | DotsChange | PeopleChange]


class BridgeEvent(NamedTuple):
    """What `imsg` tells of a person who types, or no longer does."""

    event: str
    chat_guid: str
