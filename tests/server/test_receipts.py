"""POST and GET /v1/receipts."""

import pytest

from blueport.protocol.commands import MarkRead
from blueport.protocol.sightings import ReceiptSeen, Sighting
from tests.server.answers import assert_done, assert_refused
from tests.server.refusals import (
    Form,
    assert_body_is_judged,
    assert_key_is_judged,
    assert_line_is_judged,
    each_read_refusal,
    each_write_refusal,
)
from tests.server.world import ADA, CARL, NOON_MS, Customer, Json, chat_with, text_in_group

PATH = "/v1/receipts"


@pytest.fixture(autouse=True)
def _a_line_with_receipts_and_a_chat(alice: Customer) -> None:
    alice.mac.hello(alice.line, capabilities=("receipts",))
    alice.hears(ADA)


@pytest.fixture
def form(alice: Customer) -> Form:
    return Form("POST", PATH, "receipts:write", {"from": alice.line, "to": ADA})


@pytest.fixture
def query(alice: Customer) -> Form:
    return Form("GET", PATH, "receipts:read", {"from": alice.line, "to": ADA})


def _read(line: str, read_at: int, person: str = ADA, **more: Json) -> Sighting:
    return ReceiptSeen(line_handle=line, read_at=read_at, **({"chat": chat_with(person), "handle": person} | more))


class TestWriting:
    def test_the_answer_is_exactly_id_status_and_request_id(self, alice: Customer, form: Form) -> None:
        answer = form.ask(alice)

        assert_done(answer, 201)
        assert set(answer.json()) == {"id", "status", "request_id"}
        assert answer.json()["status"] == "pending"

    def test_the_mac_is_asked_to_mark_the_chat_as_read(self, alice: Customer, form: Form) -> None:
        made = form.ask(alice, colour="blue").json()

        (signal,) = alice.mac.signals()
        assert (signal.id, signal.signal) == (made["id"], MarkRead(ADA, (f"iMessage;-;{ADA}",)))
        assert alice.item(made["id"])["payload"] == form.asked

    def test_a_group_is_named_by_its_id(self, alice: Customer, form: Form) -> None:
        alice.mac.sees(text_in_group("chat100", ADA, alice.line))
        group = next(chat for chat in alice.get("/v1/chats", {"from": alice.line}).json()["data"] if chat["is_group"])

        assert_done(form.ask(alice, to=group["id"]), 201)

        (signal,) = alice.mac.signals()
        assert signal.signal == MarkRead(None, ("iMessage;+;chat100",))

    @each_write_refusal
    def test_a_line_or_chat_that_is_wrong_is_told(
        self, alice: Customer, form: Form, changes: dict[str, object], status: int, code: str, param: str
    ) -> None:
        assert_refused(form.ask(alice, **changes), status, code, param)
        assert alice.world.rows("signals") == 0

    def test_a_line_without_receipts_needs_advanced_features(self, alice: Customer, form: Form) -> None:
        alice.mac.hello(alice.line, capabilities=("replies", "reactions", "audio", "typing"))

        assert_refused(form.ask(alice, to=CARL), 400, "advanced_features_required")

    def test_the_key_is_judged_first(self, alice: Customer, form: Form) -> None:
        assert_key_is_judged(alice, form)
        assert_line_is_judged(alice, form)
        assert_body_is_judged(alice, form)


class TestReading:
    def test_a_receipt_is_exactly_as_in_the_seed(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_read(alice.line, NOON_MS - 3))

        answer = query.ask(alice)

        assert_done(answer)
        (receipt,) = answer.json()["data"]
        assert receipt.pop("id").startswith("rcp_")
        assert receipt == {
            "chat_id": alice.messages()[0]["chat_id"],
            "handle": ADA,
            "last_read_at": NOON_MS - 3,
            "synced_at": NOON_MS,
        }
        assert (answer.json()["has_more"], answer.json()["next_cursor"]) == (False, None)

    def test_nothing_read_is_an_empty_list(self, alice: Customer, query: Form) -> None:
        assert query.ask(alice).json()["data"] == []

    def test_it_is_one_row_that_goes_forward_only(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_read(alice.line, NOON_MS - 9))
        (first,) = query.ask(alice).json()["data"]
        alice.world.clock.ms += 5
        alice.mac.sees(_read(alice.line, NOON_MS - 3))
        (later,) = query.ask(alice).json()["data"]
        alice.world.clock.ms += 5

        alice.mac.sees(_read(alice.line, NOON_MS - 6), _read(alice.line, NOON_MS - 3))

        assert later == first | {"last_read_at": NOON_MS - 3, "synced_at": NOON_MS + 5}
        assert query.ask(alice).json()["data"] == [later]

    def test_the_reader_is_one_person_in_every_notation(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_read(alice.line, NOON_MS - 9, handle="(555) 010-0001"), _read(alice.line, NOON_MS - 3))

        assert [receipt["handle"] for receipt in query.ask(alice).json()["data"]] == [ADA]

    def test_a_group_has_none(self, alice: Customer, query: Form) -> None:
        seen = text_in_group("chat100", ADA, alice.line)
        alice.mac.sees(seen, _read(alice.line, NOON_MS, chat=seen.chat))
        group = next(chat for chat in alice.get("/v1/chats", {"from": alice.line}).json()["data"] if chat["is_group"])

        answer = query.ask(alice, to=group["id"])

        assert_done(answer)
        assert answer.json()["data"] == []

    def test_pages_may_be_asked_for(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(_read(alice.line, NOON_MS))

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
