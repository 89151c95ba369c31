"""POST and GET /v1/reactions, and the events of reactions."""

import msgspec
import pytest

from blueport.protocol.commands import React, Tapback
from blueport.protocol.sightings import MessageChanged, Proof
from tests.server.answers import assert_done, assert_refused
from tests.server.receiver import Receiver
from tests.server.refusals import NOBODYS_ID, NOBODYS_LINE, Form, Writing, assert_key_is_judged, to_ada
from tests.server.world import ADA, CARL, HOUR_MS, NOON_MS, Customer, Json, reaction_to, text_from, text_in_group

PATH = "/v1/reactions"
EMOJI = (
    "\N{PARTY POPPER}",
    "\u2764\ufe0f",
    "\u2764",
    "\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}",
    "\u2764\ufe0f\u200d\U0001f525",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f575\U0001f3fd\u200d\u2642\ufe0f",
    "\U0001f1e9\U0001f1ea",
    "1\ufe0f\u20e3",
    "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
)
NO_EMOJI = (
    *("", " ", "a", "1", "love", ":-)", "\ufe0f", "\u200d", "\U0001f1e9", "\N{BLACK CHESS KNIGHT}"),
    "\N{PARTY POPPER}" * 2,
    "\N{PARTY POPPER}\u200d",
    "\N{PARTY POPPER} ",
    "\N{PARTY POPPER}!",
    "\u200d".join(["\N{PARTY POPPER}"] * 11),
)


@pytest.fixture
def guid(alice: Customer) -> str:
    """Have Ada write to a line that can react; return her message's guid."""
    return alice.is_ready_for("reactions")


@pytest.fixture
def form(alice: Customer, guid: str) -> Form:
    return to_ada(alice, "POST", PATH, message_id=guid, type="love")


@pytest.fixture(scope="module")
def still_form(still_alice: Customer) -> Form:
    return to_ada(still_alice, "POST", PATH, message_id=still_alice.is_ready_for("reactions"), type="love")


def _listed(customer: Customer, name: str, **query: Json) -> list[Json]:
    answer = customer.get(PATH, {"message_id": name, **query})
    assert_done(answer)
    assert set(answer.json()) == {"data", "has_more", "next_cursor", "request_id"}
    return answer.json()["data"]


def _types(customer: Customer, name: str) -> list[str]:
    return [reaction["type"] for reaction in _listed(customer, name)]


def _reaction_events(customer: Customer) -> list[tuple[str, str]]:
    return [(kind, data["type"]) for kind, data in customer.world.events() if kind.startswith("reaction.")]


