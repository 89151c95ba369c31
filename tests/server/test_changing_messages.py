"""POST /v1/messages/edit and /v1/messages/unsend: what a line has sent is changed, or taken back."""

import msgspec
import pytest

from blueport.protocol.commands import EditText, Unsend
from blueport.protocol.door import ClaimedItem
from blueport.protocol.sightings import AttachmentSeen, MessageChanged, Proof
from blueport.server.customizing import queries as customizing
from tests.server.answers import assert_done, assert_refused
from tests.server.receiver import Receiver
from tests.server.refusals import NOBODYS_ID, Form, assert_body_is_judged, assert_key_is_judged
from tests.server.world import ADA, MINUTE_MS, NOON_MS, Customer, Json, text_from, text_in_group

EDIT, UNSEND = "/v1/messages/edit", "/v1/messages/unsend"
PHOTO = AttachmentSeen("at_0", "cat.heic", "image/heic", 3)
each_change = pytest.mark.parametrize("path", [EDIT, UNSEND])
CAPABILITY = {EDIT: "edit", UNSEND: "unsend"}


@pytest.fixture
def ours(alice: Customer) -> str:
    """Have Ada write to a line that can change what it has sent, and be answered; return the answer's guid."""
    return answered(alice)


def answered(customer: Customer, text: str | None = "Teh", **more: Json) -> str:
    customer.mac.hello(customer.line, capabilities=("edit", "unsend"))
    customer.hears(ADA, sent_at=NOON_MS - 1)
    seen = text_from(ADA, customer.line, text, is_from_me=True, sender=None, sent_at=NOON_MS, **more)
    customer.mac.sees(seen)
    return seen.guid


def ask(customer: Customer, path: str, guid: str, text: str = "The") -> Json:
    return customer.post(path, {"message_id": guid} | ({"text": text} if path == EDIT else {}))


def claimed(customer: Customer) -> ClaimedItem:
    (item,) = customer.mac.claim()
    assert customer.mac.begin(item)
    return item


def made(customer: Customer, item: ClaimedItem, **more: Json) -> MessageChanged:
    """Return the sighting of what an item has made of its message."""
    text = getattr(item.command, "text", None)
    at = {"unsent_at": NOON_MS + 2} if text is None else {"edited_at": NOON_MS + 1}
    proof = Proof(item.id, item.token)
    return MessageChanged(customer.line, item.command.message_guid, text, **({"proves": proof} | at | more))


def refuse(customer: Customer, path: str, guid: str, words: str) -> None:
    answer = ask(customer, path, guid)
    assert_refused(answer, 400, "invalid_parameter_value", "message_id")
    assert words in answer.json()["error"]["message"]


class TestAccepted:
    @each_change
    def test_the_answer_is_exactly_id_status_and_request_id(self, alice: Customer, ours: str, path: str) -> None:
        answer = ask(alice, path, ours)

        assert_done(answer, 201)
        assert set(answer.json()) == {"id", "status", "request_id"}
        assert answer.json()["id"].startswith("obx_")

    def test_the_mac_is_told_what_to_do_and_until_when(self, alice: Customer, ours: str) -> None:
        edit, unsend = ask(alice, EDIT, ours).json()["id"], ask(alice, UNSEND, ours).json()["id"]

        commands = {item.id: item.command for item in alice.mac.claim()}

        chat = (ADA, (f"iMessage;-;{ADA}",))
        assert commands == {
            edit: EditText(*chat, ours, "The", expires_at=NOON_MS + 15 * MINUTE_MS),
            unsend: Unsend(*chat, ours, expires_at=NOON_MS + 2 * MINUTE_MS),
        }
        assert alice.item(edit)["payload"] == {"message_id": ours, "text": "The"}
        assert alice.item(unsend)["payload"] == {"message_id": ours}

    def test_the_message_may_be_named_by_id_and_guid(self, alice: Customer, ours: str) -> None:
        for name in (alice.messages()[0]["id"], ours, f"p:0/{ours}"):
            assert_done(ask(alice, EDIT, name), 201)

        assert [item.command.message_guid for item in alice.mac.claim()] == [ours] * 3

    def test_what_was_sent_into_a_group_is_changed_there(self, alice: Customer) -> None:
        alice.mac.hello(alice.line, capabilities=("edit",))
        theirs = text_in_group("chat100", ADA, alice.line)
        mine = text_in_group("chat100", ADA, alice.line, "Teh", is_from_me=True, sender=None)
        alice.mac.sees(theirs, mine)

        assert_done(ask(alice, EDIT, mine.guid), 201)

        (item,) = alice.mac.claim()
        assert (item.command.recipient, item.command.chat_guids) == (None, ("iMessage;+;chat100",))

    def test_of_a_guid_that_two_lines_know_it_is_that_of_the_sender(self, alice: Customer, ours: str) -> None:
        second = "+15550101001"
        alice.world.add_line(alice.account_id, second, alice.mac)
        alice.mac.sees(text_from(alice.line, second, "Teh", guid=ours))

        assert_done(ask(alice, EDIT, ours), 201)

        assert [item.line_handle for item in alice.mac.claim()] == [alice.line]

    def test_it_keeps_the_order_of_the_line(self, alice: Customer, ours: str) -> None:
        ids = [alice.sends("Before"), ask(alice, EDIT, ours).json()["id"], alice.sends("After")]

        assert [item.id for item in alice.mac.claim()] == ids

    def test_a_file_is_taken_back(self, alice: Customer) -> None:
        guid = answered(alice, text=None, attachments=(PHOTO,))

        assert_done(ask(alice, UNSEND, guid), 201)


