"""The three dots of somebody who types, which go by themselves when nothing more is heard."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Place = TypeVar("Place", bound=Hashable)


class Dots(Generic[Place]):
    """Where dots are shown now; *on_change* hears of each place where they begin or end."""

    def __init__(self, lasting_ms: int, on_change: Callable[[Place, bool], None]) -> None:
        self._lasting_s = lasting_ms / 1000
        self._on_change = on_change
        self._shown: dict[Place, asyncio.TimerHandle] = {}

    def shown(self) -> list[Place]:
        """Return the places, whoever began first in front."""
        return list(self._shown)

    def show(self, place: Place) -> None:
        """Show dots, or go on showing them."""
        running = self._shown.get(place)
        self._shown[place] = asyncio.get_running_loop().call_later(self._lasting_s, self.hide, place)
        if running is None:
            self._on_change(place, True)  # noqa: FBT003 - a callback's one fact
        else:
            running.cancel()

    def hide(self, place: Place) -> None:
        """Show none, if there are any."""
        running = self._shown.pop(place, None)
        if running is not None:
            running.cancel()
            self._on_change(place, False)  # noqa: FBT003 - as above

    def close(self) -> None:
        """Forget all, without a word."""
        for running in self._shown.values():
            running.cancel()
        self._shown.clear()
