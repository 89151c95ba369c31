"""Cursors: a walk through the pages sees each row once, whatever arrives meanwhile."""

import pytest

from tests.server.answers import assert_done, assert_refused
from tests.server.world import ADA, CARL, NOON_MS, Customer, Json, reaction_to, text_from

PEOPLE = [f"+155501000{number:02}" for number in range(10, 30)]


@pytest.fixture(scope="module")
def many(still_alice: Customer) -> Customer:
    """Return Alice, who has sixty lines and webhooks, each of another moment."""
    for number in range(60):
        still_alice.world.add_line(still_alice.account_id, f"+155501050{number:02}", still_alice.mac)
        still_alice.webhook("https://agent.example.com/hook")
        still_alice.world.clock.ms += 1
    return still_alice


def _page(customer: Customer, path: str, cursor: str | None = None, **query: Json) -> Json:
    asked = {"from": customer.line, **query} | ({} if cursor is None else {"cursor": cursor})
    answer = customer.get(path, asked)
    assert_done(answer)
    assert answer.json()["has_more"] is (answer.json()["next_cursor"] is not None)
    return answer.json()


def _walk(customer: Customer, path: str, **query: Json) -> list[Json]:
    """Return all rows of a list, page by page."""
    rows: list[Json] = []
    page = _page(customer, path, **query)
    while True:
        rows += page["data"]
        if not page["has_more"]:
            return rows
        assert page["data"], "a page that promises more is never empty"
        page = _page(customer, path, page["next_cursor"], **query)


class TestMessages:
    def test_a_walk_meets_each_message_once_newest_first(self, alice: Customer) -> None:
        alice.mac.sees(
            *[text_from(ADA, alice.line, f"text {number}", sent_at=NOON_MS + number) for number in range(23)]
        )

        walked = _walk(alice, "/v1/messages", to=ADA, limit=5)

        assert [message["text"] for message in walked] == [f"text {number}" for number in reversed(range(23))]

    def test_messages_of_the_same_moment_are_neither_lost_nor_doubled(self, alice: Customer) -> None:
        alice.mac.sees(*[text_from(ADA, alice.line, f"text {number}", sent_at=NOON_MS) for number in range(11)])

        walked = _walk(alice, "/v1/messages", to=ADA, limit=2)

        assert sorted(message["text"] for message in walked) == sorted(f"text {number}" for number in range(11))

    def test_what_arrives_during_a_walk_moves_nothing(self, alice: Customer) -> None:
        alice.mac.sees(*[text_from(ADA, alice.line, f"text {number}", sent_at=NOON_MS + number) for number in range(6)])
        first = _page(alice, "/v1/messages", to=ADA, limit=3)

        alice.hears(ADA, "new", sent_at=NOON_MS + 99)
        rest = _page(alice, "/v1/messages", first["next_cursor"], to=ADA, limit=3)

        shown = [message["text"] for message in first["data"] + rest["data"]]
        assert shown == ["text 5", "text 4", "text 3", "text 2", "text 1", "text 0"]
        assert rest["has_more"] is False

    def test_a_page_holds_fifty_unless_asked_and_a_hundred_at_most(self, alice: Customer) -> None:
        alice.mac.sees(*[text_from(ADA, alice.line) for _ in range(103)])

        for limit, shown in (({}, 50), ({"limit": 1}, 1), *(({"limit": most}, 100) for most in (100, 101, 10**30))):
            page = _page(alice, "/v1/messages", to=ADA, **limit)
            assert (len(page["data"]), page["has_more"]) == (shown, True), limit

    def test_a_page_that_is_just_full_is_the_last(self, alice: Customer) -> None:
        alice.mac.sees(text_from(ADA, alice.line), text_from(ADA, alice.line))

        page = _page(alice, "/v1/messages", to=ADA, limit=2)

        assert (len(page["data"]), page["has_more"], page["next_cursor"]) == (2, False, None)

    def test_the_limit_may_change_from_page_to_page(self, alice: Customer) -> None:
        alice.mac.sees(*[text_from(ADA, alice.line, f"{number}", sent_at=NOON_MS + number) for number in range(4)])
        first = _page(alice, "/v1/messages", to=ADA, limit=1)

        rest = _page(alice, "/v1/messages", first["next_cursor"], to=ADA, limit=100)

        assert [message["text"] for message in rest["data"]] == ["2", "1", "0"]


