"""POST /v1/chats: a group is begun with its first message, by people who have all written to the line."""

import pytest

from blueport.protocol.commands import CreateGroup
from blueport.protocol.door import ClaimedItem
from blueport.protocol.sightings import ChatSeen, Proof
from blueport.server.customizing import queries as customizing
from tests.server.answers import assert_done, assert_refused
from tests.server.refusals import Form, assert_body_is_judged, assert_key_is_judged, assert_line_is_judged
from tests.server.world import ADA, CARL, Customer, Json, text_from, text_in_group

PATH = "/v1/chats"
DORA = "dora@example.com"
BEGUN = "chat4711"


@pytest.fixture
def form(alice: Customer) -> Form:
    """Return a request for a group of Ada and Carl, who have both written to a line that can begin groups."""
    alice.mac.hello(alice.line, capabilities=("groups",))
    for person in (ADA, CARL):
        alice.hears(person)
    asked = {"from": alice.line, "participants": [ADA, CARL], "text": "Hi all", "name": "Trip"}
    return Form("POST", PATH, "messages:write", asked)


def claimed(customer: Customer) -> ClaimedItem:
    (item,) = customer.mac.claim()
    assert customer.mac.begin(item)
    return item


def begins(customer: Customer, item: ClaimedItem, group: str = BEGUN) -> None:
    """See the first message of a group in Messages, as what *item* has done."""
    chat = ChatSeen(f"any;+;{group}", group, is_group=True, service="iMessage", name="Trip", participants=(ADA, CARL))
    proof = Proof(item.id, item.token)
    customer.mac.sees(
        text_from(ADA, customer.line, "Hi all", chat=chat, is_from_me=True, sender=None, proves=proof),
    )


def groups(customer: Customer) -> list[Json]:
    chats = customer.get(PATH, {"from": customer.line}).json()["data"]
    return [chat for chat in chats if chat["is_group"]]


class TestAccepted:
    def test_the_answer_is_exactly_id_status_and_request_id(self, alice: Customer, form: Form) -> None:
        answer = form.ask(alice)

        assert_done(answer, 201)
        assert set(answer.json()) == {"id", "status", "request_id"}
        assert alice.item(answer.json()["id"])["payload"] == form.asked

    def test_the_mac_is_told_who_they_are_and_what_to_say(self, alice: Customer, form: Form) -> None:
        alice.hears(DORA)
        form.ask(alice, participants=[" +1 (555) 010-0001", "Dora@Example.com", ADA], name=...)

        assert claimed(alice).command == CreateGroup((ADA, DORA), "Hi all")

    def test_until_it_is_seen_it_is_no_chat(self, alice: Customer, form: Form) -> None:
        form.ask(alice)

        assert groups(alice) == []