class TestRefused:
    @pytest.mark.parametrize(
        ("path", "changes", "code", "param"),
        [
            (EDIT, {"message_id": ...}, "missing_required_parameter", "message_id"),
            (EDIT, {"text": ...}, "missing_required_parameter", "text"),
            (EDIT, {"message_id": 5}, "invalid_parameter_value", "message_id"),
            (EDIT, {"text": 5}, "invalid_parameter_value", "text"),
            (EDIT, {"text": ""}, "invalid_parameter_value", "text"),
            (EDIT, {"text": " \ufffc"}, "invalid_parameter_value", "text"),
            (EDIT, {"text": "x" * 20_001}, "invalid_parameter_value", "text"),
            (EDIT, {"text": "a\0b"}, "invalid_parameter_value", "text"),
            (UNSEND, {"message_id": ...}, "missing_required_parameter", "message_id"),
            (UNSEND, {"message_id": "obx_1"}, "invalid_parameter_value", "message_id"),
        ],
    )
    def test_what_is_wrong_is_told(self, alice: Customer, path: str, changes: Json, code: str, param: str) -> None:
        form = Form("POST", path, "messages:write", {"message_id": answered(alice), "text": "The"})

        assert_refused(form.ask(alice, **changes), 400, code, param)
        assert alice.world.rows("outbox") == 0

    @each_change
    @pytest.mark.parametrize("name", [f"msg_{NOBODYS_ID}", "no guid"])
    def test_a_message_that_there_is_not_is_not_found(self, alice: Customer, path: str, name: str) -> None:
        assert_refused(ask(alice, path, name), 404, "message_not_found", "message_id")

    @each_change
    def test_the_key_is_judged_first(self, alice: Customer, ours: str, path: str) -> None:
        form = Form("POST", path, "messages:write", {"message_id": ours, "text": "The"})

        assert_key_is_judged(alice, form)
        assert_body_is_judged(alice, form)

    @each_change
    def test_a_message_of_a_line_that_the_key_may_not_use_or_of_others_is_not_found(
        self, alice: Customer, bob: Customer, ours: str, path: str
    ) -> None:
        other = alice.world.add_line(alice.account_id, "+15550101009", alice.mac)
        body = {"message_id": ours, "text": "The"}

        for caller in (bob, alice.caller(line_ids=(other,))):
            assert_refused(caller.post(path, body), 404, "message_not_found", "message_id")

    @each_change
    def test_a_line_that_cannot_do_it_needs_advanced_features(self, alice: Customer, ours: str, path: str) -> None:
        others = {"edit", "unsend", "replies", "reactions"} - {CAPABILITY[path]}
        alice.mac.hello(alice.line, capabilities=tuple(others))

        assert_refused(ask(alice, path, ours), 400, "advanced_features_required")

    @each_change
    def test_what_others_wrote_is_theirs(self, alice: Customer, ours: str, path: str) -> None:
        assert ours
        theirs = alice.messages()[1]["guid"]

        refuse(alice, path, theirs, "the line itself")

    @each_change
    def test_an_sms_stays_as_it_is(self, alice: Customer, path: str) -> None:
        refuse(alice, path, answered(alice, service="SMS"), "iMessage")

    @pytest.mark.parametrize(("path", "within_ms"), [(EDIT, 15 * MINUTE_MS), (UNSEND, 2 * MINUTE_MS)])
    def test_after_its_time_it_is_too_late(self, alice: Customer, ours: str, path: str, within_ms: int) -> None:
        alice.world.clock.ms = NOON_MS + within_ms
        assert_done(ask(alice, path, ours), 201)
        alice.mac.fail(claimed(alice), "not today", permanent=True)

        alice.world.clock.ms += 1

        refuse(alice, path, ours, "too late")

    def test_a_sixth_edit_is_one_too_many_and_one_that_failed_does_not_count(self, alice: Customer, ours: str) -> None:
        for number in range(6):
            assert_done(ask(alice, EDIT, ours, f"Number {number}"), 201)
            if number == 0:
                alice.mac.fail(claimed(alice), "not today", permanent=True)

        refuse(alice, EDIT, ours, "5 times")

    @each_change
    def test_what_is_or_will_be_unsent_is_not_changed_any_more(self, alice: Customer, ours: str, path: str) -> None:
        assert_done(ask(alice, UNSEND, ours), 201)
        refuse(alice, path, ours, "was unsent")
        item = claimed(alice)
        alice.mac.fail(item, "outcome_unknown", permanent=True)

        alice.mac.sees(MessageChanged(alice.line, ours, None, unsent_at=NOON_MS))

        refuse(alice, path, ours, "was unsent")

    def test_a_message_of_more_than_one_part_is_neither_edited_nor_unsent(self, alice: Customer) -> None:
        guid = answered(alice, attachments=(PHOTO,))

        refuse(alice, EDIT, guid, "nothing else")
        refuse(alice, UNSEND, guid, "one text, or one file")

    def test_a_file_has_no_text_to_edit(self, alice: Customer) -> None:
        refuse(alice, EDIT, answered(alice, text=None, attachments=(PHOTO,)), "nothing else")

    @each_change
    def test_where_nobody_else_has_written_nothing_is_changed(self, alice: Customer, path: str) -> None:
        alice.mac.hello(alice.line, capabilities=("edit", "unsend"))
        seen = text_from(ADA, alice.line, "Teh", is_from_me=True, sender=None)
        alice.mac.sees(seen)

        assert_refused(ask(alice, path, seen.guid), 403, "contact_has_not_messaged", "message_id")

    @each_change
    def test_who_opted_out_is_left_alone(self, alice: Customer, ours: str, path: str) -> None:
        alice.world.do(customizing.change_preferences, alice.account_id, {"stop_handling": 1})
        alice.hears(ADA, "STOP")

        assert_refused(ask(alice, path, ours), 403, "contact_opted_out", "message_id")


