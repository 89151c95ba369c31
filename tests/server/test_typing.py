"""POST and GET /v1/typing."""

import pytest

from blueport.protocol.commands import SetTyping
from blueport.protocol.sightings import Sighting, TypingSeen
from tests.server.answers import assert_done, assert_refused
from tests.server.refusals import Form, ReadingPeers, Writing, to_ada
from tests.server.world import (
    ADA,
    CARL,
    HOUR_MS,
    MINUTE_MS,
    NOON_MS,
    SECOND_MS,
    Customer,
    Json,
    chat_with,
    text_in_group,
)

PATH = "/v1/typing"


@pytest.fixture
def form(alice: Customer) -> Form:
    alice.is_ready_for("typing")
    return to_ada(alice, "POST", PATH)


@pytest.fixture
def query(alice: Customer) -> Form:
    alice.hears(ADA)
    return to_ada(alice, "GET", PATH)


@pytest.fixture(scope="module")
def still_form(still_alice: Customer) -> Form:
    still_alice.is_ready_for("typing")
    return to_ada(still_alice, "POST", PATH)


@pytest.fixture(scope="module")
def still_query(still_form: Form) -> Form:
    return still_form._replace(method="GET")


def _types(line: str, person: str = ADA, *, is_typing: bool = True, at: int = NOON_MS, **more: Json) -> Sighting:
    usual = {"chat": chat_with(person), "handle": person}
    return TypingSeen(line_handle=line, is_typing=is_typing, at=at, **(usual | more))


class TestWriting(Writing):
    capability = "typing"

    @pytest.mark.parametrize(("state", "is_typing"), [(..., True), (None, True), ("on", True), ("off", False)])
    def test_the_mac_is_asked_to_show_it(
        self, alice: Customer, form: Form, state: str | None, *, is_typing: bool
    ) -> None:
        made = form.ask(alice, state=state).json()

        (signal,) = alice.mac.signals()
        assert (signal.id, signal.line_handle) == (made["id"], alice.line)
        assert signal.signal == SetTyping(ADA, (f"iMessage;-;{ADA}",), is_typing=is_typing)

    @pytest.mark.parametrize("more", [{}, {"state": "on"}, {"state": "off"}])
    def test_the_payload_is_what_was_asked(self, alice: Customer, form: Form, more: dict[str, str]) -> None:
        made = form.ask(alice, **more, colour="blue").json()

        assert alice.item(made["id"])["payload"] == form.asked | more

    def test_a_group_is_named_by_its_id(self, alice: Customer, form: Form) -> None:
        alice.mac.sees(text_in_group("chat100", ADA, alice.line))

        assert_done(form.ask(alice, to=alice.group()), 201)

        (signal,) = alice.mac.signals()
        assert signal.signal == SetTyping(None, ("iMessage;+;chat100",), is_typing=True)

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("state", ["", "ON", "typing", 1, True])
    def test_another_state_is_refused(self, alice: Customer, form: Form, state: object) -> None:
        answer = form.ask(alice, state=state, **{"from": "+15559999999"})

        assert_refused(answer, 400, "invalid_parameter_value", "state")


class TestReading(ReadingPeers):
    seen = staticmethod(_types)

    def test_an_indicator_is_exactly_as_in_the_seed(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_types(alice.line, at=NOON_MS - 3))

        answer = query.ask(alice)

        assert_done(answer)
        (indicator,) = answer.json().pop("data")
        assert indicator.pop("id").startswith("ind_")
        chat_id = alice.messages()[0]["chat_id"]
        assert indicator == {"chat_id": chat_id, "handle": ADA, "is_typing": True, "updated_at": NOON_MS - 3}
        assert (answer.json()["has_more"], answer.json()["next_cursor"]) == (False, None)

    def test_it_is_one_row_that_changes(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_types(alice.line, at=NOON_MS - 9))
        (before,) = query.ask(alice).json()["data"]
        alice.mac.sees(_types(alice.line, is_typing=False, at=NOON_MS - 3))

        (after,) = query.ask(alice).json()["data"]

        assert after == before | {"is_typing": False, "updated_at": NOON_MS - 3}

    def test_what_is_told_late_changes_nothing(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_types(alice.line, is_typing=False, at=NOON_MS - 3))

        alice.mac.sees(_types(alice.line, at=NOON_MS - 9))

        (indicator,) = query.ask(alice).json()["data"]
        assert (indicator["is_typing"], indicator["updated_at"]) == (False, NOON_MS - 3)

    def test_after_a_minute_nobody_types_any_more(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_types(alice.line))
        alice.world.clock.ms += MINUTE_MS - 1
        assert query.ask(alice).json()["data"][0]["is_typing"] is True

        alice.world.clock.ms += 1

        (indicator,) = query.ask(alice).json()["data"]
        assert (indicator["is_typing"], indicator["updated_at"]) == (False, NOON_MS)

    def test_what_is_older_than_a_minute_when_it_is_told_is_nothing(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_types(alice.line, at=NOON_MS - MINUTE_MS - 1))

        assert query.ask(alice).json()["data"] == []

    def test_a_mac_whose_clock_is_ahead_is_taken_to_mean_now(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_types(alice.line, at=NOON_MS + HOUR_MS))
        alice.world.clock.ms += SECOND_MS
        alice.mac.sees(_types(alice.line, is_typing=False, at=NOON_MS + HOUR_MS + SECOND_MS))

        (indicator,) = query.ask(alice).json()["data"]
        assert (indicator["is_typing"], indicator["updated_at"]) == (False, NOON_MS + SECOND_MS)

    def test_one_who_never_wrote_is_no_chat_by_typing(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.mac.sees(_types(alice.line, CARL))

        assert [chat["identifier"] for chat in alice.get("/v1/chats", {"from": alice.line}).json()["data"]] == [ADA]

    @pytest.mark.parametrize("said", [" 15550100001", "(555) 010-0001"])
    def test_the_chat_may_be_named_in_any_usual_notation(self, alice: Customer, query: Form, said: str) -> None:
        alice.mac.sees(_types(alice.line))

        assert len(query.ask(alice, to=said).json()["data"]) == 1