class TestReacting(Writing):
    capability = "reactions"

    @pytest.mark.one_store("words are translated before anything is stored")
    @pytest.mark.parametrize(
        ("given", "tapback"),
        [
            *[(word, word) for word in ("love", "like", "dislike", "laugh", "emphasize", "question")],
            ("heart", "love"),
            ("\u2764\ufe0f", "love"),
            ("\u2764", "love"),
            ("\N{THUMBS UP SIGN}", "like"),
            ("\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}", "like"),
            ("\N{THUMBS DOWN SIGN}", "dislike"),
            ("\N{THUMBS DOWN SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-6}", "dislike"),
            ("\N{FACE WITH TEARS OF JOY}", "laugh"),
            ("\u203c\ufe0f", "emphasize"),
            ("\u203c", "emphasize"),
            ("\u2753", "question"),
            ("\u2753\ufe0f", "question"),
        ],
    )
    def test_a_word_or_an_emoji_names_the_tapback(
        self, alice: Customer, form: Form, guid: str, given: str, tapback: str
    ) -> None:
        made = form.ask(alice, type=given)

        assert_done(made, 201)
        (item,) = alice.mac.claim()
        assert item.command == React(ADA, (f"iMessage;-;{ADA}",), guid, tapback, part=0)
        assert alice.item(made.json()["id"])["payload"] == form.asked | {"type": given}

    def test_the_message_may_be_named_by_id_guid_and_part(self, alice: Customer, form: Form, guid: str) -> None:
        for name in (alice.messages()[0]["id"], guid, f"bp:{guid}", f"p:0/{guid}", f"p:2/{guid}"):
            assert_done(form.ask(alice, message_id=name), 201)

        asked = [(item.command.message_guid, item.command.part) for item in alice.mac.claim()]
        assert asked == [(guid, 0)] * 4 + [(guid, 2)]

    def test_one_reacts_in_a_group_by_its_id(self, alice: Customer, form: Form) -> None:
        seen = text_in_group("chat100", ADA, alice.line)
        alice.mac.sees(seen)

        assert_done(form.ask(alice, to=alice.group(), message_id=seen.guid), 201)

        (item,) = alice.mac.claim()
        assert (item.command.recipient, item.command.message_guid) == (None, seen.guid)

    @pytest.mark.parametrize(
        ("changes", "status", "code", "param"),
        [
            ({"message_id": ...}, 400, "missing_required_parameter", "message_id"),
            ({"type": ...}, 400, "missing_required_parameter", "type"),
            ({"message_id": ""}, 400, "invalid_parameter_value", "message_id"),
            ({"message_id": "p:0/"}, 400, "invalid_parameter_value", "message_id"),
            ({"message_id": "rxn_1", "from": "+15559999999"}, 400, "invalid_parameter_value", "message_id"),
            ({"message_id": 5}, 400, "invalid_parameter_value", "message_id"),
            ({"message_id": f"msg_{NOBODYS_ID}"}, 404, "message_not_found", "message_id"),
            ({"message_id": "no guid of this chat"}, 404, "message_not_found", "message_id"),
            ({"message_id": "no guid", "to": CARL}, 403, "contact_has_not_messaged", "to"),
            *[
                ({"type": given, "from": "+15559999999"}, 400, "invalid_parameter_value", "type")
                for given in ("", "LOVE", "hate", "\N{PARTY POPPER}", "love\ufe0f", "\u2764\ufe0f\u200d\U0001f525")
            ],
            ({"type": 5}, 400, "invalid_parameter_value", "type"),
            ({"type": None, "emoji": None}, 400, "missing_required_parameter", "type"),
            ({"emoji": "\N{PARTY POPPER}", "from": NOBODYS_LINE}, 400, "invalid_parameter_value", "emoji"),
            *[
                ({"type": ..., "emoji": given, "from": NOBODYS_LINE}, 400, "invalid_parameter_value", "emoji")
                for given in NO_EMOJI
            ],
            ({"type": ..., "emoji": ["\N{PARTY POPPER}"]}, 400, "invalid_parameter_value", "emoji"),
            ({"remove": "true"}, 400, "invalid_parameter_value", "remove"),
            ({"remove": 1}, 400, "invalid_parameter_value", "remove"),
        ],
    )
    def test_what_is_wrong_is_told(
        self, still: Customer, still_form: Form, changes: dict[str, object], status: int, code: str, param: str
    ) -> None:
        assert_refused(still_form.ask(still, **changes), status, code, param)

    @pytest.mark.parametrize("emoji", EMOJI)
    def test_any_one_emoji_is_put_on_as_itself(  # rxn-07
        self, alice: Customer, form: Form, guid: str, emoji: str
    ) -> None:
        alice.mac.hello(alice.line, capabilities=("emoji_tapbacks",))

        made = form.ask(alice, type=..., emoji=emoji)

        assert_done(made, 201)
        (item,) = alice.mac.claim()
        assert item.command == React(ADA, (f"iMessage;-;{ADA}",), guid, None, emoji=emoji)
        asked = {name: value for name, value in form.asked.items() if name != "type"}
        assert alice.item(made.json()["id"])["payload"] == asked | {"emoji": emoji}

    def test_an_emoji_needs_a_line_that_can_and_the_six_do_not(self, alice: Customer, form: Form) -> None:
        alice.mac.hello(alice.line, capabilities=("reactions",))

        assert_refused(form.ask(alice, type=..., emoji="\N{PARTY POPPER}"), 400, "advanced_features_required", "emoji")
        assert_done(form.ask(alice), 201)

    def test_a_reaction_may_be_taken_back(self, alice: Customer, form: Form, guid: str) -> None:
        alice.mac.hello(alice.line, capabilities=("reactions", "emoji_tapbacks"))
        made = [
            form.ask(alice, remove=True),
            form.ask(alice, type=..., emoji="\N{PARTY POPPER}", message_id=f"p:2/{guid}", remove=True),
            form.ask(alice, remove=False),
        ]

        commands = [item.command for item in alice.mac.claim()]
        guids = (f"iMessage;-;{ADA}",)
        assert commands == [
            React(ADA, guids, guid, "love", is_removed=True),
            React(ADA, guids, guid, None, 2, emoji="\N{PARTY POPPER}", is_removed=True),
            React(ADA, guids, guid, "love"),
        ]
        assert alice.item(made[0].json()["id"])["payload"] == form.asked | {"remove": True}

    def test_what_an_earlier_daemon_knows_is_told_as_it_knows_it(self, alice: Customer, form: Form) -> None:
        form.ask(alice)

        (item,) = alice.mac.claim()

        assert set(msgspec.to_builtins(item.command)) == {"type", "recipient", "chat_guids", "message_guid", "tapback"}

    def test_a_message_of_another_chat_of_the_line_is_not_found(self, alice: Customer, form: Form) -> None:
        other = alice.hears(CARL)

        assert_refused(form.ask(alice, message_id=other), 404, "message_not_found", "message_id")


