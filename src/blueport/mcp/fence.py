"""What agents may do and whom they may reach, as the operator said it. Nothing here asks anybody.

Whoever is compared is sent on as he was compared: what is one number to us may not be another one to the server.
"""

import msgspec

from blueport.handles import canonical_handle

# Only where no country code is given, and such a number is never one of those that are named with it.
_REGION = "US"
_ID_PREFIXES = ("ln_", "cht_")


class RefusedError(Exception):
    """What the operator has not allowed, or what cannot be; the text is for a model to read."""


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's limits; without *lines*, or *people*, there is none of that kind.

    Args:
        allows_sending: Whether there is anything but reading.
        lines: Canonical phone numbers and Apple IDs, or `ln_...`.
        people: Canonical phone numbers and Apple IDs, which mean the chat with that one person, or `cht_...`.
    """

    allows_sending: bool = False
    lines: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Whether anything that can be named is out of bounds."""
        return bool(self.lines or self.people)

    def has_line(self, *names: str) -> bool:
        """Tell whether a line that has these names may be used."""
        return not self.lines or any(canonical(name) in self.lines for name in names)

    def has_chat(self, chat_id: str, identifier: str, *, is_group: bool) -> bool:
        """Tell whether a chat may be used; a person who may be written to does not open the groups that he is in."""
        if not self.people or chat_id in self.people:
            return True
        return not is_group and canonical(identifier) in self.people


def fence(*, allows_sending: bool, lines: list[str], people: list[str]) -> Fence:
    """Return the limits that an operator names in any usual notation."""
    return Fence(
        allows_sending=allows_sending, lines=tuple(map(canonical, lines)), people=tuple(map(canonical, people))
    )


def canonical(name: str) -> str:
    """Return the form under which a name of a line, a person or a chat is compared."""
    bare = name.strip()
    return bare if bare.startswith(_ID_PREFIXES) else canonical_handle(bare, region=_REGION)
