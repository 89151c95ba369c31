"""GET /v1/outbox: every kind of accepted work, and what becomes of it."""

import pytest

from blueport.protocol.door import ClaimedItem
from blueport.protocol.sightings import MessageChanged, Proof, Sighting
from blueport.server.ids import LineId
from tests.server.answers import assert_done, assert_refused
from tests.server.refusals import NOBODYS_ID, Form, assert_key_is_judged
from tests.server.world import ADA, NOON_MS, Customer, Json, proof_of, reaction_to, text_from

PATH = "/v1/outbox"
MORE = {
    "/v1/messages": {"text": "Hello"},
    "/v1/audio-messages": {},
    "/v1/reactions": {"type": "love"},
    "/v1/typing": {},
    "/v1/receipts": {},
}
each_kind = pytest.mark.parametrize("path", MORE)


@pytest.fixture
def asked(alice: Customer, path: str) -> Json:
    """Return a request to that path that is accepted."""
    guid = alice.is_ready_for("audio", "reactions", "typing", "receipts")
    about = {"/v1/reactions": {"message_id": guid}, "/v1/audio-messages": {"audio_message": alice.keeps()}}
    return {"from": alice.line, "to": ADA} | MORE[path] | about.get(path, {})


def _row_of(item: ClaimedItem, asked: Json) -> Sighting:
    """Return the row of chat.db that proves an item sent."""
    proof = Proof(item.id, item.token)
    if "message_id" in asked:
        return reaction_to(asked["message_id"], item.line_handle, None, proves=proof)
    return text_from(ADA, item.line_handle, asked.get("text"), is_from_me=True, sender=None, proves=proof)


@each_kind
class TestEachKind:
    def test_a_pending_item_is_exactly_as_in_the_seed(self, alice: Customer, path: str, asked: Json) -> None:
        outbox_id = alice.post(path, asked).json()["id"]

        answer = alice.get(PATH, {"id": outbox_id})

        assert_done(answer)
        item = answer.json()
        del item["request_id"]
        assert item == {
            "id": outbox_id,
            "line_id": alice.line_id,
            "status": "pending",
            "payload": asked,
            "completed_at": None,
            "error": None,
            "attempts": 0,
            "max_attempts": 5,
            "created_at": NOON_MS,
        }

    def test_its_way_to_sent(self, alice: Customer, path: str, asked: Json) -> None:
        outbox_id = alice.post(path, asked).json()["id"]
        alice.world.clock.ms += 7

        for item in alice.mac.claim():
            assert alice.item(outbox_id)["status"] == "claimed"
            assert alice.mac.begin(item)
            alice.mac.sees(_row_of(item, asked))
        for signal in alice.mac.signals():
            assert alice.item(outbox_id)["status"] == "claimed"
            assert alice.mac.done(signal)

        item = alice.item(outbox_id)
        assert (item["status"], item["error"], item["attempts"]) == ("sent", None, 1)
        assert item["completed_at"] == NOON_MS + 7

    # srv-035
    def test_its_way_to_failed(self, alice: Customer, path: str, asked: Json) -> None:
        outbox_id = alice.post(path, asked).json()["id"]

        for item in alice.mac.claim():
            assert alice.mac.fail(item, "messages_error_22", permanent=True)
        for signal in alice.mac.signals():
            assert alice.mac.fail_signal(signal, "messages_error_22", permanent=True)

        item = alice.item(outbox_id)
        assert (item["status"], item["error"], item["completed_at"]) == ("failed", "messages_error_22", NOON_MS)

    def test_an_error_that_is_history_is_not_shown(self, alice: Customer, path: str, asked: Json) -> None:
        outbox_id = alice.post(path, asked).json()["id"]

        for item in alice.mac.claim():
            alice.mac.fail(item, "busy")
        for signal in alice.mac.signals():
            alice.mac.fail_signal(signal, "busy")

        item = alice.item(outbox_id)
        assert (item["status"], item["error"], item["completed_at"]) == ("pending", None, None)

    def test_a_key_of_another_line_does_not_find_it(self, alice: Customer, path: str, asked: Json) -> None:
        outbox_id = alice.post(path, asked).json()["id"]
        other = alice.world.add_line(alice.account_id, "+15550101001", alice.mac)

        answer = alice.caller(line_ids=(LineId(other),)).get(PATH, {"id": outbox_id})

        assert_refused(answer, 404, "outbox_item_not_found", "id")

    def test_another_account_does_not_find_it(self, alice: Customer, bob: Customer, path: str, asked: Json) -> None:
        outbox_id = alice.post(path, asked).json()["id"]

        assert_refused(bob.get(PATH, {"id": outbox_id}), 404, "outbox_item_not_found", "id")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, "missing_required_parameter"),
        ({"id": ""}, 400, "invalid_parameter_value"),
        ({"id": "msg_01"}, 400, "invalid_parameter_value"),
        ({"id": "OBX_01"}, 400, "invalid_parameter_value"),
        ({"id": "obx"}, 400, "invalid_parameter_value"),
        ({"id": "5"}, 400, "invalid_parameter_value"),
        ({"id": "obx_"}, 404, "outbox_item_not_found"),
        ({"id": f"obx_{NOBODYS_ID}"}, 404, "outbox_item_not_found"),
        ({"id": "obx_" + "x" * 5_000}, 404, "outbox_item_not_found"),
    ],
)
def test_what_is_wrong_is_told(still: Customer, query: dict[str, str], status: int, code: str) -> None:
    assert_refused(still.get(PATH, query), status, code, "id")


