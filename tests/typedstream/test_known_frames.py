"""A body whose surroundings were read before is read as if they had not been."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueport.typedstream import AttributedText, Run, TypedStreamError, decode, encode, message_body
from tests.typedstream.test_attributed_bodies import HELLO

_TEXT_AT = HELLO.index(b"\x84\x01+") + 3
_BEFORE, _REST = HELLO[:_TEXT_AT], HELLO[_TEXT_AT + 6 :]
# Its one attribute has the number by which the text is known for a name: whatever the text is, is what it is called.
_NAMED_BY_TEXT = _REST.replace(b"\x92\x84\x96\x96\x1d__kIMMessagePartAttributeName\x86", b"\x92\x95", 1)


def around(raw: bytes, rest: bytes = _REST, head: bytes | None = None) -> bytes:
    """Put bytes where "Hello" stood."""
    return _BEFORE + (bytes([len(raw)]) if head is None else head) + raw + rest


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=120))
def test_the_text_alone_differs(text: str) -> None:
    raw = text.encode()[:120].decode("utf-8", "ignore").encode()

    assert decode(around(raw)) == AttributedText(raw.decode(), (Run(5, 0),))


@pytest.mark.parametrize("text", ["another text", "\x84\x01+", "", "__kIMMessagePartAttributeName", "\ufffd"])
def test_a_text_may_be_anything_that_the_reader_itself_uses(text: str) -> None:
    assert decode(encode(message_body(text))) == message_body(text)


def test_bytes_that_are_no_utf8_become_marks_in_a_known_frame_too() -> None:
    decode(around(b"first"))

    assert decode(around(b"caf\xe9")).text == "caf\ufffd"


def test_a_length_in_more_bytes_than_it_needs_is_the_same_length() -> None:
    assert {
        decode(around(b"Hello", head=head)).text for head in (b"\x05", b"\x81\x05\x00", b"\x82\x05\x00\x00\x00")
    } == {"Hello"}


@pytest.mark.parametrize("head", [b"\x81\xff\xff", b"\x81\x00\x80", b"\x80", b"\x85"])
def test_a_length_below_nothing_is_refused_in_a_known_frame_too(head: bytes) -> None:
    decode(around(b"first"))

    with pytest.raises(TypedStreamError):
        decode(around(b"Hello", head=head))


@pytest.mark.parametrize("cut", range(_TEXT_AT, len(HELLO) - 1))
def test_what_is_cut_short_is_refused_in_a_known_frame_too(cut: int) -> None:
    decode(HELLO)

    with pytest.raises(TypedStreamError):
        decode(HELLO[:cut])


def test_an_attribute_that_is_named_by_the_text_is_told_by_each_text() -> None:
    named, other = b"__kIMMessagePartAttributeName", b"Hello"

    assert decode(around(other, _NAMED_BY_TEXT)).runs == (Run(5),)
    assert decode(around(named, _NAMED_BY_TEXT)).runs == (Run(5, 0),)