class TestProven:
    def test_its_first_message_ends_the_item_and_makes_it_a_chat(self, alice: Customer, form: Form) -> None:
        outbox_id = form.ask(alice).json()["id"]

        begins(alice, claimed(alice))

        (group,) = groups(alice)
        assert (group["identifier"], group["name"], group["participants"]) == (BEGUN, "Trip", [ADA, CARL])
        (message,) = alice.messages(group["id"])
        assert (message["outbox_id"], message["chat_id"], message["text"]) == (outbox_id, group["id"], "Hi all")
        assert alice.item(outbox_id)["status"] == "sent"
        assert [kind for kind, _ in alice.world.events()].count("message.sent") == 1

    def test_a_failure_names_the_chat_that_never_came_to_be(self, alice: Customer, form: Form) -> None:
        alice.world.do(customizing.change_preferences, alice.account_id, {"extended_events": 1})
        outbox_id = form.ask(alice).json()["id"]

        alice.mac.fail(claimed(alice), "outcome_unknown", permanent=True)

        kind, data = alice.world.events()[-1]
        assert (kind, data["id"]) == ("message.failed", outbox_id)
        assert groups(alice) == []
        to_it = {"from": alice.line, "to": data["chat_id"], "text": "Hi"}
        assert_refused(alice.post("/v1/messages", to_it), 403, "contact_has_not_messaged", "to")

    def test_where_messages_has_that_group_it_goes_on_there(self, alice: Customer, form: Form) -> None:
        alice.mac.sees(text_in_group(BEGUN, ADA, alice.line))
        (known,) = groups(alice)
        form.ask(alice)

        begins(alice, claimed(alice))

        assert [group["id"] for group in groups(alice)] == [known["id"]]
        assert len(alice.messages(known["id"])) == 2

    def test_two_groups_of_the_same_people_stay_apart(self, alice: Customer, form: Form) -> None:
        for group in (BEGUN, "chat4712"):
            form.ask(alice, text=group)
            begins(alice, claimed(alice), group)

        assert {group["identifier"] for group in groups(alice)} == {BEGUN, "chat4712"}

    def test_what_follows_waits_for_somebodys_answer(self, alice: Customer, form: Form) -> None:
        form.ask(alice)
        begins(alice, claimed(alice))
        (group,) = groups(alice)
        body = {"from": alice.line, "to": group["id"], "text": "Anybody?"}
        assert_refused(alice.post("/v1/messages", body), 403, "contact_has_not_messaged", "to")

        alice.mac.sees(text_in_group(BEGUN, ADA, alice.line))

        assert_done(alice.post("/v1/messages", body), 201)


class TestRefused:
    @pytest.mark.parametrize(
        ("changes", "code", "param"),
        [
            ({"from": ...}, "missing_required_parameter", "from"),
            ({"participants": ...}, "missing_required_parameter", "participants"),
            ({"text": ...}, "missing_required_parameter", "text"),
            ({"participants": ADA}, "invalid_parameter_value", "participants"),
            ({"participants": []}, "invalid_parameter_value", "participants"),
            ({"participants": [ADA]}, "invalid_parameter_value", "participants"),
            ({"participants": [ADA, "+1 555 010 0001"]}, "invalid_parameter_value", "participants"),
            ({"participants": [ADA, "nobody"]}, "invalid_parameter_value", "participants"),
            ({"participants": [ADA, "cht_1"]}, "invalid_parameter_value", "participants"),
            ({"participants": [f"+1555010{n:04}" for n in range(32)]}, "invalid_parameter_value", "participants"),
            ({"text": " "}, "invalid_parameter_value", "text"),
            ({"text": "x" * 20_001}, "invalid_parameter_value", "text"),
            ({"name": ""}, "invalid_parameter_value", "name"),
            ({"name": "x" * 101}, "invalid_parameter_value", "name"),
        ],
    )
    def test_what_is_wrong_is_told(self, alice: Customer, form: Form, changes: Json, code: str, param: str) -> None:
        assert_refused(form.ask(alice, **changes), 400, code, param)
        assert alice.world.rows("outbox") == 0

    def test_the_key_the_line_and_the_body_are_judged(self, alice: Customer, form: Form) -> None:
        assert_key_is_judged(alice, form)
        assert_line_is_judged(alice, form)
        assert_body_is_judged(alice, form)

    def test_each_of_them_must_have_written(self, alice: Customer, form: Form) -> None:
        answer = form.ask(alice, participants=[ADA, CARL, DORA])

        assert_refused(answer, 403, "contact_has_not_messaged", "participants")
        assert groups(alice) == []

    def test_who_opted_out_is_in_no_new_group(self, alice: Customer, form: Form) -> None:
        alice.world.do(customizing.change_preferences, alice.account_id, {"stop_handling": 1})
        alice.hears(CARL, "STOP")

        assert_refused(form.ask(alice), 403, "contact_opted_out", "participants")

    def test_a_line_that_cannot_do_it_needs_advanced_features(self, alice: Customer, form: Form) -> None:
        alice.mac.hello(alice.line, capabilities=("replies", "edit"))

        assert_refused(form.ask(alice), 400, "advanced_features_required")
