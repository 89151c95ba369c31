"""`message_summary_info`: which parts of a message were edited or taken back."""

import plistlib
from typing import NamedTuple

import msgspec


class Summary(NamedTuple):
    """Whether there are earlier versions, and the parts that were unsent."""

    was_edited: bool = False
    unsent_parts: frozenset[int] = frozenset()


class _Plist(msgspec.Struct):
    ec: dict[str, object] = {}
    rp: list[int] = []


def summary_of(blob: bytes | None) -> Summary:
    """Read a summary; what cannot be read says nothing."""
    if not blob:
        return Summary()
    try:
        plist = msgspec.convert(plistlib.loads(blob), _Plist)
    except Exception:  # noqa: BLE001 - damaged, it makes plistlib raise anything from LookupError to RecursionError
        return Summary()
    return Summary(bool(plist.ec), frozenset(plist.rp))
