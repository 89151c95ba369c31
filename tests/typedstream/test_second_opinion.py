"""Our reader and writer beside pytypedstream, which shares nothing with them."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blueport.typedstream import AttributedText, Run, decode, encode
from tests.typedstream.archives import (
    PART,
    SPOKEN,
    SPOKEN_TOO,
    TRANSFER_GUID,
    Moment,
    Number,
    Range,
    Reading,
    Stretch,
    Unheard,
    Url,
    Value,
    archived,
    plain,
    read_by_oracle,
)

# Around each length at which another form of it begins, in bytes.
BORDERS = [*range(4), *(border + by for border in (127, 255, 32_767, 65_535) for by in (-1, 0, 1, 2)), 70_000]
PIECES = [
    "a",
    "0",
    "\x00",
    "é",
    "\u0130",
    "\u20ac",
    "\ufffc",
    "\u202e",
    "שלום",
    "\U0001f600",
    "👩\u200d👩\u200d👧\ufe0f",
    " \n",
]

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.one_of(
    st.builds(Number, st.sampled_from("sSilq"), st.integers(-(2**15), 2**15 - 1)),
    st.builds(Number, st.sampled_from("ilq"), st.integers(-(2**31), 2**31 - 1)),
    st.builds(Number, st.just("c"), st.integers(-128, 127)),
    st.builds(Number, st.just("B"), st.integers(0, 1)),
    st.builds(Number, st.sampled_from("fd"), st.floats(width=32, allow_nan=False)),
).filter(lambda one: one.encoding != "S" or one.number >= 0)
values: st.SearchStrategy[Value] = st.recursive(
    st.one_of(
        words,
        numbers,
        st.binary(max_size=20),
        st.builds(Url, words),
        st.builds(Moment, st.floats(allow_nan=False)),
        st.builds(Range, st.integers(0, 300), st.integers(0, 100_000)),
        st.none(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(words, inner, max_size=3),
        st.builds(Unheard, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
WHOLE = archived(
    "look https://example.com \ufffc",
    [
        Stretch(5, {PART: Number("i", 0), "__kIMMentionConfirmedMention": "+15550100001", "at": Moment(1.5)}),
        Stretch(19, {PART: Number("i", 0), "__kIMLinkAttributeName": Url("https://example.com"), "range": Range(1, 2)}),
        Stretch(1, {PART: Number("q", 1), TRANSFER_GUID: "at_1_G", "list": ("a", None, b"data", {"a": "b"})}),
    ],
    is_mutable=True,
)
# All that chatdb.md and others report of bodies, each with a value of the type that it is seen with, and then of any.
SEEN: dict[str, st.SearchStrategy[Value]] = {
    PART: st.builds(Number, st.just("i"), st.integers(0, 200)),
    TRANSFER_GUID: st.from_regex(r"at_[0-9]{1,2}_[0-9A-F-]{36}", fullmatch=True),
    SPOKEN: words,
    SPOKEN_TOO: words,
    "__kIMFilenameAttributeName": words,
    "__kIMInlineMediaWidthAttributeName": st.builds(Number, st.just("d"), st.floats(0, 5_000)),
    "__kIMMentionConfirmedMention": st.sampled_from(["+15550100001", "bo@example.com"]),
    "__kIMLinkAttributeName": st.builds(Url, words),
    "__kIMDataDetectedAttributeName": st.binary(max_size=30),
    "__kIMOneTimeCodeAttributeName": st.fixed_dictionaries({"code": words, "displayCode": words}),
    "__kIMCalendarEventAttributeName": st.builds(Unheard, st.tuples(st.builds(Moment, st.floats(0, 1e9)))),
    "__kIMTextBoldAttributeName": st.builds(Number, st.just("i"), st.integers(0, 1)),
    "__kIMTextEffectAttributeName": st.builds(Number, st.just("q"), st.integers(0, 20)),
    "__kIMBaseWritingDirectionAttributeName": st.just(Number("q", -1)),
}
attributes = st.dictionaries(st.sampled_from(sorted(SEEN)), st.just(None), max_size=6).flatmap(
    lambda names: st.fixed_dictionaries({name: st.one_of(SEEN[name], SEEN[name], values) for name in names})
)
stretches = st.lists(st.builds(Stretch, st.integers(0, 70_000), attributes), max_size=8)


def of_size(size: int, piece: str) -> str:
    """A text of so many bytes, of one piece as far as it goes."""
    count, rest = divmod(size, len(piece.encode()))
    return piece * count + "." * rest


def as_ours(reading: Reading) -> AttributedText:
    """What our reader should make of what the other one finds."""
    return AttributedText(reading.text, tuple(_run(length, found) for length, found in reading.runs))


def _run(length: int, found: dict[str, Any]) -> Run:
    part, guid = plain(found.get(PART)), plain(found.get(TRANSFER_GUID))
    said = plain(found[SPOKEN] if SPOKEN in found else found.get(SPOKEN_TOO))
    return Run(
        length,
        part if isinstance(part, int) else None,
        guid if isinstance(guid, str) else None,
        said if isinstance(said, str) else None,
    )


def is_read_by_both(blob: bytes) -> bool:
    """Say whether neither reader refuses an archive; theirs raises whatever comes of it."""
    try:
        decode(blob)
        read_by_oracle(blob)
    except Exception:  # noqa: BLE001
        return False
    return True


class TestWhatWeWrite:
    @pytest.mark.parametrize("piece", ["x", "é", "€", "😀", "\x00"])
    @pytest.mark.parametrize("size", BORDERS)
    def test_a_text_at_any_border_of_length_is_read_by_the_other_one(self, size: int, piece: str) -> None:  # body-04
        text = of_size(size, piece)

        reading = read_by_oracle(encode(AttributedText(text, (Run(len(text.encode("utf-16-le")) // 2, 0),))))

        assert reading.text == text
        assert [length for length, _ in reading.runs] == [len(text.encode("utf-16-le")) // 2]

    @settings(deadline=None)
    @given(st.integers(0, 70_000), st.sampled_from(PIECES))
    def test_a_text_of_any_length_is_read_by_the_other_one(self, size: int, piece: str) -> None:  # body-04
        text = of_size(size, piece)

        assert read_by_oracle(encode(AttributedText(text))).text == text

    @given(
        texts,
        st.lists(
            st.builds(
                Run,
                st.integers(0, 2**31 - 1),
                st.none() | st.integers(1 - 2**31, 2**31 - 1),
                st.none() | words,
                st.none() | words,
            ),
            max_size=40,
        ),
    )
    def test_any_runs_are_read_by_the_other_one(self, text: str, runs: list[Run]) -> None:
        body = AttributedText(text, tuple(runs))

        assert as_ours(read_by_oracle(encode(body))) == body


class TestWhatWeRead:
    @settings(deadline=None)
    @example(text="", runs=[Stretch(0, {PART: Number("c", -1)})], is_mutable=False, shares=False)
    @given(text=texts, runs=stretches, is_mutable=st.booleans(), shares=st.booleans())
    def test_any_attributes_are_read_as_the_other_one_reads_them(
        self, text: str, runs: list[Stretch], *, is_mutable: bool, shares: bool
    ) -> None:
        blob = archived(text, runs, is_mutable=is_mutable, shares=shares)

        assert decode(blob) == as_ours(read_by_oracle(blob))

    @pytest.mark.parametrize("is_mutable", [False, True])
    @pytest.mark.parametrize("size", BORDERS)
    def test_a_text_at_any_border_of_length_is_read_whole(
        self, size: int, *, is_mutable: bool
    ) -> None:  # body-04, body-09
        text = of_size(size, "é")

        blob = archived(text, [Stretch(len(text), {PART: Number("i", 0)})], is_mutable=is_mutable)

        assert decode(blob) == as_ours(read_by_oracle(blob)) == AttributedText(text, (Run(len(text), 0),))

    @pytest.mark.parametrize("byte", [0x00, 0x41, 0x81, 0x85, 0x86, 0x92, 0x97, 0xFF])
    def test_archives_with_a_damaged_byte_that_both_can_read_are_read_alike(self, byte: int) -> None:
        damaged = [bytes([*WHOLE[:at], byte, *WHOLE[at + 1 :]]) for at in range(len(WHOLE))]

        both = [(decode(blob), as_ours(read_by_oracle(blob))) for blob in damaged if is_read_by_both(blob)]

        assert [ours for ours, theirs in both if ours != theirs] == []
        assert len(both) > 20

    @pytest.mark.parametrize("name", [SPOKEN, SPOKEN_TOO])
    def test_what_is_said_in_a_voice_memo_is_read_under_both_names(self, name: str) -> None:
        spoken = {PART: Number("i", 0), TRANSFER_GUID: "at_0_G", name: "See you"}

        assert decode(archived("\ufffc", [Stretch(1, spoken)])).runs == (Run(1, 0, "at_0_G", "See you"),)

    @pytest.mark.parametrize("length", [0x92, 200, 255])
    def test_an_unsigned_length_in_one_byte_is_no_negative_one(self, length: int) -> None:
        text = "x" * length
        blob = archived(text, [Stretch(length, {PART: Number("i", 0)})])

        short = blob.replace(b"\x81" + length.to_bytes(2, "little"), bytes([length]))

        assert len(short) == len(blob) - 4
        assert decode(short) == as_ours(read_by_oracle(short)) == decode(blob)