class TestProven:
    def test_the_row_of_our_own_tapback_ends_the_item_as_sent(self, alice: Customer, form: Form, guid: str) -> None:
        # rxn-11: an own tapback is the line's, not the peer's.
        outbox_id = form.ask(alice).json()["id"]
        (item,) = alice.mac.claim()
        assert alice.mac.begin(item)

        alice.mac.sees(reaction_to(guid, alice.line, None, proves=Proof(item.id, item.token)))

        assert alice.item(outbox_id)["status"] == "sent"
        (reaction,) = _listed(alice, guid)
        assert (reaction["sender"], reaction["is_from_me"]) == (alice.line, True)
        assert _reaction_events(alice) == [("reaction.added", "love")]

    @pytest.mark.parametrize(("tapback", "emoji"), [("love", None), (None, "\N{PARTY POPPER}")])
    def test_the_row_of_what_we_took_off_ends_its_item_too(
        self, alice: Customer, form: Form, guid: str, tapback: Tapback | None, emoji: str | None
    ) -> None:
        alice.mac.hello(alice.line, capabilities=("reactions", "emoji_tapbacks"))
        alice.mac.sees(reaction_to(guid, alice.line, None, tapback=tapback, emoji=emoji))
        outbox_id = form.ask(alice, type=tapback or ..., emoji=emoji or ..., remove=True).json()["id"]
        (item,) = alice.mac.claim()
        assert alice.mac.begin(item)

        proof = Proof(item.id, item.token)
        alice.mac.sees(reaction_to(guid, alice.line, None, tapback=tapback, emoji=emoji, is_added=False, proves=proof))

        assert alice.item(outbox_id)["status"] == "sent"
        assert _listed(alice, guid) == []

    def test_a_proof_that_comes_after_its_row_counts(self, alice: Customer, form: Form, guid: str) -> None:
        outbox_id = form.ask(alice).json()["id"]
        (item,) = alice.mac.claim()
        assert alice.mac.begin(item)
        seen = reaction_to(guid, alice.line, None)
        alice.mac.sees(seen)
        assert alice.item(outbox_id)["status"] == "claimed"

        alice.mac.sees(msgspec.structs.replace(seen, proves=Proof(item.id, item.token)))

        assert alice.item(outbox_id)["status"] == "sent"
        assert _reaction_events(alice) == [("reaction.added", "love")]


