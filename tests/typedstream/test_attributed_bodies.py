import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blueport.typedstream import AttributedText, Run, TypedStreamError, decode, encode, message_body

# The layout that Messages writes for a body of one part, byte by byte.
HELLO = b"".join(
    [
        b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@",
        b"\x84\x84\x84\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85",
        b"\x92\x84\x84\x84\x08NSString\x01\x94\x84\x01+\x05Hello\x86",
        b"\x84\x02iI\x01\x05",
        b"\x92\x84\x84\x84\x0cNSDictionary\x00\x94\x84\x01i\x01",
        b"\x92\x84\x96\x96\x1d__kIMMessagePartAttributeName\x86",
        b"\x92\x84\x84\x84\x08NSNumber\x00\x84\x84\x07NSValue\x00\x94\x84\x01*\x84\x99\x99\x00\x86\x86\x86",
    ],
)
# The same text with mutable classes throughout, as a body that was built in steps is archived.
HELLO_MUTABLE = b"".join(
    [
        b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@",
        b"\x84\x84\x84\x19NSMutableAttributedString\x00\x84\x84\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85",
        b"\x92\x84\x84\x84\x0fNSMutableString\x01\x84\x84\x08NSString\x01\x95\x84\x01+\x05Hello\x86",
        b"\x84\x02iI\x01\x05",
        b"\x92\x84\x84\x84\x0cNSDictionary\x00\x95\x84\x01i\x00\x86\x86",
    ],
)
# A run with bytes, a link, a struct and a fraction before its part number.
HELLO_LINKED = b"".join(
    [
        HELLO[: HELLO.index(b"\x84\x01i\x01")],
        b"\x84\x01i\x05",
        b"\x92\x84\x96\x96\x04data\x86\x92\x84\x84\x84\x06NSData\x00\x94\x99\x04\x84\x04[4c]\x01\x02\x03\x04\x86",
        b"\x92\x84\x96\x96\x04link\x86\x92\x84\x84\x84\x05NSURL\x00\x94\x84\x01c\x00\x92\x84\x96\x96\x08https://\x86\x86",
        b"\x92\x84\x96\x96\x05range\x86\x92\x84\x84\x84\x07NSValue\x00\x94\x84\x01*\x84\x84\x0d{_NSRange=QQ}\xa0\x01\x02\x86",
        b"\x92\x84\x96\x96\x05width\x86",
        b"\x92\x84\x84\x84\x08NSNumber\x00\xa2\x9f\x84\x84\x01d\xa2\x83\x00\x00\x00\x00\x00\x00\xf8\x3f\x86",
        b"\x92\x84\x96\x96\x1d__kIMMessagePartAttributeName\x86\x92\x84\xa6\x9f\x84\x84\x01q\xa3\x03\x86\x86\x86",
    ],
)


# A run of which one attribute is an object with a value of some type; behind it is the part number.
BEFORE_ODD = HELLO[: HELLO.index(b"\x84\x01i\x01")] + b"\x84\x01i\x02\x92\x84\x96\x96\x03odd\x86"
PART_3 = (
    b"\x92\x84\x96\x96\x1d__kIMMessagePartAttributeName\x86"
    b"\x92\x84\x84\x84\x08NSNumber\x00\x84\x84\x07NSValue\x00\x94\x84\x01*\x84\x99\x99\x03\x86"
)


def with_odd_value(encoding: bytes, value: bytes) -> bytes:
    """Archive "Hello" with an attribute of this type and value, and then its part number, which is 3."""
    odd = b"\x92\x84\x84\x84\x03Odd\x00\x94\x84" + bytes([len(encoding)]) + encoding + value + b"\x86"
    return BEFORE_ODD + odd + PART_3 + b"\x86\x86"


def written(text: str) -> bytes:
    return encode(message_body(text))


def text_field(blob: bytes) -> bytes:
    """The length and bytes of the string, from behind its type to the end."""
    return blob[blob.index(b"\x84\x01+") + 3 :]


