"""Cells of chat.db that nobody would write, and what reading one may cost.

Bodies and property lists that are valid are changed byte by byte, cut, and put together from pieces; others are made of
the pieces that have a meaning, in any order. Each is read or refused, within a second of this process's own time and
within so much memory, wherever the machine is busy with something else.
"""

import plistlib
import random
import resource
import signal
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Literal, NamedTuple

from blueport.daemon.chatdb.summaries import summary_of
from blueport.daemon.chatdb.transcriptions import transcription_of
from blueport.typedstream import MAX_BLOB_BYTES, AttributedText, Run, TypedStreamError, decode, encode, message_body
from fuzzing.wire import BrokenError
from tests.typedstream.archives import HEADER, PART, TRANSFER_GUID, Moment, Number, Range, Stretch, Url, archived

CPU_S = 10.0  # ten times what the worst of a megabyte takes
MEMORY_KIB = 512 * 1024

Kind = Literal["body", "summary", "words"]
_TYPES = ["@", "+", "*", "%", ":", "#", "i", "iI", "c", "C", "d", "f", "q", "[4c]", "[2@]", "[9999i]", "{_NSRange=QQ}"]
_NAMES = ["NSString", "NSMutableString", "NSDictionary", "NSNumber", "NSData", "NSAttributedString", "NSObject", PART]
_TOKENS = [
    b"\x84",
    b"\x85",
    b"\x86",
    b"\x81",
    b"\x82",
    b"\x83",
    *(bytes([0x92 + n]) for n in range(16)),
    b"\x00",
    b"\x01",
]
_BODIES = [
    encode(message_body("Hello")),
    encode(message_body("look \U0001f600", attachment_guids=["at_0_G", "at_1_G"])),
    encode(AttributedText("\ufffc", (Run(1, 0, "at_0_G", "See you at eight"),))),
    archived(
        "Hello https://example.com",
        [
            Stretch(6, {PART: Number("i", 0), "__kIMMentionConfirmedMention": "+15550100001", "at": Moment(1.5)}),
            Stretch(19, {PART: Number("i", 0), "__kIMLinkAttributeName": Url("https://example.com"), "r": Range(1, 2)}),
            Stretch(1, {TRANSFER_GUID: "at_0_G", "list": ("a", None, b"data", {"a": Number("d", 0.5)})}),
        ],
        is_mutable=True,
    ),
]
_VERSIONS = [{"d": 1.5, "t": _BODIES[0], "bcg": "G"}, {"d": 700_000_000.25, "t": _BODIES[1]}]
_LISTS = [
    {"ec": {"0": _VERSIONS, "1": _VERSIONS[:1]}, "ep": [0], "rp": [1, 2], "otr": {"0": {"lo": 0, "le": 5}}},
    {"amc": 1, "ust": True, "euh": ["+15550100001"]},
    {"audio-transcription": "See you at eight", "IMAudioTranscription": "x"},
]
_PLISTS = [plistlib.dumps(each, fmt=fmt) for each in _LISTS for fmt in (plistlib.FMT_BINARY, plistlib.FMT_XML)]


class Sample(NamedTuple):
    """A cell, and as what it is read."""

    kind: Kind
    blob: bytes


class _TooLongError(BaseException):
    """Comes out of whatever is being read: nobody catches it."""


def made(chance: random.Random) -> Sample:
    """Make a cell."""
    if chance.random() < 0.6:
        make = chance.choice([_mutated_body, _mutated_body, _tokens, _repeated])
        return Sample("body", make(chance)[: MAX_BLOB_BYTES + 1])
    make = chance.choice([_mutated_plist, _mutated_plist, _mutated_plist, _knotted_plist, _overlaid_plist])
    return Sample(chance.choice(["summary", "words"]), make(chance))


def judge(sample: Sample) -> str:
    """Read a cell, and say in a word what came of it.

    Raises:
        BrokenError: It was neither read nor refused, or it took too much.
    """
    before = _memory_kib()
    try:
        with _watch():
            outcome = _READERS[sample.kind](sample.blob)
    except _TooLongError:
        raise BrokenError(f"longer than {CPU_S} s for {_shown(sample)}") from None
    except Exception as error:
        raise BrokenError(f"{error!r} for {_shown(sample)}") from error
    if _memory_kib() - before > MEMORY_KIB:
        raise BrokenError(f"more than {MEMORY_KIB} KiB for {_shown(sample)}")
    return outcome


def _read_body(blob: bytes) -> str:
    try:
        body = decode(blob)
    except TypedStreamError:
        return "refused"
    body.text.encode()
    if len(body.runs) > len(blob):
        raise BrokenError("more runs than bytes")
    return "read"


def _read_summary(blob: bytes) -> str:
    return "read" if summary_of(blob) != summary_of(None) else "refused"


def _read_words(blob: bytes) -> str:
    words = transcription_of(blob)
    if words is None:
        return "refused"
    words.encode()
    return "read"


_READERS: dict[Kind, Callable[[bytes], str]] = {"body": _read_body, "summary": _read_summary, "words": _read_words}