class TestListed:
    def test_a_reaction_is_exactly_as_in_the_seed(self, alice: Customer, guid: str) -> None:
        alice.mac.sees(reaction_to(guid, alice.line, tapback="like", sent_at=NOON_MS - 3))

        (reaction,) = _listed(alice, guid)

        assert reaction.pop("id").startswith("rxn_")
        assert reaction == {
            "message_id": alice.messages()[0]["id"],
            "type": "like",
            "sender": ADA,
            "is_from_me": False,
            "added": True,
            "sent_at": NOON_MS - 3,
            "synced_at": NOON_MS,
        }

    def test_the_message_may_be_named_by_id_guid_and_part(self, alice: Customer, guid: str) -> None:
        alice.mac.sees(reaction_to(guid, alice.line))
        lists = [_listed(alice, name) for name in (alice.messages()[0]["id"], guid, f"p:0/{guid}", f"bp:{guid}")]

        assert lists[0]
        assert lists == [lists[0]] * 4

    def test_a_message_without_reactions_has_an_empty_list(self, alice: Customer, guid: str) -> None:
        assert _listed(alice, guid) == []

    def test_nothing_stands_on_what_was_taken_back(self, alice: Customer, guid: str) -> None:
        alice.mac.sees(reaction_to(guid, alice.line))
        alice.mac.sees(MessageChanged(alice.line, guid, "edited", edited_at=NOON_MS))
        assert _types(alice, guid) == ["love"]

        alice.mac.sees(MessageChanged(alice.line, guid, None, unsent_at=NOON_MS + 1))
        alice.mac.sees(reaction_to(guid, alice.line, CARL, tapback="like"))

        assert _listed(alice, guid) == []

    def test_all_are_listed_newest_first_unless_pages_are_asked_for(self, alice: Customer) -> None:
        seen = text_in_group("chat100", ADA, alice.line)
        alice.mac.sees(seen)
        people = [f"+1555010{number:04}" for number in range(120)]
        for person in people:
            alice.world.clock.ms += 1
            alice.mac.sees(reaction_to(seen.guid, alice.line, person, chat=seen.chat))

        answer = alice.get(PATH, {"message_id": seen.guid}).json()

        assert [reaction["sender"] for reaction in answer["data"]] == people[::-1]
        assert (answer["has_more"], answer["next_cursor"]) == (False, None)

    def test_pages_follow_each_other(self, alice: Customer) -> None:
        seen = text_in_group("chat100", ADA, alice.line)
        alice.mac.sees(seen, *[reaction_to(seen.guid, alice.line, f"+1555010010{n}", chat=seen.chat) for n in range(5)])
        whole = _listed(alice, seen.guid)

        shown: list[Json] = []
        query: Json = {"message_id": seen.guid, "limit": 2}
        while query.get("cursor", "") is not None:
            page = alice.get(PATH, query).json()
            shown += page["data"]
            query["cursor"] = page["next_cursor"]

        assert shown == whole

    @pytest.mark.parametrize(
        ("query", "status", "code", "param"),
        [
            ({}, 400, "missing_required_parameter", "message_id"),
            ({"message_id": ""}, 400, "invalid_parameter_value", "message_id"),
            ({"message_id": "cht_1"}, 400, "invalid_parameter_value", "message_id"),
            ({"message_id": "msg_1", "limit": "0"}, 400, "invalid_parameter_value", "limit"),
            ({"message_id": "msg_1", "cursor": "abc"}, 400, "invalid_parameter_value", "cursor"),
            ({"message_id": f"msg_{NOBODYS_ID}"}, 404, "message_not_found", "message_id"),
            ({"message_id": "no guid"}, 404, "message_not_found", "message_id"),
            ({"message_id": "p:0/no guid"}, 404, "message_not_found", "message_id"),
        ],
    )
    def test_what_is_wrong_is_told(
        self, still: Customer, query: dict[str, str], status: int, code: str, param: str
    ) -> None:
        assert_refused(still.get(PATH, query), status, code, param)

    def test_the_key_is_judged_first(self, alice: Customer, guid: str) -> None:
        assert_key_is_judged(alice, Form("GET", PATH, "reactions:read", {"message_id": guid}))

    def test_a_message_of_a_line_that_the_key_may_not_use_is_not_found(self, alice: Customer, guid: str) -> None:
        other = alice.world.add_line(alice.account_id, "+15550101001", alice.mac)
        restricted = alice.caller(line_ids=(other,))

        assert_refused(restricted.get(PATH, {"message_id": guid}), 404, "message_not_found", "message_id")

    def test_a_guid_that_two_lines_know_lists_those_of_the_lines_that_the_key_may_use(
        self, alice: Customer, guid: str
    ) -> None:
        second = "+15550101001"
        second_id = alice.world.add_line(alice.account_id, second, alice.mac)
        alice.mac.sees(text_from(ADA, second, guid=guid))
        alice.mac.sees(reaction_to(guid, alice.line), reaction_to(guid, second, tapback="like"))

        (listed,) = alice.caller(line_ids=(second_id,)).get(PATH, {"message_id": guid}).json()["data"]

        assert listed["type"] == "like"
        assert sorted(_types(alice, guid)) == ["like", "love"]