class TestEncode:
    def test_a_plain_text_is_written_byte_for_byte_as_messages_does(self) -> None:
        assert written("Hello") == HELLO

    def test_a_file_stands_before_its_caption_as_a_part_of_its_own(self) -> None:
        body = message_body("look", attachment_guids=["at_0_A"])

        assert body == AttributedText("\ufffclook", (Run(1, 0, "at_0_A"), Run(4, 1)))

    @pytest.mark.parametrize(
        ("length", "field"),
        [
            (48, "30"),
            (127, "7f"),
            (128, "81 80 00"),
            (292, "81 24 01"),  # body-04
            (32_767, "81 ff 7f"),
            (32_768, "82 00 80 00 00"),
            (40_000, "82 40 9c 00 00"),  # body-08
        ],
    )
    def test_a_length_takes_the_narrowest_signed_form(self, length: int, field: str) -> None:
        assert text_field(written("x" * length)).startswith(bytes.fromhex(field) + b"x")

    def test_runs_with_the_same_attributes_share_them(self) -> None:
        body = AttributedText("abc", (Run(1, 0), Run(1, 1), Run(1, 0)))

        blob = encode(body)

        assert blob.count(b"NSDictionary") == 1
        assert decode(blob) == body


class TestDecode:
    def test_the_layout_of_messages_is_read(self) -> None:
        assert decode(HELLO) == AttributedText("Hello", (Run(5, 0),))

    def test_mutable_classes_are_read(self) -> None:  # body-09
        assert decode(HELLO_MUTABLE) == AttributedText("Hello", (Run(5),))

    def test_other_attributes_of_every_kind_are_passed_over(self) -> None:
        assert decode(HELLO_LINKED) == AttributedText("Hello", (Run(5, 3),))

    @pytest.mark.parametrize(
        ("encoding", "value"),
        [
            (b"[4i]", b"\x01\x81\x00\x01\x03\x04"),
            (b"[2f]", b"\x01\x83\x00\x00\xc0\x3f"),
            (b"[2[2{_NSRange=QQ}]]", bytes(8)),
            (b"[2@]", b"\x85\x92"),
            (b"[3C]i", b"\x86\x86\x86\x01"),
            (b"{CGRect={CGPoint=dd}[2{CGSize=dd}]}", bytes(6)),
            (b"r*", b"\x85"),
            (b"!", b""),
            (b"i!i", b"\x01\x02"),
            (b"[999999999!]", b""),
            (b"[999999999[0i]]", b""),
        ],
    )
    def test_a_value_of_any_type_is_passed_over(self, encoding: bytes, value: bytes) -> None:
        assert decode(with_odd_value(encoding, value)) == AttributedText("Hello", (Run(5, 3),))

    # Of pointers and unions no archive is known; nor is the length of what stands there.
    @pytest.mark.parametrize(
        "encoding", [b"^v", b"(?=id)", b"b3", b"?", b"{Opaque}", b"[i]", b"[2i", b"2i]", b"]i[2", b"[i"]
    )
    def test_behind_a_value_of_an_unknown_type_the_text_stands(self, encoding: bytes) -> None:
        assert decode(with_odd_value(encoding, b"\x01\x02")) == AttributedText("Hello")

    def test_runs_before_a_value_of_an_unknown_type_are_kept(self) -> None:
        body = encode(message_body("a", attachment_guids=["g1", "g2"]))

        decoded = decode(body[: body.rindex(b"\x92\x84")] + b"\x84\x01?")

        assert decoded.attachment_guids == ("g1", "g2")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "0" * 48,  # body-07: the length byte is itself the digit 0
            "a" * 200,  # body-06
            "b" * 292,  # body-04
            "c" * 40_000,  # body-08
            "\u0130 am here",  # body-12
            "x" + "\U0001f600" * 500,  # body-18
            "\u202b\u05e9\u05dc\u05d5\u05dd (abc)\u202c",  # body-20
            "a\x00b",
            "\U0001f469\u200d\U0001f469\u200d\U0001f467\ufe0f e\u0301 \u00a0",
            "NSString \x84\x01+ \x86",
        ],
    )
    def test_a_text_comes_back_whole(self, text: str) -> None:
        assert decode(written(text)).text == text

    @pytest.mark.parametrize("length", [32_767, 32_768])
    def test_the_width_of_the_length_is_no_border(self, length: int) -> None:  # body-08
        assert decode(written("\u20ac" * length)).text == "\u20ac" * length

    @settings(deadline=None)
    @given(st.integers(0, 70_000))
    def test_every_length_is_read_whole(self, length: int) -> None:  # body-04
        assert len(decode(written("y" * length)).text) == length

    @given(st.text(st.characters(exclude_categories=["Cs"])), st.lists(st.text("abc_0-", min_size=1), max_size=80))
    def test_a_written_body_is_read_as_it_was(self, text: str, guids: list[str]) -> None:
        body = message_body(text, attachment_guids=guids)

        assert decode(encode(body)) == body

    def test_what_is_said_in_a_voice_memo_comes_back(self) -> None:
        memo = AttributedText("\ufffc", (Run(1, 0, "at_0_G", "Grüße"),))

        assert decode(encode(memo)) == memo

    def test_what_is_said_may_stand_under_another_name(self) -> None:
        blob = encode(AttributedText("\ufffc", (Run(1, 0, "at_0_G", "Hello"),)))

        other = blob.replace(b"\x14IMAudioTranscription", b"\x22__kIMMessageTranscriptAttributeKey")

        assert other != blob
        assert decode(other).runs[0].transcription == "Hello"

    def test_run_lengths_count_utf16_units(self) -> None:
        assert decode(written("\U0001f600!")).runs == (Run(3, 0),)

    def test_a_text_in_utf16_is_read_by_its_mark(self) -> None:
        utf16 = "Hi \u0130".encode("utf-16")
        blob = HELLO.replace(b"\x05Hello", bytes([len(utf16)]) + utf16)

        assert decode(blob).text == "Hi \u0130"

    def test_bytes_that_are_no_utf8_are_replaced(self) -> None:
        assert decode(HELLO.replace(b"Hello", b"He\xfflo")).text == "He\ufffdlo"

    def test_a_blob_cut_anywhere_is_refused(self) -> None:  # body-11
        for end in range(len(HELLO)):
            with pytest.raises(TypedStreamError):
                decode(HELLO[:end])

    @pytest.mark.parametrize(
        ("blob", "reason"),
        [
            (b"bplist00", "header"),
            (HELLO[:16] + b"\x84\x01@\x85", "not an attributed string"),
            (HELLO[:16] + b"\x84\x01i\x05", "not an attributed string"),
            (HELLO.replace(b"\x05Hello", b"\x81\xff\xffHello"), "cut short"),
            (HELLO[: HELLO.index(b"\x84\x02iI")] + b"\x84\x01i\x01\x86", "without its length"),
            (HELLO[: HELLO.index(b"\x84\x02iI")] + b"\x84\x02iI\x01\x05\x92\x85\x86", "without its attributes"),
            (HELLO.replace(b"\x84\x01+\x05", b"\x84\x01?\x05"), "without its string"),
            (HELLO[:16] + b"\x84\x01?\x05", "not an attributed string"),
            (HELLO[:16] + b"\x84\x01@" + b"\x84\x84\x84\x01A\x00\x85\x92" + b"\x84\x93\x92" * 70, "nested"),
            (HELLO[:16] + b"\x84\x01@" + b"\x84" + b"\x84\x84\x01A\x00" * 70, "nested"),
            (HELLO + bytes(1 << 20), "larger"),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, blob: bytes, reason: str) -> None:
        with pytest.raises(TypedStreamError, match=reason):
            decode(blob)

    @example(HELLO_MUTABLE, {40: 0x92})
    @given(
        st.sampled_from([HELLO, HELLO_MUTABLE, HELLO_LINKED, encode(message_body("a", attachment_guids=["g1", "g2"]))]),
        st.dictionaries(st.integers(16, 250), st.integers(0, 255), min_size=1, max_size=6),
    )
    def test_a_damaged_blob_is_read_or_refused_and_nothing_else(self, blob: bytes, damage: dict[int, int]) -> None:
        damaged = bytes(damage.get(at, byte) for at, byte in enumerate(blob))

        assert reads_or_refuses(damaged)

    @given(st.binary(max_size=300))
    def test_any_bytes_behind_the_header_are_read_or_refused(self, tail: bytes) -> None:
        assert reads_or_refuses(HELLO[:16] + tail)

    @given(st.text("[]{}()=!^?rnNoORVcCsSiIlLqQfdB@#:*%+0129", max_size=40), st.binary(max_size=60))
    def test_any_type_before_any_bytes_is_read_or_refused(self, encoding: str, value: bytes) -> None:
        assert reads_or_refuses(with_odd_value(encoding.encode(), value))

    def test_attributes_that_many_runs_share_are_read_once(self) -> None:
        entries = b"\x92\x84\x96\x96\x01k\x86" + b"\x92\x99" * 200_000
        shared = BEFORE_ODD[: BEFORE_ODD.index(b"\x84\x01i\x02")] + b"\x84\x01i\x01" + entries + b"\x86"
        runs = b"".join(b"\x97\x81" + index.to_bytes(2, "little") + b"\x01\x92\x97" for index in range(200, 30_000))

        assert len(decode(shared + runs + b"\x86").runs) == 29_801


def reads_or_refuses(blob: bytes) -> bool:
    try:
        return re.fullmatch(r"[^\ud800-\udfff]*", decode(blob).text, re.DOTALL) is not None
    except TypedStreamError:
        return True
