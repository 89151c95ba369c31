"""Summaries of messages and what stands beside files: property lists, of which some would do harm."""

import plistlib
import struct

import pytest

from blueport.daemon.chatdb.plists import PlistError, loaded
from blueport.daemon.chatdb.summaries import Summary, summary_of
from blueport.daemon.chatdb.transcriptions import transcription_of
from blueport.typedstream import encode, message_body


def binary(content: object) -> bytes:
    return plistlib.dumps(content, fmt=plistlib.FMT_BINARY)


def laid_out(parts: list[bytes], *, places: list[int] | None = None) -> bytes:
    """Write a binary list of *parts*, the first its root, which begin one after the other, or at these *places*."""
    body, found = b"bplist00", []
    for part in parts:
        found.append(len(body))
        body += part
    table = b"".join(place.to_bytes(4, "big") for place in places or found)
    return body + table + struct.pack(">6xBBQQQ", 4, 4, len(places or found), 0, len(body))


def references(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def counted(kind: int, count: int) -> bytes:
    return bytes([kind << 4 | 0xF, 0x12]) + count.to_bytes(4, "big")


class TestLoaded:
    @pytest.mark.parametrize(
        "content",
        [
            {},
            {"ec": {"0": [{"d": 5.5, "t": encode(message_body("x" * 60_000))}] * 6}, "rp": [0, 1], "ust": True},
            {"é" * 3_000: ["\U0001f600" * 3_000, b"x" * 70_000, -1, 2**40, None][:4], "list": list(range(5_000))},
        ],
        ids=["empty", "of a long text that was edited often", "of everything"],
    )
    def test_what_anybody_would_write_is_read(self, content: object) -> None:
        assert loaded(binary(content)) == content

    @pytest.mark.parametrize("kind", [0x4, 0x5, 0x6, 0xA, 0xD], ids=["data", "text", "wide text", "list", "dictionary"])
    def test_parts_that_lie_over_each_other_are_refused(self, kind: int) -> None:
        root = counted(0xA, 2_000) + references(*range(1, 2_001))
        whole = counted(kind, 10_000)
        places = [8, *(8 + len(root) + len(whole) * part for part in range(2_000))]
        blob = laid_out([root, whole * 2_000, bytes(100_000)], places=places)

        with pytest.raises(PlistError):
            loaded(blob)

    def test_a_megabyte_is_the_most(self) -> None:
        assert loaded(binary("x" * 1_000_000)) == "x" * 1_000_000
        with pytest.raises(PlistError, match="larger"):
            loaded(binary("x" * (1 << 20)))


class TestSummaries:
    def test_versions_that_stand_once_and_are_named_in_a_thousand_places_are_not_looked_at_in_each(self) -> None:
        version = bytes([0xD1]) + references(3, 4)
        keys = [b"\x54" + b"%04d" % number for number in range(3_000)]
        versions = counted(0xD, 3_000) + references(*range(7, 3_007)) + references(6) * 3_000
        parts = [bytes([0xD1]) + references(1, 2), b"\x52ec", versions, b"\x51d", b"\x23" + struct.pack(">d", 5.0)]
        blob = laid_out([*parts, version, counted(0xA, 3_000) + references(5) * 3_000, *keys])

        assert summary_of(blob) == Summary(was_edited=True)

    def test_the_newest_version_of_any_part_has_the_date(self) -> None:
        versions = {"0": [{"d": 5.5}, {"d": 8.5}], "1": [{"d": 7.5}]}

        assert summary_of(binary({"ec": versions, "rp": [2]})) == Summary(
            was_edited=True, unsent_parts=frozenset({2}), edited_s=8
        )


class TestTranscriptions:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ({"audio-transcription": "See you", "more": {"of": [1]}}, "See you"),
            ({"audio-transcription": ""}, None),
            ({"audio-transcription": 5}, None),
            ({}, None),
            ([], None),
        ],
    )
    def test_the_words_are_those_under_their_name(self, content: object, words: str | None) -> None:
        assert transcription_of(binary(content)) == words
