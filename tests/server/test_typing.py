"""POST and GET /v1/typing."""

import pytest

from blueport.protocol.commands import SetTyping
from blueport.protocol.sightings import Sighting, TypingSeen
from tests.server.answers import assert_done, assert_refused
from tests.server.refusals import (
    Form,
    assert_body_is_judged,
    assert_key_is_judged,
    assert_line_is_judged,
    each_read_refusal,
    each_write_refusal,
)
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


@pytest.fixture(autouse=True)
def _a_line_that_types_and_a_chat(alice: Customer) -> None:
    alice.mac.hello(alice.line, capabilities=("typing",))
    alice.hears(ADA)


@pytest.fixture
def form(alice: Customer) -> Form:
    return Form("POST", PATH, "typing:write", {"from": alice.line, "to": ADA})


@pytest.fixture
def query(alice: Customer) -> Form:
    return Form("GET", PATH, "typing:read", {"from": alice.line, "to": ADA})


def _types(line: str, person: str = ADA, *, is_typing: bool = True, at: int = NOON_MS, **more: Json) -> Sighting:
    usual = {"chat": chat_with(person), "handle": person}
    return TypingSeen(line_handle=line, is_typing=is_typing, at=at, **(usual | more))


class TestWriting:
    def test_the_answer_is_exactly_id_status_and_request_id(self, alice: Customer, form: Form) -> None:
        answer = form.ask(alice)

        assert_done(answer, 201)
        assert set(answer.json()) == {"id", "status", "request_id"}
        assert answer.json()["id"].startswith("obx_")
        assert answer.json()["status"] == "pending"

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
        group = next(chat for chat in alice.get("/v1/chats", {"from": alice.line}).json()["data"] if chat["is_group"])

        assert_done(form.ask(alice, to=group["id"]), 201)

        (signal,) = alice.mac.signals()
        assert signal.signal == SetTyping(None, ("iMessage;+;chat100",), is_typing=True)

    @each_write_refusal
    def test_a_line_or_chat_that_is_wrong_is_told(
        self, alice: Customer, form: Form, changes: dict[str, object], status: int, code: str, param: str
    ) -> None:
        assert_refused(form.ask(alice, **changes), status, code, param)
        assert alice.world.rows("signals") == 0

    @pytest.mark.parametrize("state", ["", "ON", "typing", 1, True])
    def test_another_state_is_refused(self, alice: Customer, form: Form, state: object) -> None:
        answer = form.ask(alice, state=state, **{"from": "+15559999999"})

        assert_refused(answer, 400, "invalid_parameter_value", "state")

    def test_a_line_that_cannot_type_needs_advanced_features(self, alice: Customer, form: Form) -> None:
        alice.mac.hello(alice.line, capabilities=("replies", "reactions", "audio", "receipts"))

        assert_refused(form.ask(alice, to=CARL), 400, "advanced_features_required")

    def test_the_key_is_judged_first(self, alice: Customer, form: Form) -> None:
        assert_key_is_judged(alice, form)
        assert_line_is_judged(alice, form)
        assert_body_is_judged(alice, form)


class TestReading:
    def test_an_indicator_is_exactly_as_in_the_seed(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_types(alice.line, at=NOON_MS - 3))

        answer = query.ask(alice)

        assert_done(answer)
        (indicator,) = answer.json().pop("data")
        assert indicator.pop("id").startswith("ind_")
        chat_id = alice.messages()[0]["chat_id"]
        assert indicator == {"chat_id": chat_id, "handle": ADA, "is_typing": True, "updated_at": NOON_MS - 3}
        assert (answer.json()["has_more"], answer.json()["next_cursor"]) == (False, None)

    def test_nobody_typing_is_an_empty_list(self, alice: Customer, query: Form) -> None:
        assert query.ask(alice).json()["data"] == []

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
        alice.mac.sees(_types(alice.line, CARL))

        assert [chat["identifier"] for chat in alice.get("/v1/chats", {"from": alice.line}).json()["data"]] == [ADA]

    def test_a_group_has_none(self, alice: Customer, query: Form) -> None:
        seen = text_in_group("chat100", ADA, alice.line)
        alice.mac.sees(seen, _types(alice.line, chat=seen.chat))
        group = next(chat for chat in alice.get("/v1/chats", {"from": alice.line}).json()["data"] if chat["is_group"])

        answer = query.ask(alice, to=group["id"])

        assert_done(answer)
        assert answer.json()["data"] == []

    @pytest.mark.parametrize("said", [" 15550100001", "(555) 010-0001"])
    def test_the_chat_may_be_named_in_any_usual_notation(self, alice: Customer, query: Form, said: str) -> None:
        alice.mac.sees(_types(alice.line))

        assert len(query.ask(alice, to=said).json()["data"]) == 1

    def test_pages_may_be_asked_for(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_types(alice.line))

        page = query.ask(alice, limit=1).json()

        assert (len(page["data"]), page["has_more"], page["next_cursor"]) == (1, False, None)

    @each_read_refusal
    def test_what_is_wrong_is_told(
        self, alice: Customer, query: Form, changes: dict[str, object], status: int, code: str, param: str
    ) -> None:
        assert_refused(query.ask(alice, **changes), status, code, param)

    def test_the_key_is_judged_first(self, alice: Customer, query: Form) -> None:
        assert_key_is_judged(alice, query)
        assert_line_is_judged(alice, query)
