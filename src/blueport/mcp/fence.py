"""What agents may do and whom they may reach, as the operator said it. Nothing here asks anybody.

Whoever is compared is sent on as he was compared: what is one number to us may not be another one to the server.
"""

import msgspec

from blueport.handles import canonical_handle, sendable_handle

# Only where no country code is given, and such a number is never one of those that are named with it.
_REGION = "US"
_ID_PREFIXES = ("ln_", "cht_")


class RefusedError(Exception):
    """What the operator has not allowed, or what cannot be; the text is for a model to read."""


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's limits; without *lines*, or *people*, there is none of that kind.

    Args:
        allows_sending: Whether there is anything but reading.
        lines: As `line_named` returns them.
        people: As `person_named` returns them; phone numbers and Apple IDs mean the chat with that one person.
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


def line_named(name: str) -> str:
    """Return a line as a fence has it.

    Raises:
        ValueError: It names none.
    """
    return _named(name, "ln_")


def person_named(name: str) -> str:
    """Return a person, or a chat, as a fence has it.

    Raises:
        ValueError: It names nobody.
    """
    return _named(name, "cht_")


def canonical(name: str) -> str:
    """Return the form under which a name of a line, a person or a chat is compared."""
    bare = name.strip()
    return bare if bare.startswith(_ID_PREFIXES) else canonical_handle(bare, region=_REGION)


def _named(name: str, prefix: str) -> str:
    compared = canonical(name)
    if compared.startswith(prefix):
        return compared
    # What a country code would have to be guessed for may be somebody else to the server.
    is_guessed = compared.startswith("+") and "+" not in name
    if is_guessed or sendable_handle(compared, region=_REGION) is None:
        raise ValueError(f"{name!r} is no phone number with its country code (+1...), no Apple ID, and no {prefix}...")
    return compared
