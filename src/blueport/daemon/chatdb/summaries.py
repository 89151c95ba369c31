"""`message_summary_info`: which parts of a message were edited or taken back."""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from blueport.daemon.chatdb.plists import PlistError, loaded

# What is beyond is no date: seconds since 2001, the last of them some 3,000 years from now.
_BELOW_S = 1e11


class Summary(NamedTuple):
    """Whether there are earlier versions, the parts that were unsent, and when the newest version was written.

    That is in seconds since 2001, 0 if it is not known.
    """

    was_edited: bool = False
    unsent_parts: frozenset[int] = frozenset()
    edited_s: int = 0


# Far more than there ever are; of what one list says in many places all would be looked at in each.
_Parts = Annotated[list[int], Meta(max_length=1_000)]


class _Plist(msgspec.Struct):
    ec: dict[str, object] = {}
    rp: _Parts = []


class _Version(msgspec.Struct):
    d: float = 0


_Versions = Annotated[
    dict[str, Annotated[list[_Version], Meta(max_length=100)]],
    Meta(max_length=1_000),
]


def summary_of(blob: bytes | None) -> Summary:
    """Read a summary; what cannot be read says nothing."""
    if not blob:
        return Summary()
    try:
        plist = msgspec.convert(loaded(blob), _Plist)
    except (PlistError, msgspec.ValidationError):
        return Summary()
    return Summary(bool(plist.ec), frozenset(plist.rp), _edited_s(plist.ec))


def _edited_s(versions_of_parts: dict[str, object]) -> int:
    try:
        versions = msgspec.convert(versions_of_parts, _Versions)
    except msgspec.ValidationError:
        return 0
    dates = [version.d for each in versions.values() for version in each if 0 < version.d < _BELOW_S]
    return int(max(dates, default=0))
