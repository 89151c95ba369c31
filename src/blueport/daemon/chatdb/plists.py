"""Property lists in cells of chat.db, read so that none can take more time or memory than its own size allows.

In a binary one a table says where each part begins. Nothing keeps parts from lying over each other, and a list of a
thousand that all begin before the same megabyte takes a gigabyte to read.
"""

import plistlib
import struct
from collections.abc import Iterator

_MAX_BYTES = 1 << 20
# The square of less is harmless, and most are far smaller.
_WEIGHED_FROM_BYTES = 4096
_TRAILER = struct.Struct(">6xBBQQQ")
_COUNT_FOLLOWS = 0xF
_DATA, _ASCII, _UTF16, _ARRAY, _DICTIONARY = 0x4, 0x5, 0x6, 0xA, 0xD


class PlistError(ValueError):
    """The bytes are no property list, or not one that anybody would write."""


def loaded(blob: bytes) -> object:
    """Return what a property list holds.

    Raises:
        PlistError: It cannot be read, is larger than 1 MiB, or its parts lie over each other.
    """
    if len(blob) > _MAX_BYTES:
        raise PlistError(f"larger than {_MAX_BYTES} bytes")
    try:
        has_room = _has_room(blob)
        content: object = plistlib.loads(blob) if has_room else None
    except Exception as error:  # damaged, it makes plistlib raise anything from LookupError to RecursionError
        raise PlistError("cannot be read") from error
    if not has_room:
        raise PlistError("its parts lie over each other")
    return content


def _has_room(blob: bytes) -> bool:
    is_weighed = blob.startswith(b"bplist") and len(blob) > _WEIGHED_FROM_BYTES
    return not is_weighed or sum(_sizes(blob)) <= len(blob)


def _sizes(blob: bytes) -> Iterator[int]:
    """Return of each part of a binary list how many bytes it says that it has, those of numbers left out."""
    offset_size, reference_size, count, _, table = _TRAILER.unpack(blob[-_TRAILER.size :])
    if not offset_size or table + count * offset_size > len(blob):
        raise PlistError("its table is not whole")
    unit_sizes = {_DATA: 1, _ASCII: 1, _UTF16: 2, _ARRAY: reference_size, _DICTIONARY: 2 * reference_size}
    for place in range(table, table + count * offset_size, offset_size):
        at = int.from_bytes(blob[place : place + offset_size], "big")
        kind, units = divmod(blob[at], 16)
        if units == _COUNT_FOLLOWS:
            units = int.from_bytes(blob[at + 2 : at + 2 + (1 << (blob[at + 1] & 3))], "big")
        yield units * unit_sizes.get(kind, 0)
