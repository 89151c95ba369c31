"""What is wrong on this Mac, gathered from the parts that notice it, for the server to show beside its lines."""

import asyncio
from typing import Literal, NamedTuple

from blueport.logs.lines import logger
from blueport.protocol.door import Health

Part = Literal["chat.db", "telling", "Messages"]

# As the log has them; what a person can do is told by the server, beside the lines.
_WORDS: dict[Part, str] = {"chat.db": "chat_db", "telling": "telling", "Messages": "messages"}

_log = logger(__name__)


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
        if condition == WELL:
            _log.info("well_again", part=_WORDS[part])
        else:
            _log.warning("something_is_wrong", part=_WORDS[part], health=condition.health)
        self._parts[part] = condition
        self.changed.set()

    def worst(self) -> Condition:
        """Return the condition that the lines are in; without chat.db nothing works, so it goes first."""
        for part in _WORDS:
            condition = self._parts.get(part, WELL)
            if condition != WELL:
                return condition
        return WELL
