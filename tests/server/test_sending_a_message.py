"""POST /v1/messages."""

import json
from typing import get_args

import msgspec
import pytest

from blueport.protocol.commands import Effect, SendFile, SendText
from tests.server.answers import assert_done, assert_refused
from tests.server.world import ADA, CARL, NOON_MS, Customer, Json, chat_with, text_from, text_in_group

# A recipient as Messages knows it, and as a caller may write it.
# chat-19 (marks of direction, no-break space), chat-17 (no plus), send-12
NOTATIONS = [
    ("+14155552671", "\u202a+1 415\u00a0555 2671\u202c"),
    ("+14155552671", "(415) 555-2671"),
    ("+15551234567", "+15551234567"),
    ("+19565179045", "19565179045"),
    ("+5215512345678", "+5215512345678"),  # chat-18
    ("+442079460958", "+44 20 7946 0958"),
    ("jane.doe+x@example.com", "Jane.Doe+x@Example.com"),  # chat-16
    (ADA, "\u00a0+1 555 010 0001"),
    (ADA, " (555) 010-0001 "),
    (ADA, " 5550100001"),
    (ADA, "+1\uff15\uff15\uff15\uff10\uff11\uff10\uff10\uff10\uff10\uff11"),
    ("+33612345678", "+33\u202f6\u202f12\u202f34\u202f56\u202f78"),
    ("+442079460958", "+44 (0)20 7946 0958"),
    ("+5215512345678", "+52 1 55 1234-5678"),
    ("+14155550100", "14155550100+"),  # chat-16: a plus sign in the wrong place makes nobody else of them
    ("88438", "88438"),  # chat-14
]


def _send(customer: Customer, **fields: Json) -> Json:
    body = {"from": customer.line, "to": ADA, "text": "Hello"} | fields
    return customer.post("/v1/messages", {name: value for name, value in body.items() if value is not ...})


@pytest.fixture(scope="module")
def known(still_alice: Customer) -> Customer:
    still_alice.hears(ADA)
    return still_alice


@pytest.fixture
def group(alice: Customer) -> str:
    """Return the id of a group in which Ada has written."""
    alice.mac.sees(text_in_group("chat100", ADA, alice.line))
    return alice.group()


class TestAccepted:
    def test_the_answer_is_exactly_id_status_and_request_id(self, alice: Customer) -> None:
        # srv-126, srv-001: the official SDK repeats a POST whose 201 has another form.
        alice.hears(ADA)

        answer = _send(alice)

        assert_done(answer, 201)
        assert set(answer.json()) == {"id", "status", "request_id"}
        assert answer.json()["id"].startswith("obx_")
        assert answer.json()["status"] == "pending"

    def test_the_line_may_be_named_in_any_usual_notation(self, alice: Customer) -> None:
        alice.hears(ADA)

        written = ("(555) 010-1000", "1 555 010 1000", "\u202a+1 555\u00a0010 1000\u202c")
        for line in (alice.line, alice.line_id, *written):
            assert_done(_send(alice, **{"from": line}), 201)

    def test_the_recipient_may_be_named_in_any_usual_notation(self, alice: Customer) -> None:
        for written, said in NOTATIONS:
            alice.hears(written)

            assert_done(_send(alice, to=said), 201)

            (item,) = alice.mac.claim()
            assert item.command.recipient == written, said
            alice.mac.sends(item)

    # chat-15
    def test_two_numbers_with_the_same_last_digits_are_two_people(self, alice: Customer) -> None:
        alice.hears("+442079460958")

        assert_refused(_send(alice, to="2079460958"), 403, "contact_has_not_messaged", "to")

    def test_a_chat_may_be_named_by_its_id(self, alice: Customer) -> None:
        alice.hears(ADA)
        (chat,) = alice.get("/v1/chats", {"from": alice.line}).json()["data"]

        assert_done(_send(alice, to=chat["id"]), 201)

        (item,) = alice.mac.claim()
        assert (item.command.recipient, item.command.text) == (ADA, "Hello")

    def test_a_group_is_named_by_its_id(self, alice: Customer, group: str) -> None:
        assert_done(_send(alice, to=group), 201)

        (item,) = alice.mac.claim()
        assert item.command.recipient is None
        assert item.command.chat_guids == ("iMessage;+;chat100",)

    def test_unknown_fields_and_nulls_are_ignored(self, alice: Customer) -> None:
        alice.hears(ADA)

        assert_done(_send(alice, colour="blue", attachments=None, reply_to=None, metadata={"a": [1]}), 201)

    def test_an_unknown_field_may_be_called_and_hold_anything(self, alice: Customer) -> None:
        alice.hears(ADA)
        known = json.dumps({"from": alice.line, "to": ADA, "text": "Hello"})[:-1]

        for written in (
            *('"colour":"\\u0000"', '"colour":["\\ud800"]', '"\\ud800":1', '"\\ud800":"\\ud800"'),
            *('"\\u0000":{}', '"":5'),
        ):
            assert_done(alice.call("POST", "/v1/messages", content=f"{known},{written}}}".encode()), 201)

    def test_the_text_arrives_to_the_last_character(self, alice: Customer) -> None:
        alice.hears(ADA)
        text = ' \t"Ünïcödé" \\ \u2028 \u202e 👩‍👩‍👧 👋🏽\r\n<b>&amp; $(rm -rf) \ufffd \ufeff '

        alice.sends(text)

        (item,) = alice.mac.claim()
        assert item.command.text == text

    # body-22: the limit is 20,000 characters.
    def test_a_text_at_the_limit_arrives_whole(self, alice: Customer) -> None:
        alice.hears(ADA)

        alice.sends("é" * 20_000)

        (item,) = alice.mac.claim()
        assert item.command.text == "é" * 20_000

    def test_a_sent_message_opens_no_chat_but_a_received_one_does(self, alice: Customer) -> None:
        alice.mac.sees(text_from(ADA, alice.line, is_from_me=True, sender=None))
        assert_refused(_send(alice), 403, "contact_has_not_messaged", "to")

        alice.hears(ADA)

        assert_done(_send(alice), 201)


