"""POST and GET /v1/receipts."""

import pytest

from blueport.protocol.commands import MarkRead
from blueport.protocol.sightings import ReceiptSeen, Sighting
from tests.server.answers import assert_done
from tests.server.refusals import Form, ReadingPeers, Writing, to_ada
from tests.server.world import ADA, NOON_MS, Customer, Json, chat_with, text_in_group

PATH = "/v1/receipts"


@pytest.fixture
def form(alice: Customer) -> Form:
    alice.is_ready_for("receipts")
    return to_ada(alice, "POST", PATH)


@pytest.fixture
def query(alice: Customer) -> Form:
    alice.hears(ADA)
    return to_ada(alice, "GET", PATH)


@pytest.fixture(scope="module")
def still_form(still_alice: Customer) -> Form:
    still_alice.is_ready_for("receipts")
    return to_ada(still_alice, "POST", PATH)


@pytest.fixture(scope="module")
def still_query(still_form: Form) -> Form:
    return still_form._replace(method="GET")


def _read(line: str, read_at: int = NOON_MS, **more: Json) -> Sighting:
    return ReceiptSeen(line_handle=line, read_at=read_at, **({"chat": chat_with(ADA), "handle": ADA} | more))


class TestWriting(Writing):
    capability = "receipts"

    def test_the_mac_is_asked_to_mark_the_chat_as_read(self, alice: Customer, form: Form) -> None:
        made = form.ask(alice, colour="blue").json()

        (signal,) = alice.mac.signals()
        assert (signal.id, signal.signal) == (made["id"], MarkRead(ADA, (f"iMessage;-;{ADA}",)))
        assert alice.item(made["id"])["payload"] == form.asked

    def test_a_group_is_named_by_its_id(self, alice: Customer, form: Form) -> None:
        alice.mac.sees(text_in_group("chat100", ADA, alice.line))

        assert_done(form.ask(alice, to=alice.group()), 201)

        (signal,) = alice.mac.signals()
        assert signal.signal == MarkRead(None, ("iMessage;+;chat100",))


class TestReading(ReadingPeers):
    seen = staticmethod(_read)

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
