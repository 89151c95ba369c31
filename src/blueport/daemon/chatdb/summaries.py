"""`message_summary_info`: which parts of a message were edited or taken back."""

import plistlib
from typing import NamedTuple

import msgspec

# What is beyond is no date: seconds since 2001, the last of them some 3,000 years from now.
_BELOW_S = 1e11


class Summary(NamedTuple):
    """Whether there are earlier versions, the parts that were unsent, and when the newest version was written.

    That is in seconds since 2001, 0 if it is not known.
    """

    was_edited: bool = False
    unsent_parts: frozenset[int] = frozenset()
    edited_s: int = 0


class _Plist(msgspec.Struct):
    ec: dict[str, object] = {}
    rp: list[int] = []


class _Version(msgspec.Struct):
    d: float = 0


def summary_of(blob: bytes | None) -> Summary:
    """Read a summary; what cannot be read says nothing."""
    if not blob:
        return Summary()
    try:
        plist = msgspec.convert(plistlib.loads(blob), _Plist)
    except Exception:  # noqa: BLE001 - damaged, it makes plistlib raise anything from LookupError to RecursionError
        return Summary()
    return Summary(bool(plist.ec), frozenset(plist.rp), _edited_s(plist.ec))


def _edited_s(versions_of_parts: dict[str, object]) -> int:
    try:
        versions = msgspec.convert(versions_of_parts, dict[str, list[_Version]])
    except msgspec.ValidationError:
        return 0
    dates = [version.d for each in versions.values() for version in each if 0 < version.d < _BELOW_S]
    return int(max(dates, default=0))