class TestReplies:
    @pytest.fixture(autouse=True)
    def _line_with_replies(self, alice: Customer) -> None:
        alice.mac.hello(alice.line, capabilities=("replies",))

    @pytest.mark.parametrize("form", ["{id}", "{guid}", "p:0/{guid}", "p:12/{guid}", "bp:{guid}"])
    def test_the_message_may_be_named_by_id_or_guid(self, alice: Customer, form: str) -> None:
        guid = alice.hears(ADA)
        (message,) = alice.messages()

        assert_done(_send(alice, reply_to=form.format(id=message["id"], guid=guid)), 201)

        (item,) = alice.mac.claim()
        assert (item.command.reply_to_guid, item.command.reply_to_part) == (guid, 12 if "12" in form else 0)

    def test_of_a_text_with_a_file_the_text_is_the_answer(self, alice: Customer) -> None:
        guid = alice.hears(ADA)

        assert_done(_send(alice, reply_to=f"p:1/{guid}", attachments=[alice.uploads()["id"]]), 201)

        (text,) = alice.mac.claim()
        alice.mac.sends(text)
        (file,) = alice.mac.claim()
        assert (text.command.reply_to_guid, text.command.reply_to_part) == (guid, 1)
        assert (file.command.reply_to_guid, file.command.reply_to_part) == (None, 0)

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("name", ["", "p:0/", "obx_01", "cht_01", "file_01", "ln_01", "wh_01", "req_01"])
    def test_an_id_of_another_kind_is_refused(self, alice: Customer, name: str) -> None:
        alice.hears(ADA)

        assert_refused(_send(alice, reply_to=name), 400, "invalid_parameter_value", "reply_to")

    @pytest.mark.parametrize("name", ["msg_00000000000000000000000000", "no-such-guid"])
    def test_an_unknown_message_is_not_found(self, alice: Customer, name: str) -> None:
        alice.hears(ADA)

        assert_refused(_send(alice, reply_to=name), 404, "message_not_found", "reply_to")

    def test_a_message_of_another_chat_is_not_found(self, alice: Customer) -> None:
        alice.hears(ADA)
        carls = alice.hears(CARL)
        (message,) = alice.messages(CARL)

        for name in (carls, message["id"]):
            assert_refused(_send(alice, reply_to=name), 404, "message_not_found", "reply_to")

    def test_a_line_without_the_feature_says_so(self, alice: Customer) -> None:
        guid = alice.hears(ADA)
        alice.mac.hello(alice.line)

        assert_refused(_send(alice, reply_to=guid), 400, "advanced_features_required", "reply_to")


