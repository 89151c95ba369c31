"""POST /v1/chats/rename, add, remove and leave: what a line does to a group, and what is known of it then."""

import pytest

from blueport.protocol.commands import AddMember, LeaveGroup, RemoveMember, RenameGroup
from blueport.protocol.door import ClaimedItem
from blueport.protocol.sightings import ChatSeen, GroupChanged, Proof
from blueport.server.customizing import queries as customizing
from tests.server.answers import assert_done, assert_refused
from tests.server.endpoints import SCOPE_OF
from tests.server.refusals import Form, assert_body_is_judged, assert_key_is_judged, assert_line_is_judged
from tests.server.world import ADA, CARL, NOON_MS, Customer, Json, text_in_group

GROUP, GUIDS = "chat100", ("iMessage;+;chat100",)
DORA = "dora@example.com"
CHANGES = {
    "/v1/chats/rename": ({"name": "Trip"}, RenameGroup(None, GUIDS, "Trip")),
    "/v1/chats/add": ({"participant": "Dora@Example.com"}, AddMember(None, GUIDS, DORA)),
    "/v1/chats/remove": ({"participant": "+1 555 010-0002"}, RemoveMember(None, GUIDS, CARL)),
    "/v1/chats/leave": ({}, LeaveGroup(None, GUIDS)),
}
each_change = pytest.mark.parametrize("path", CHANGES)


@pytest.fixture
def group(alice: Customer) -> str:
    """Have Ada write into a group, and Dora to the line, which can change groups; return the group's chat."""
    alice.mac.hello(alice.line, capabilities=("groups",))
    alice.hears(DORA)
    alice.mac.sees(text_in_group(GROUP, ADA, alice.line, sent_at=NOON_MS))
    return alice.group()


def form_of(customer: Customer, path: str, group: str) -> Form:
    more, _ = CHANGES[path]
    return Form("POST", path, SCOPE_OF["POST", path], {"from": customer.line, "to": group, **more})


def claimed(customer: Customer) -> ClaimedItem:
    (item,) = customer.mac.claim()
    assert customer.mac.begin(item)
    return item


def shown(customer: Customer) -> Json:
    (group,) = [chat for chat in customer.get("/v1/chats", {"from": customer.line}).json()["data"] if chat["is_group"]]
    return group


class TestAccepted:
    @each_change
    def test_the_mac_is_told_what_to_do_to_which_group(self, alice: Customer, group: str, path: str) -> None:
        answer = form_of(alice, path, group).ask(alice)

        assert_done(answer, 201)
        assert set(answer.json()) == {"id", "status", "request_id"}
        assert claimed(alice).command == CHANGES[path][1]


class TestProven:
    def test_the_item_is_sent_and_the_group_is_as_it_was_seen(self, alice: Customer, group: str) -> None:
        outbox_id = form_of(alice, "/v1/chats/rename", group).ask(alice).json()["id"]
        item = claimed(alice)
        chat = ChatSeen(GUIDS[0], GROUP, is_group=True, service="iMessage", name="Trip", participants=(ADA, CARL, DORA))
        seen = GroupChanged(alice.line, "GUID-event", chat, NOON_MS + 9, Proof(item.id, item.token))

        alice.mac.sees(seen, seen)

        assert alice.item(outbox_id)["status"] == "sent"
        assert (shown(alice)["name"], shown(alice)["participants"]) == ("Trip", [ADA, CARL, DORA])
        assert len(alice.messages(group)) == 1
        assert [kind for kind, _ in alice.world.events()] == ["message.received"] * 2

    def test_one_account_cannot_prove_for_another(self, alice: Customer, bob: Customer, group: str) -> None:
        outbox_id = form_of(alice, "/v1/chats/leave", group).ask(alice).json()["id"]
        item = claimed(alice)
        chat = ChatSeen(GUIDS[0], GROUP, is_group=True, service="iMessage", name="Mine")

        bob.mac.sees(GroupChanged(bob.line, "GUID-event", chat, NOON_MS + 9, Proof(item.id, item.token)))

        assert (alice.item(outbox_id)["status"], shown(alice)["name"]) == ("claimed", None)


class TestRefused:
    @each_change
    def test_the_key_the_line_and_the_body_are_judged(self, alice: Customer, group: str, path: str) -> None:
        form = form_of(alice, path, group)

        assert_key_is_judged(alice, form)
        assert_line_is_judged(alice, form)
        assert_body_is_judged(alice, form)

    @each_change
    def test_a_chat_of_two_is_no_group(self, alice: Customer, group: str, path: str) -> None:
        form = form_of(alice, path, group)

        for other in (DORA, alice.chat_with(DORA)["id"]):
            assert_refused(form.ask(alice, to=other), 400, "invalid_parameter_value", "to")

    @each_change
    def test_a_line_that_cannot_do_it_needs_advanced_features(self, alice: Customer, group: str, path: str) -> None:
        alice.mac.hello(alice.line, capabilities=("replies",))

        assert_refused(form_of(alice, path, group).ask(alice), 400, "advanced_features_required")

    @pytest.mark.parametrize(
        ("path", "changes", "code", "param"),
        [
            ("/v1/chats/rename", {"name": ...}, "missing_required_parameter", "name"),
            ("/v1/chats/rename", {"name": " "}, "invalid_parameter_value", "name"),
            ("/v1/chats/rename", {"name": "x" * 101}, "invalid_parameter_value", "name"),
            ("/v1/chats/add", {"participant": ...}, "missing_required_parameter", "participant"),
            ("/v1/chats/add", {"participant": "cht_1"}, "invalid_parameter_value", "participant"),
            ("/v1/chats/remove", {"participant": "nobody"}, "invalid_parameter_value", "participant"),
            ("/v1/chats/leave", {"to": ...}, "missing_required_parameter", "to"),
        ],
    )
    def test_what_is_wrong_is_told(self, alice: Customer, path: str, changes: Json, code: str, param: str) -> None:
        alice.mac.hello(alice.line, capabilities=("groups",))
        form = form_of(alice, path, "cht_1")

        assert_refused(form.ask(alice, **changes), 400, code, param)

    def test_who_never_wrote_to_the_line_is_not_taken_in(self, alice: Customer, group: str) -> None:
        form = form_of(alice, "/v1/chats/add", group)

        assert_refused(form.ask(alice, participant=CARL), 403, "contact_has_not_messaged", "participant")
        assert alice.world.rows("outbox") == 0

    def test_who_opted_out_is_not_taken_in(self, alice: Customer, group: str) -> None:
        alice.world.do(customizing.change_preferences, alice.account_id, {"stop_handling": 1})
        alice.hears(DORA, "STOP")

        assert_refused(form_of(alice, "/v1/chats/add", group).ask(alice), 403, "contact_opted_out", "participant")
