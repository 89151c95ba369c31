"""Opus in a Core Audio file: the form of a voice message.

FFmpeg reads this form and refuses to write it. The description of the format is Apple's "Core Audio Format
Specification"; all numbers are big-endian.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

RATE_HZ = 48_000
FRAMES_PER_PACKET = 960  # 20 ms

_MONO = (100 << 16) | 1
_NO_EDITS = 0


class Recording(NamedTuple):
    """Opus packets of FRAMES_PER_PACKET each, mono; of all their frames, *priming* come before the sound begins."""

    packets: Sequence[bytes]
    priming: int
    frames: int


def caf_of(recording: Recording) -> bytes:
    """Return the file."""
    described = struct.pack(">d4sIIIII", RATE_HZ, b"opus", 0, 0, FRAMES_PER_PACKET, 1, 0)
    data = struct.pack(">I", _NO_EDITS) + b"".join(recording.packets)
    return b"".join(
        [
            b"caff" + struct.pack(">HH", 1, 0),
            _chunk(b"desc", described),
            _chunk(b"chan", struct.pack(">III", _MONO, 0, 0)),
            _chunk(b"pakt", _packet_table(recording)),
            _chunk(b"data", data),
        ]
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">q", len(content)) + content


def _packet_table(recording: Recording) -> bytes:
    """Return how many packets and frames there are, and the size of each packet."""
    packets = recording.packets
    remainder = len(packets) * FRAMES_PER_PACKET - recording.priming - recording.frames
    head = struct.pack(">qqii", len(packets), recording.frames, recording.priming, remainder)
    return head + b"".join(_size(len(packet)) for packet in packets)


def _size(number: int) -> bytes:
    """Return a number as seven bits a byte, the most significant first; all but the last byte have the eighth set."""
    digits = [number & 127]
    while number := number >> 7:
        digits.append(128 | number & 127)
    return bytes(reversed(digits))
