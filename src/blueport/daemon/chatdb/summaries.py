"""`message_summary_info`: which parts of a message were edited or taken back."""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from blueport.daemon.chatdb.plists import PlistError, loaded

# What is beyond is no date: seconds since 2001, the last of them some 3,000 years from now.
_BELOW_S = 1e11


class Version(NamedTuple):
    """One body of a part, archived, and when it was written: nanoseconds since 2001, 0 if that is not known."""

    body: bytes
    written_ns: int


class Summary(NamedTuple):
    """Whether there are earlier versions, the parts that were unsent, and when the newest version was written.

    That is in seconds since 2001, 0 if it is not known. `versions` are those of the one part that was edited, the
    original first; none if there were several, or if they cannot be read.
    """

    was_edited: bool = False
    unsent_parts: frozenset[int] = frozenset()
    edited_s: int = 0
    versions: tuple[Version, ...] = ()


# Far more than there ever are; of what one list says in many places all would be looked at in each.
_Parts = Annotated[list[int], Meta(max_length=1_000)]


class _Plist(msgspec.Struct):
    ec: dict[str, object] = {}
    rp: _Parts = []


class _Version(msgspec.Struct):
    d: float = 0
    t: object = None


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
    parts = _parts(plist.ec)
    dates = [version.d for part in parts for version in part if 0 < version.d < _BELOW_S]
    versions = _versions(parts[0]) if len(parts) == 1 else ()
    return Summary(bool(plist.ec), frozenset(plist.rp), int(max(dates, default=0)), versions)


def _parts(versions_of_parts: dict[str, object]) -> list[list[_Version]]:
    try:
        return list(msgspec.convert(versions_of_parts, _Versions).values())
    except msgspec.ValidationError:
        return []


def _versions(part: list[_Version]) -> tuple[Version, ...]:
    bodies = [version.t for version in part]
    if not all(isinstance(body, bytes) for body in bodies):
        return ()
    dates = [round(version.d * 1e9) if 0 < version.d < _BELOW_S else 0 for version in part]
    return tuple(Version(body, date) for body, date in zip(bodies, dates, strict=True) if isinstance(body, bytes))
