"""What is wrong on this Mac, gathered from the parts that notice it, for the server to show beside its lines."""

import asyncio
import logging
from typing import Literal, NamedTuple

from blueport.protocol.door import Health

Part = Literal["chat.db", "Messages"]

_log = logging.getLogger(__name__)


class Condition(NamedTuple):
    """How a part is, and what a person can do about it."""

    health: Health
    hint: str | None


WELL = Condition("ok", None)


class MacHealth:
    """The condition of each part; `changed` is set whenever the sum is another."""

    def __init__(self) -> None:
        self._parts: dict[Part, Condition] = {}
        self.changed = asyncio.Event()

    def note(self, part: Part, condition: Condition) -> None:
        """Take a part's word, and log it if it is news."""
        if self._parts.get(part, WELL) == condition:
            return
        level = logging.INFO if condition == WELL else logging.WARNING
        _log.log(level, "%s: %s%s", part, condition.health, f" ({condition.hint})" if condition.hint else "")
        self._parts[part] = condition
        self.changed.set()

    def worst(self) -> Condition:
        """Return the condition that the lines are in; without chat.db nothing works, so it goes first."""
        for part in ("chat.db", "Messages"):
            condition = self._parts.get(part, WELL)
            if condition != WELL:
                return condition
        return WELL
