"""Bodies and property lists that are damaged, or made to do harm, are read or refused, at a bounded cost.

`make fuzz ARGS="--only bodies"` goes on where this ends.
"""

import random
from collections import Counter

import pytest

from fuzzing.bodies import Sample, judge, made
from tests.typedstream.archives import HEADER

CELLS = 3_000
MEGABYTE = 1 << 20
BEGUN = HEADER + b"\x84\x01@\x84\x84\x84\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85"
WITH_TEXT = BEGUN + b"\x92\x84\x84\x84\x08NSString\x01\x94\x84\x01+\x05Hello\x86"
WITH_RUN = WITH_TEXT + b"\x84\x02iI\x01\x05\x92\x84\x84\x84\x0cNSDictionary\x00\x94\x84\x01i\x00\x86"
SIXTY_ANCESTORS = b"\x84\x84\x01A\x00" + b"\x84\x98\x00" * 60 + b"\x85"


def test_every_cell_is_read_or_refused() -> None:
    seen = Counter(f"{sample.kind} {judge(sample)}" for sample in (made(random.Random(n)) for n in range(CELLS)))

    # Else it would all be refused at the door, and nothing behind it tried.
    assert min(seen[f"{kind} read"] for kind in ("body", "summary", "words")) > 0
    assert seen["body read"] > CELLS / 100


@pytest.mark.parametrize(
    ("head", "unit"),
    [
        (WITH_RUN, b"\x97\x01\x05"),
        (WITH_TEXT, b"\x92\x85"),
        (WITH_TEXT, b"\x92\x84\x93\x86"),
        (WITH_TEXT, b"\x84\x00"),
        (WITH_TEXT + b"\x84\x7f" + b"!" * 127, b"\x97"),
        (WITH_TEXT + b"\x84\x7f" + b"@" * 127 + b"\x85" * 127, b"\x97" + b"\x85" * 127),
        (WITH_TEXT + b"\x84\x0c[999999999@]", b"\x85"),
        (WITH_TEXT + b"\x84\x01#" + SIXTY_ANCESTORS, b"\x97\x84\x98\x00\x97"),
    ],
    ids=["runs", "nothings", "objects", "types", "empty types", "wide types", "one array", "classes"],
)
def test_a_megabyte_of_anything_is_read_or_refused(head: bytes, unit: bytes) -> None:
    blob = head + unit * ((MEGABYTE - len(head) - 1) // len(unit)) + b"\x86"

    assert judge(Sample("body", blob)) in ("read", "refused")
