"""GET /v1/messages with `q`: what stands in the texts of a chat, page by page and at a bounded cost."""

import pytest

from blueport.protocol.sightings import AttachmentSeen, MessageChanged
from blueport.server.resources.messages.schema import LONGEST_WORDS, LOOKED_THROUGH
from tests.server.answers import assert_done, assert_refused
from tests.server.world import ADA, CARL, NOON_MS, Customer, Json, text_from


def _page(customer: Customer, words: str, to: str = ADA, **more: Json) -> Json:
    answer = customer.get("/v1/messages", {"from": customer.line, "to": to, "q": words, **more})
    assert_done(answer)
    return answer.json()


def _found(customer: Customer, words: str, **more: Json) -> list[str | None]:
    return [message["text"] for message in _page(customer, words, **more)["data"]]


class TestWords:
    def test_a_word_is_found_in_any_text_that_was_ever_read(self, alice: Customer) -> None:  # body-03
        for number, text in enumerate(("Lunch?", "No, dinner.", "After lunch, then", "lunchbox")):
            alice.hears(ADA, text, sent_at=NOON_MS + number)
        alice.hears(CARL, "lunch")

        page = _page(alice, "lunch")

        assert [message["text"] for message in page["data"]] == ["lunchbox", "After lunch, then", "Lunch?"]
        assert (page["has_more"], page["next_cursor"]) == (False, None)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("GRÜSSE aus Köln", "grüße"),
            ("cafe\u0301", "CAFÉ"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("\u0130 am here", "\u0130 AM"),
            ("100% of it_all", "0% of it_"),
            (r"C:\temp", "c:\\T"),
            ('it\'s "so"', "'s \"S"),
            ("a\n\nb", "a\n\nb"),
            ("\U0001f469\u200d\U0001f467 now", "\u200d\U0001f467"),
            ("+1 555", "+1 5"),
        ],
    )
    def test_what_stands_there_is_found_whatever_it_is(self, alice: Customer, text: str, words: str) -> None:
        alice.hears(ADA, text)
        alice.hears(ADA, "another")

        assert _found(alice, words) == [text]

    @pytest.mark.parametrize("words", ["%", "_", "a%c", "a_c", "*", ".", "[a-z]", "\\", "'", "null"])
    def test_no_character_stands_for_another(self, alice: Customer, words: str) -> None:
        alice.hears(ADA, "abc")
        alice.mac.sees(text_from(ADA, alice.line, None, attachments=(AttachmentSeen("f", "null.jpg", None, None),)))

        assert _found(alice, words) == []

    def test_of_an_edited_text_the_newest_counts(self, alice: Customer) -> None:
        guid = alice.hears(ADA, "Lunch at one")
        alice.mac.sees(MessageChanged(alice.line, guid, "Dinner at eight"))

        assert (_found(alice, "lunch"), _found(alice, "dinner")) == ([], ["Dinner at eight"])

    @pytest.mark.parametrize("words", ["", " ", "\n", "\ufffc", "x" * (LONGEST_WORDS + 1)])
    def test_nothing_and_too_much_cannot_be_looked_for(self, alice: Customer, words: str) -> None:
        alice.hears(ADA)

        answer = alice.get("/v1/messages", {"from": alice.line, "to": ADA, "q": words})

        assert_refused(answer, 400, "invalid_parameter_value", "q")


class TestPages:
    def test_a_walk_meets_each_of_them_once_newest_first_and_ends_where_they_end(self, alice: Customer) -> None:
        texts = [f"{'lunch' if number % 3 == 0 else 'dinner'} {number}" for number in range(40)]
        alice.mac.sees(*[text_from(ADA, alice.line, text, sent_at=NOON_MS + n // 2) for n, text in enumerate(texts)])

        pages, cursor = [], {}
        while True:
            page = _page(alice, "lunch", limit=7, **cursor)
            pages.append([message["text"] for message in page["data"]])
            if not page["has_more"]:
                break
            cursor = {"cursor": page["next_cursor"]}

        walked = [text for texts_of_page in pages for text in texts_of_page]
        assert sorted(walked) == sorted(text for text in texts if "lunch" in text)
        assert [len(texts_of_page) for texts_of_page in pages] == [7, 7]

    def test_one_request_looks_through_so_many_and_the_next_one_looks_on(self, alice: Customer) -> None:
        more = 600
        alice.hears(ADA, "lunch long ago", sent_at=NOON_MS - 1)
        for begin in range(0, LOOKED_THROUGH + more, 200):
            alice.mac.sees(
                *[
                    text_from(ADA, alice.line, f"{n}", sent_at=NOON_MS + n, announce=False)
                    for n in range(begin, begin + 200)
                ]
            )

        first = _page(alice, "lunch")
        assert (first["data"], first["has_more"]) == ([], True)
        second = _page(alice, "lunch", cursor=first["next_cursor"])

        assert [message["text"] for message in second["data"]] == ["lunch long ago"]
        assert second["has_more"] is False

    def test_a_cursor_leads_on_with_the_same_words_alone(self, alice: Customer) -> None:
        alice.mac.sees(*[text_from(ADA, alice.line, "lunch") for _ in range(3)])
        cursor = _page(alice, "lunch", limit=1)["next_cursor"]

        assert len(_page(alice, "LUNCH", cursor=cursor)["data"]) == 2
        for other in ({"q": "dinner"}, {}):
            answer = alice.get("/v1/messages", {"from": alice.line, "to": ADA, "cursor": cursor, **other})
            assert_refused(answer, 400, "invalid_parameter_value", "cursor")