class TestChats:
    def test_a_walk_meets_each_chat_once_the_most_recently_active_first(self, alice: Customer) -> None:
        for number, person in enumerate(PEOPLE):
            alice.hears(person, sent_at=NOON_MS + number)

        walked = _walk(alice, "/v1/chats", limit=3)

        assert [chat["identifier"] for chat in walked] == PEOPLE[::-1]

    def test_chats_that_move_during_a_walk_are_neither_lost_nor_doubled(self, alice: Customer) -> None:
        for number, person in enumerate(PEOPLE):
            alice.hears(person, sent_at=NOON_MS + number)
        walked: list[str] = []
        page = _page(alice, "/v1/chats", limit=3)

        for number in range(len(PEOPLE)):
            walked += [chat["identifier"] for chat in page["data"]]
            # One that was not shown yet moves to the top, one that was shown too, and a stranger comes.
            alice.hears(PEOPLE[number // 2], sent_at=NOON_MS + 1_000 + number)
            alice.hears(walked[0], sent_at=NOON_MS + 2_000 + number)
            alice.hears(f"+155501009{number:02}", sent_at=NOON_MS + 3_000 + number)
            if not page["has_more"]:
                break
            page = _page(alice, "/v1/chats", page["next_cursor"], limit=3)

        assert walked == PEOPLE[::-1]

    def test_chats_of_the_same_moment_are_neither_lost_nor_doubled(self, alice: Customer) -> None:
        alice.mac.sees(*[text_from(person, alice.line, sent_at=NOON_MS) for person in PEOPLE])

        walked = _walk(alice, "/v1/chats", limit=3)

        assert sorted(chat["identifier"] for chat in walked) == PEOPLE

    def test_old_messages_told_late_during_a_walk_hide_no_chat(self, alice: Customer) -> None:
        for number, person in enumerate(PEOPLE[:6]):
            alice.hears(person, sent_at=NOON_MS + number)
        first = _page(alice, "/v1/chats", limit=2)

        for person in PEOPLE[:6]:
            alice.hears(person, sent_at=NOON_MS - 1)  # a backfill
        rest = _page(alice, "/v1/chats", first["next_cursor"], limit=100)

        shown = [chat["identifier"] for chat in first["data"] + rest["data"]]
        assert shown == PEOPLE[5::-1]

    def test_a_chat_that_moves_up_but_not_past_the_page_is_met_once(self, alice: Customer) -> None:
        for number, person in enumerate(PEOPLE[:6]):
            alice.hears(person, sent_at=NOON_MS + 10 * number)
        first = _page(alice, "/v1/chats", limit=2)

        alice.hears(PEOPLE[0], sent_at=NOON_MS + 25)  # told late: between the third and the fourth
        rest = _page(alice, "/v1/chats", first["next_cursor"], limit=100)

        shown = [chat["identifier"] for chat in first["data"] + rest["data"]]
        assert shown == PEOPLE[5::-1]

    def test_a_chat_without_messages_that_gets_one_during_a_walk_is_met_once(self, alice: Customer) -> None:
        alice.mac.sees(reaction_to("never seen", alice.line, CARL))
        for number, person in enumerate(PEOPLE[:3]):
            alice.hears(person, sent_at=NOON_MS + 1 + number)
        alice.world.clock.ms += 5
        first = _page(alice, "/v1/chats", limit=2)

        alice.hears(CARL, sent_at=NOON_MS + 9)
        alice.hears(ADA, sent_at=NOON_MS + 9)
        rest = _page(alice, "/v1/chats", first["next_cursor"], limit=100)

        shown = [chat["identifier"] for chat in first["data"] + rest["data"]]
        assert shown == [*PEOPLE[2::-1], CARL]


@pytest.mark.usefixtures("unchanged")
class TestShortLists:
    """Lines and webhooks come whole: the official SDK's iterator would never end on their cursors."""

    @pytest.mark.parametrize("path", ["/v1/lines", "/v1/webhooks"])
    def test_the_list_is_whole_unless_a_page_is_asked_for(self, many: Customer, path: str) -> None:
        answer = many.get(path)

        assert len(answer.json()["data"]) >= 60
        assert (answer.json()["has_more"], answer.json()["next_cursor"]) == (False, None)

    @pytest.mark.parametrize("path", ["/v1/lines", "/v1/webhooks"])
    def test_page_by_page_it_is_the_same_newest_first(self, many: Customer, path: str) -> None:
        whole = many.get(path, {"from": many.line}).json()["data"]

        walked = _walk(many, path, limit=7)

        assert walked == whole
        assert [row["id"] for row in walked] == sorted((row["id"] for row in walked), reverse=True)


@pytest.mark.one_store("a cursor is sealed and opened in memory")
class TestForeignCursors:
    @pytest.fixture
    def cursor(self, alice: Customer) -> str:
        """Return a cursor of Alice's chat with Ada."""
        alice.mac.sees(text_from(ADA, alice.line), text_from(ADA, alice.line))
        alice.mac.sees(text_from(CARL, alice.line), text_from(CARL, alice.line))
        return _page(alice, "/v1/messages", to=ADA, limit=1)["next_cursor"]

    @pytest.mark.parametrize("path", ["/v1/lines", "/v1/chats", "/v1/webhooks"])
    def test_a_cursor_of_another_list_is_refused(self, alice: Customer, cursor: str, path: str) -> None:
        answer = alice.get(path, {"from": alice.line, "cursor": cursor})

        assert_refused(answer, 400, "invalid_parameter_value", "cursor")

    def test_a_cursor_of_another_chat_is_refused(self, alice: Customer, cursor: str) -> None:
        answer = alice.get("/v1/messages", {"from": alice.line, "to": CARL, "cursor": cursor})

        assert_refused(answer, 400, "invalid_parameter_value", "cursor")

    def test_a_cursor_of_another_account_is_refused(self, alice: Customer, bob: Customer, cursor: str) -> None:
        bob.hears(ADA)

        answer = bob.get("/v1/messages", {"from": bob.line, "to": ADA, "cursor": cursor})

        assert_refused(answer, 400, "invalid_parameter_value", "cursor")
        assert alice.line != bob.line

    def test_a_cursor_with_any_character_changed_is_refused(self, alice: Customer, cursor: str) -> None:
        for at in range(len(cursor) - 1):  # the last one may hold bits that mean nothing
            other = "A" if cursor[at] != "A" else "B"
            forged = cursor[:at] + other + cursor[at + 1 :]
            answer = alice.get("/v1/messages", {"from": alice.line, "to": ADA, "cursor": forged})
            assert_refused(answer, 400, "invalid_parameter_value", "cursor")

    def test_a_cursor_works_under_another_name_of_the_same_chat(self, alice: Customer, cursor: str) -> None:
        chat_id = alice.messages(ADA)[0]["chat_id"]

        page = _page(alice, "/v1/messages", cursor, to=chat_id)

        assert len(page["data"]) == 1