@contextmanager
def _watch() -> Iterator[None]:
    """Have what takes too much of this process's time raise."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _memory_kib() -> int:
    """Return the most that this process ever had: what was taken and given back counts too."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _shown(sample: Sample) -> str:
    return f"{sample.kind} of {len(sample.blob)} bytes: {sample.blob[:2_000]!r}"


def _mutated_body(chance: random.Random) -> bytes:
    return _mutated(chance, _BODIES, _TOKENS)


def _mutated_plist(chance: random.Random) -> bytes:
    return _mutated(chance, _PLISTS, [bytes([chance.randrange(256)]) for _ in range(8)])


def _mutated(chance: random.Random, valid: list[bytes], pieces: list[bytes]) -> bytes:
    blob = bytearray(chance.choice(valid))
    for _ in range(chance.choice([1, 1, 2, 4, 8, 30])):
        at = chance.randrange(len(blob) + 1)
        match chance.randrange(6):
            case 0:
                blob[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                blob[at:at] = chance.choice(pieces)
            case 2:
                del blob[at : at + chance.randrange(1, 9)]
            case 3:
                blob[at : at + 2] = chance.choice(pieces)
            case 4:
                other = chance.choice(valid)
                blob[at:at] = other[(begin := chance.randrange(len(other))) : begin + chance.randrange(40)]
            case _:
                blob[at : at + 4] = chance.choice([b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4), b"\x82\xff\xff\xff"])
    return bytes(blob[: chance.randrange(len(blob) + 1)] if chance.random() < 0.1 else blob)


def _tokens(chance: random.Random) -> bytes:
    """Return what has a meaning piece by piece, if not as a whole."""
    out = bytearray(HEADER + b"\x84\x01@" if chance.random() < 0.8 else HEADER)
    if chance.random() < 0.7:
        out = bytearray(_BODIES[0][: chance.randrange(20, len(_BODIES[0]))])
    for _ in range(chance.randrange(1, 60)):
        word = chance.choice(chance.choice([_TYPES, _NAMES])).encode()
        whole = b"\x84" + bytes([len(word)]) + word
        out += chance.choice([whole, *(chance.choice(_TOKENS) for _ in range(3))])
    return bytes(out)


def _repeated(chance: random.Random) -> bytes:
    """Return a body in which a few pieces come again and again, up to its limit."""
    head = _BODIES[0][: chance.randrange(20, len(_BODIES[0]))]
    encoding = "".join(chance.choice(_TYPES) for _ in range(chance.randrange(1, 20)))[:127].encode()
    unit = b"".join(chance.choice(_TOKENS) for _ in range(chance.randrange(1, 12)))
    size = chance.choice([1_000, 1_000, 30_000, 200_000])
    return head + b"\x84" + bytes([len(encoding)]) + encoding + unit * (size // len(unit))


def _knotted_plist(chance: random.Random) -> bytes:
    """Return a binary list whose parts contain each other, themselves, or lie over each other."""
    count = chance.choice([3, 10, 300, 3_000])
    parts = [
        bytes([0xD2]) + _references(1, 2, 3, 4),
        b"\x52ec",
        b"\x52rp",
        *(_part(chance, count) for _ in range(count)),
    ]
    body, places = b"bplist00", []
    for part in parts:
        places.append(len(body))
        body += part
    if chance.random() < 0.5:
        places[5:] = [chance.choice(places) + chance.randrange(2) for _ in places[5:]]
    body += bytes(chance.choice([0, 100, 100_000]))
    table = b"".join(place.to_bytes(4, "big") for place in places)
    return body + table + struct.pack(">6xBBQQQ", 4, 4, len(places), 0, len(body))


def _overlaid_plist(chance: random.Random) -> bytes:
    """Return a binary list of many parts, each of which has all that is behind it."""
    count, size = chance.choice([(3, 10), (100, 4_000), (3_000, 400_000)])
    kind = chance.choice([b"\x4f", b"\x5f", b"\x6f", b"\xaf"])
    shown = b"\xaf\x12" + count.to_bytes(4, "big") + _references(*range(3, count + 3))
    whole = kind + b"\x12" + (size // chance.choice([1, 2, 4])).to_bytes(4, "big")
    body = b"bplist00" + b"\xd1" + _references(1, 2) + b"\x52ec" + shown
    places = [8, 17, 20, *(len(body) + len(whole) * part for part in range(count))]
    body += whole * count + bytes(size)
    table = b"".join(place.to_bytes(4, "big") for place in places)
    return body + table + struct.pack(">6xBBQQQ", 4, 4, len(places), 0, len(body))


def _part(chance: random.Random, count: int) -> bytes:
    size = chance.choice([0, 1, 2, 5, 200 if count < 1_000 else 3])
    inner = _references(*(chance.randrange(count + 3) for _ in range(2 * size)))
    many = b"\x12" + chance.choice([size, size, 100_000]).to_bytes(4, "big")
    numbers = [b"\x51d", b"\x51t", b"\x10\x05", b"\x23" + struct.pack(">d", 5.5)]
    return chance.choice([*numbers, *(kind + many + inner for kind in (b"\xaf", b"\xdf", b"\x4f", b"\x5f", b"\x6f"))])


def _references(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)