class TestSeen:
    def test_the_event_is_exactly_as_in_the_seed(self, alice: Customer, guid: str, receiver: Receiver) -> None:
        # rxn-03
        alice.webhook(receiver.url, "reaction.added", "reaction.removed")
        put_on = reaction_to(guid, alice.line, tapback="like", sent_at=NOON_MS - 5)
        taken_off = reaction_to(guid, alice.line, tapback="like", is_added=False, sent_at=NOON_MS - 3)

        alice.mac.sees(put_on)
        reaction = _listed(alice, guid)[0]
        alice.world.clock.ms += 9
        alice.mac.sees(taken_off)

        added, removed = [heard.body for heard in receiver.waits_for(2)]
        where = {"chat_id": alice.messages()[0]["chat_id"], "line_handle": alice.line}
        assert (added["event"], added["data"]) == ("reaction.added", reaction | where)
        assert removed["event"] == "reaction.removed"
        # When it was taken off, and when we learned of that: so a receiver can put the two in order.
        gone = {"added": False, "sent_at": NOON_MS - 3, "synced_at": NOON_MS + 9}
        assert removed["data"] == reaction | where | gone

    def test_told_twice_it_is_there_once(self, alice: Customer, guid: str) -> None:
        put_on = reaction_to(guid, alice.line)
        taken_off = reaction_to(guid, alice.line, is_added=False)

        alice.mac.sees(put_on, put_on)
        alice.mac.sees(put_on)
        assert _types(alice, guid) == ["love"]
        alice.mac.sees(taken_off, taken_off, put_on)
        alice.mac.sees(taken_off)

        assert _listed(alice, guid) == []
        assert _reaction_events(alice) == [("reaction.added", "love"), ("reaction.removed", "love")]

    def test_a_removal_told_again_leaves_what_was_put_on_since(self, alice: Customer, guid: str) -> None:
        taken_off = reaction_to(guid, alice.line, is_added=False, sent_at=NOON_MS + 2)
        alice.mac.sees(reaction_to(guid, alice.line, sent_at=NOON_MS + 1), taken_off)
        alice.mac.sees(reaction_to(guid, alice.line, sent_at=NOON_MS + 3))

        alice.mac.sees(taken_off)

        assert _types(alice, guid) == ["love"]

    def test_another_tapback_takes_the_place_of_the_first(self, alice: Customer, guid: str) -> None:
        # rxn-06: Messages writes no row for the removal.
        alice.mac.sees(reaction_to(guid, alice.line, tapback="love"))
        alice.mac.sees(reaction_to(guid, alice.line, tapback="like"))

        assert _types(alice, guid) == ["like"]
        assert _reaction_events(alice) == [
            ("reaction.added", "love"),
            ("reaction.removed", "love"),
            ("reaction.added", "like"),
        ]
        (first, removed, _) = [data["id"] for kind, data in alice.world.events() if kind.startswith("reaction.")]
        assert first == removed

    def test_each_part_of_a_message_has_its_own(self, alice: Customer, guid: str) -> None:
        # rxn-01
        alice.mac.sees(reaction_to(guid, alice.line, tapback="love", part=0))
        alice.mac.sees(reaction_to(guid, alice.line, tapback="like", part=1))
        assert sorted(_types(alice, guid)) == ["like", "love"]

        alice.mac.sees(reaction_to(guid, alice.line, tapback="love", part=0, is_added=False))

        assert _types(alice, guid) == ["like"]

    def test_each_sender_has_their_own(self, alice: Customer) -> None:
        seen = text_in_group("chat100", ADA, alice.line)
        alice.mac.sees(seen)
        for person in (ADA, CARL, None):
            alice.mac.sees(reaction_to(seen.guid, alice.line, person, chat=seen.chat))

        senders = {reaction["sender"] for reaction in _listed(alice, seen.guid)}

        assert senders == {ADA, CARL, alice.line}

    @pytest.mark.parametrize("emoji", ["\N{PARTY POPPER}", None])
    def test_an_emoji_or_a_sticker_stays_inside(self, alice: Customer, guid: str, emoji: str | None) -> None:
        # rxn-07, rxn-04
        alice.mac.sees(reaction_to(guid, alice.line, tapback=None, emoji=emoji))
        alice.mac.sees(reaction_to(guid, alice.line, tapback=None, emoji=emoji, is_added=False))

        assert _listed(alice, guid) == []
        assert _reaction_events(alice) == []
        assert alice.world.rows("reactions") == 1

    def test_an_emoji_takes_the_place_of_a_tapback(self, alice: Customer, guid: str) -> None:
        alice.mac.sees(reaction_to(guid, alice.line))
        alice.mac.sees(reaction_to(guid, alice.line, tapback=None, emoji="\N{PARTY POPPER}"))

        assert _listed(alice, guid) == []
        assert _reaction_events(alice) == [("reaction.added", "love"), ("reaction.removed", "love")]

    def test_history_is_kept_without_an_event(self, alice: Customer, guid: str) -> None:
        alice.mac.sees(reaction_to(guid, alice.line, announce=False))

        assert _types(alice, guid) == ["love"]
        assert _reaction_events(alice) == []

    def test_what_is_told_late_does_not_take_the_place_of_what_came_after_it(self, alice: Customer, guid: str) -> None:
        alice.mac.sees(reaction_to(guid, alice.line, tapback="like", sent_at=NOON_MS + 9))

        alice.mac.sees(reaction_to(guid, alice.line, tapback="love", sent_at=NOON_MS + 1))
        alice.mac.sees(reaction_to(guid, alice.line, tapback="love", sent_at=NOON_MS + 2, is_added=False))

        assert _types(alice, guid) == ["like"]
        assert _reaction_events(alice) == [("reaction.added", "like")]

    def test_a_removal_that_is_told_before_what_it_removes_counts(self, alice: Customer, guid: str) -> None:
        alice.mac.sees(reaction_to(guid, alice.line, is_added=False, sent_at=NOON_MS + 9))

        alice.mac.sees(reaction_to(guid, alice.line, sent_at=NOON_MS + 1))

        assert _listed(alice, guid) == []
        assert _reaction_events(alice) == []

    def test_a_removal_takes_off_what_an_unseen_one_had_taken_the_place_of(self, alice: Customer, guid: str) -> None:
        # Messages keeps the latest row alone: of a like that came and went while no Mac looked there is the removal.
        alice.mac.sees(reaction_to(guid, alice.line, tapback="love"))

        alice.mac.sees(reaction_to(guid, alice.line, tapback="like", is_added=False))

        assert _listed(alice, guid) == []
        alice.mac.sees(reaction_to(guid, alice.line, tapback="like", sent_at=NOON_MS))  # and if it is told after all
        assert _listed(alice, guid) == []
        assert _reaction_events(alice) == [("reaction.added", "love"), ("reaction.removed", "love")]

    def test_what_is_told_after_a_later_removal_of_another_is_over(self, alice: Customer, guid: str) -> None:
        alice.mac.sees(reaction_to(guid, alice.line, tapback="like", is_added=False, sent_at=NOON_MS + 9))

        alice.mac.sees(reaction_to(guid, alice.line, tapback="love", sent_at=NOON_MS + 1))

        assert _listed(alice, guid) == []
        assert _reaction_events(alice) == []

    def test_a_tapback_on_a_message_is_no_message(self, alice: Customer) -> None:
        alice.mac.hello(alice.line, capabilities=("reactions",))
        alice.mac.sees(reaction_to("never seen", alice.line, CARL))

        answer = alice.post("/v1/messages", {"from": alice.line, "to": CARL, "text": "Hi"})

        assert_refused(answer, 403, "contact_has_not_messaged", "to")
        (chat,) = alice.get("/v1/chats", {"from": alice.line}).json()["data"]
        assert (chat["identifier"], chat["last_message_at"]) == (CARL, None)