class TestProven:
    @pytest.fixture
    def alice(self, alice: Customer) -> Customer:
        """Return a customer who has switched extended events on."""
        alice.world.do(customizing.change_preferences, alice.account_id, {"extended_events": 1})
        return alice

    def test_the_changed_row_ends_the_item_and_is_one_event(
        self, alice: Customer, ours: str, receiver: Receiver
    ) -> None:
        alice.webhook(receiver.url, "message.edited")
        outbox_id = ask(alice, EDIT, ours).json()["id"]
        seen = made(alice, claimed(alice))

        alice.mac.sees(seen, seen)
        alice.mac.sees(seen)

        assert alice.item(outbox_id)["status"] == "sent"
        assert alice.messages()[0]["text"] == "The"
        (heard,) = receiver.waits_for(1)
        assert (heard.body["data"]["text"], heard.body["data"]["previous_text"]) == ("The", "Teh")
        assert kinds(alice).count("message.edited") == 1
        assert kinds(alice).count("message.sent") == 1

    def test_an_unsend_is_one_event_too(self, alice: Customer, ours: str) -> None:
        outbox_id = ask(alice, UNSEND, ours).json()["id"]
        seen = made(alice, claimed(alice))

        alice.mac.sees(seen, seen)

        assert alice.item(outbox_id)["status"] == "sent"
        assert (alice.messages()[0]["text"], kinds(alice).count("message.unsent")) == (None, 1)

    def test_a_message_that_was_so_already_proves_without_an_event(self, alice: Customer, ours: str) -> None:
        outbox_id = ask(alice, EDIT, ours, "Teh").json()["id"]

        alice.mac.sees(made(alice, claimed(alice), edited_at=None))

        assert alice.item(outbox_id)["status"] == "sent"
        assert "message.edited" not in kinds(alice)

    def test_a_proof_of_an_item_that_has_ended_changes_the_message_alone(self, alice: Customer, ours: str) -> None:
        outbox_id = ask(alice, EDIT, ours).json()["id"]
        item = claimed(alice)
        alice.mac.fail(item, "outcome_unknown", permanent=True)

        alice.mac.sees(made(alice, item))

        assert (alice.item(outbox_id)["status"], alice.messages()[0]["text"]) == ("failed", "The")

    def test_one_account_cannot_prove_for_another(self, alice: Customer, bob: Customer, ours: str) -> None:
        outbox_id = ask(alice, EDIT, ours).json()["id"]
        item = claimed(alice)

        bob.mac.sees(msgspec.structs.replace(made(alice, item), line_handle=bob.line))

        assert (alice.item(outbox_id)["status"], alice.messages()[0]["text"]) == ("claimed", "Teh")

    def test_a_failure_is_told_as_of_any_item(self, alice: Customer, ours: str) -> None:
        outbox_id = ask(alice, EDIT, ours).json()["id"]

        alice.mac.fail(claimed(alice), "expired", permanent=True)

        assert alice.item(outbox_id)["error"] == "expired"
        assert kinds(alice)[-1] == "message.failed"


def kinds(customer: Customer) -> list[str]:
    """Return the types of all events, the oldest first."""
    return [kind for kind, _ in customer.world.events()]
