"""Tells pages that are open what changed on the phones."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from blueport.simulator.phones import ShownMessage


class Change(NamedTuple):
    """A bubble that is new on a person's phone, or looks different now."""

    person: str
    message: ShownMessage


class News:
    """Everybody who wants to hear of changes now."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[Change | None]] = set()

    def publish(self, person: str, message: ShownMessage) -> None:
        """Tell all readers."""
        for reader in self._readers:
            reader.put_nowait(Change(person, message))

    def end(self) -> None:
        """Let every reader finish: the Mac is shut down."""
        for reader in self._readers:
            reader.put_nowait(None)

    @contextmanager
    def reading(self) -> Iterator[asyncio.Queue[Change | None]]:
        """Yield the changes from now on; None is the end of them."""
        reader: asyncio.Queue[Change | None] = asyncio.Queue()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)