class TestBeforeItsMessage:
    def test_it_is_announced_after_its_message(self, alice: Customer) -> None:
        # hook-16
        seen = text_from(ADA, alice.line)
        alice.mac.sees(reaction_to(seen.guid, alice.line, CARL), reaction_to(seen.guid, alice.line, ADA, "like"))
        assert alice.world.events() == []

        alice.mac.sees(seen)

        assert [kind for kind, _ in alice.world.events()] == ["message.received", "reaction.added", "reaction.added"]
        (message,) = alice.messages()
        assert {data["message_id"] for _, data in alice.world.events()[1:]} == {message["id"]}
        assert {reaction["message_id"] for reaction in _listed(alice, seen.guid)} == {message["id"]}

    def test_what_was_replaced_or_taken_off_before_is_not_announced(self, alice: Customer) -> None:
        seen = text_from(ADA, alice.line)
        alice.mac.sees(
            reaction_to(seen.guid, alice.line, ADA, "love"),
            reaction_to(seen.guid, alice.line, ADA, "like"),
            reaction_to(seen.guid, alice.line, CARL, "laugh"),
            reaction_to(seen.guid, alice.line, CARL, "laugh", is_added=False),
        )

        alice.mac.sees(seen)

        assert _types(alice, seen.guid) == ["like"]
        assert _reaction_events(alice) == [("reaction.added", "like")]

    def test_after_a_day_it_is_no_news(self, alice: Customer) -> None:
        seen = text_from(ADA, alice.line)
        alice.mac.sees(reaction_to(seen.guid, alice.line))
        alice.world.clock.ms += 25 * HOUR_MS

        alice.mac.sees(seen)

        assert _types(alice, seen.guid) == ["love"]
        assert _reaction_events(alice) == []

    def test_history_is_not_announced_then_either(self, alice: Customer) -> None:
        seen = text_from(ADA, alice.line)
        alice.mac.sees(reaction_to(seen.guid, alice.line, announce=False))

        alice.mac.sees(seen)

        assert _types(alice, seen.guid) == ["love"]
        assert _reaction_events(alice) == []