class TestEffects:
    @pytest.mark.one_store("which there are is known without a store")
    @pytest.mark.parametrize("effect", get_args(Effect))
    def test_a_text_comes_with_one(self, alice: Customer, effect: str) -> None:
        alice.hears(ADA)
        alice.mac.hello(alice.line, capabilities=("effects",))

        made = _send(alice, effect=effect)

        assert_done(made, 201)
        (item,) = alice.mac.claim()
        assert item.command == SendText(ADA, (f"iMessage;-;{ADA}",), "Hello", effect=effect)
        assert alice.item(made.json()["id"])["payload"]["effect"] == effect

    def test_an_answer_may_come_with_one_where_the_line_can_do_both(self, alice: Customer) -> None:
        guid = alice.hears(ADA)
        for able, param in ((("effects",), "reply_to"), (("replies",), "effect"), ((), "reply_to")):
            alice.mac.hello(alice.line, capabilities=able)
            answer = _send(alice, effect="slam", reply_to=guid)
            assert_refused(answer, 400, "advanced_features_required", param)
        alice.mac.hello(alice.line, capabilities=("effects", "replies"))

        assert_done(_send(alice, effect="slam", reply_to=guid), 201)

        (item,) = alice.mac.claim()
        assert (item.command.effect, item.command.reply_to_guid) == ("slam", guid)

    def test_of_a_text_with_a_file_it_comes_with_the_text(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.mac.hello(alice.line, capabilities=("effects",))

        assert_done(_send(alice, effect="echo", attachments=[alice.uploads()["id"]]), 201)

        (text,) = alice.mac.claim()
        alice.mac.sends(text)
        (file,) = alice.mac.claim()
        assert (text.command.effect, type(file.command)) == ("echo", SendFile)

    def test_what_an_earlier_daemon_knows_is_told_as_it_knows_it(self, alice: Customer) -> None:
        alice.hears(ADA)
        _send(alice)

        (item,) = alice.mac.claim()

        assert set(msgspec.to_builtins(item.command)) == {"type", "recipient", "chat_guids", "text"}


class TestRefused:
    """Each refusal, with Ada having written: nothing else stands in the way."""

    @pytest.fixture
    def alice(self, known: Customer, unchanged: None) -> Customer:  # noqa: ARG002 - it looks afterwards
        return known

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("name", ["from", "to"])
    @pytest.mark.parametrize("value", [None, ...])
    def test_a_required_parameter_is_missing(self, alice: Customer, name: str, value: Json) -> None:
        assert_refused(_send(alice, **{name: value}), 400, "missing_required_parameter", name)

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize(
        "fields",
        [
            {"text": None},
            {"text": ...},
            {"text": ""},
            {"text": None, "attachments": []},
            # What reads as null cannot be sent: no row would ever prove it.
            {"text": " \n"},
            {"text": "\ufffc"},
            {"text": "\ufffc \ufffd\u00a0"},
        ],
    )
    def test_there_is_neither_text_nor_attachment(self, alice: Customer, fields: dict[str, Json]) -> None:
        assert_refused(_send(alice, **fields), 400, "missing_required_parameter", "text")

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"text": 5}, "text"),
            ({"text": []}, "text"),
            ({"text": ..., "attachments": ""}, "attachments"),
            ({"text": None, "attachments": " "}, "attachments"),
            ({"text": True}, "text"),
            ({"text": ["Hi"]}, "text"),
            ({"text": "x" * 20_001}, "text"),
            ({"text": "a\0b"}, "text"),  # body-17, srv-107, send-05
            ({"from": 15550101000}, "from"),
            ({"from": ""}, "from"),
            ({"from": "cht_01"}, "from"),
            ({"from": "obx_01"}, "from"),
            ({"to": ""}, "to"),
            ({"to": " "}, "to"),
            ({"to": 5}, "to"),
            ({"to": ["+15550100001", "+15550100002"]}, "to"),  # send-29
            ({"to": "+15550100001,+15550100002"}, "to"),
            ({"to": "+15550100001 +15550100002"}, "to"),
            ({"to": "a@example.com,b@example.com"}, "to"),
            ({"to": "ln_01"}, "to"),
            ({"to": "msg_01"}, "to"),
            ({"to": "PayPal 2-FA."}, "to"),  # chat-12
            ({"to": "paypal"}, "to"),
            ({"to": "447967960994"}, "to"),  # chat-17
            ({"to": "1-800-FLOWERS"}, "to"),
            ({"to": "+1"}, "to"),
            ({"to": "5550100"}, "to"),  # no area code
            ({"to": "\uff11\uff12\uff13\uff14\uff15"}, "to"),
            ({"to": "<ada@example.com>"}, "to"),
            ({"to": "+" + "1" * 5_000}, "to"),
            ({"to": " " * 200_000 + "x"}, "to"),
            ({"to": "Ada"}, "to"),
            ({"attachments": "file_1"}, "attachments"),
            ({"attachments": [1]}, "attachments"),
            ({"attachments": ["msg_1"]}, "attachments"),
            ({"attachments": ["file_1", "file_2"]}, "attachments"),
            ({"reply_to": 5}, "reply_to"),
            ({"effect": 5}, "effect"),
            ({"effect": ""}, "effect"),
            ({"effect": "Confetti"}, "effect"),
            ({"effect": "com.apple.messages.effect.CKConfettiEffect"}, "effect"),
            ({"effect": "confetti", "text": ..., "attachments": ["file_1"]}, "effect"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_a_value_is_wrong(self, alice: Customer, fields: dict[str, Json], param: str) -> None:
        assert_refused(_send(alice, **fields), 400, "invalid_parameter_value", param)

    @pytest.mark.parametrize("line", ["+15559999999", "someone@example.com", "ln_00000000000000000000000000"])
    def test_the_line_is_unknown(self, alice: Customer, line: str) -> None:
        assert_refused(_send(alice, **{"from": line}), 404, "line_not_found", "from")

    def test_the_recipient_has_never_written(self, alice: Customer) -> None:
        assert_refused(_send(alice, to=CARL), 403, "contact_has_not_messaged", "to")

    def test_the_chat_id_is_unknown(self, alice: Customer) -> None:
        assert_refused(_send(alice, to="cht_00000000000000000000000000"), 404, "chat_not_found", "to")

    def test_the_file_is_unknown(self, alice: Customer) -> None:
        assert_refused(_send(alice, attachments=["file_1"]), 404, "file_not_found", "attachments")

    @pytest.mark.parametrize(
        ("fields", "code", "param"),
        [
            ({"to": ..., "text": 5}, "missing_required_parameter", "to"),
            ({"from": ..., "to": "nobody"}, "missing_required_parameter", "from"),
            ({"text": ..., "to": "nobody"}, "missing_required_parameter", "text"),
            ({"text": ..., "to": 5}, "missing_required_parameter", "text"),
            ({"to": "nobody", "from": "+15559999999"}, "invalid_parameter_value", "to"),
            ({"attachments": ["x"], "from": "+15559999999"}, "invalid_parameter_value", "attachments"),
            ({"reply_to": "obx_1", "from": "+15559999999"}, "invalid_parameter_value", "reply_to"),
            ({"from": "+15559999999", "to": CARL}, "line_not_found", "from"),
            ({"to": CARL, "attachments": ["file_1"]}, "contact_has_not_messaged", "to"),
        ],
    )
    def test_of_two_faults_the_one_is_told_that_is_judged_first(
        self, alice: Customer, fields: dict[str, Json], code: str, param: str
    ) -> None:
        answer = _send(alice, **fields)

        assert answer.json()["error"]["code"] == code
        assert answer.json()["error"]["param"] == param


class TestGroups:
    def test_the_group_has_never_written(self, alice: Customer) -> None:
        alice.mac.sees(text_in_group("chat200", CARL, alice.line, is_from_me=True, sender=None))

        assert_refused(_send(alice, to=alice.group()), 403, "contact_has_not_messaged", "to")

    def test_having_written_in_a_group_is_not_having_written(self, alice: Customer) -> None:
        alice.mac.sees(text_in_group("chat200", CARL, alice.line))

        assert_refused(_send(alice, to=CARL), 403, "contact_has_not_messaged", "to")


class TestServices:
    # chat-03, chat-01
    def test_a_person_with_chats_on_two_services_is_one_chat_with_both_guids(self, alice: Customer) -> None:
        alice.hears(ADA, chat=chat_with(ADA, "SMS"), service="SMS")
        alice.world.clock.ms += 1
        alice.hears(ADA, chat=chat_with(ADA, "any"), service="iMessage")

        alice.sends()

        (item,) = alice.mac.claim()
        assert item.command.chat_guids == (f"any;-;{ADA}", f"SMS;-;{ADA}")
        assert [message["service"] for message in alice.messages()] == ["imessage", "sms"]


def test_a_message_is_accepted_at_the_time_of_its_transaction(alice: Customer) -> None:
    alice.hears(ADA)

    outbox_id = alice.sends()

    assert alice.item(outbox_id)["created_at"] == NOON_MS