def test_the_payload_repeats_what_was_asked(alice: Customer) -> None:
    guid = alice.is_ready_for("replies")
    asked = {"from": alice.line_id, "to": "(555) 010-0001", "text": "Hello", "reply_to": guid}

    made = alice.post("/v1/messages", asked).json()

    assert alice.item(made["id"])["payload"] == asked


# send-30
@pytest.mark.parametrize(("extended", "shown"), [(False, None), (True, "sent_from_other_line")])
def test_that_it_went_out_from_another_line_is_told_who_asks_for_more(
    alice: Customer, shown: str | None, *, extended: bool
) -> None:
    if extended:
        alice.sets(extended_events=True)
    alice.hears(ADA)
    outbox_id = alice.sends()
    (item,) = alice.mac.claim()
    assert alice.mac.begin(item)

    alice.mac.sees(proof_of(item, proves=Proof(item.id, item.token, "+15550101999")))

    said = alice.item(outbox_id)
    assert (said["status"], said["error"], said.get("warning")) == ("sent", None, shown)
    assert ("warning" in said) == extended


def test_a_warning_of_a_part_stands_at_the_whole(alice: Customer) -> None:
    alice.sets(extended_events=True)
    alice.hears(ADA)
    whole = alice.accepted("/v1/messages", text="Look", attachments=[alice.keeps()])

    for sent_from in ("+15550101999", None):
        (item,) = alice.mac.claim()
        assert alice.mac.begin(item)
        alice.mac.sees(proof_of(item, proves=Proof(item.id, item.token, sent_from)))

    assert (alice.item(whole)["status"], alice.item(whole)["warning"]) == ("sent", "sent_from_other_line")


def test_an_id_given_twice_is_refused(still: Customer) -> None:
    assert_refused(still.call("GET", f"{PATH}?id=obx_1&id=obx_2"), 400, "invalid_parameter_value", "id")


def test_the_key_is_judged_first(alice: Customer) -> None:
    alice.hears(ADA)

    assert_key_is_judged(alice, Form("GET", PATH, "outbox:read", {"id": alice.sends()}))


@pytest.mark.parametrize(
    ("line_service", "went_by", "told"),
    [("imessage", "iMessage", None), ("imessage", "SMS", "sms"), ("sms", "RCS", "rcs"), ("auto", "SMS", None)],
)
def test_what_went_by_another_service_than_its_line_is_for_says_so(  # send-20
    alice: Customer, line_service: str, went_by: str, told: str | None
) -> None:
    line = "+15550101009"
    alice.world.add_line(alice.account_id, line, alice.mac, line_service)
    alice.mac.hello(alice.line, line)
    alice.mac.sees(text_from(ADA, line))
    outbox_id = alice.post("/v1/messages", {"from": line, "to": ADA, "text": "Hi"}).json()["id"]
    [item] = alice.mac.claim()

    assert (item.command.service, "sent_by" in alice.item(outbox_id)) == (line_service, False)
    assert alice.mac.begin(item)
    alice.mac.sees(proof_of(item, service=went_by))

    assert (alice.item(outbox_id)["status"], alice.item(outbox_id).get("sent_by")) == ("sent", told)


def test_what_was_sent_by_another_service_after_all_says_so(alice: Customer) -> None:  # send-20
    alice.hears(ADA)
    outbox_id = alice.sends()
    [item] = alice.mac.claim()
    seen = alice.mac.sends(item)

    alice.mac.sees(MessageChanged(alice.line, seen.guid, seen.text, service="SMS"))

    assert (alice.item(outbox_id)["status"], alice.item(outbox_id)["sent_by"]) == ("sent", "sms")
