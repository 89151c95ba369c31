"""GET /v1/lines, /v1/chats and /v1/messages: exact shapes and refusals."""

import pytest

from blueport.protocol.sightings import AttachmentSeen, ChatSeen, MessageChanged
from tests.server.answers import assert_done, assert_refused
from tests.server.world import ADA, CARL, NOON_MS, Customer, Json, chat_with, text_from, text_in_group

LIST = {"data", "has_more", "next_cursor", "request_id"}


def _assert_whole(answer: Json) -> list[Json]:
    assert_done(answer)
    assert set(answer.json()) == LIST
    assert answer.json()["has_more"] is False
    assert answer.json()["next_cursor"] is None
    return answer.json()["data"]


class TestLines:
    def test_a_line_is_exactly_as_in_the_seed(self, alice: Customer) -> None:
        (line,) = _assert_whole(alice.get("/v1/lines"))

        assert line == {
            "id": alice.line_id,
            "handle": alice.line,
            "label": None,
            "service": "imessage",
            "is_active": True,
        }

    @pytest.mark.parametrize(("health", "active"), [("ok", True), ("degraded", True), ("not_signed_in", False)])
    def test_a_line_is_active_while_its_mac_can_send(self, alice: Customer, health: str, *, active: bool) -> None:
        alice.mac.hello(alice.line, health=health)

        (line,) = alice.get("/v1/lines").json()["data"]
        assert line["is_active"] is active

    def test_what_a_line_can_do_is_told_to_who_asks(self, alice: Customer) -> None:
        asked = {"include": "capabilities"}
        at_first = alice.get("/v1/lines", asked).json()["data"]
        alice.mac.hello(alice.line, capabilities=("effects", "replies", "reactions"))

        (line,) = _assert_whole(alice.get("/v1/lines", asked))

        assert [known.pop("capabilities") for known in (*at_first, line)] == [[], ["replies", "reactions", "effects"]]
        assert [line] == alice.get("/v1/lines").json()["data"]

    @pytest.mark.parametrize("given", ["", "health", "capabilities,label"])
    def test_who_asks_for_something_else_is_told_so(self, still_alice: Customer, given: str) -> None:
        answer = still_alice.get("/v1/lines", {"include": given})

        assert_refused(answer, 400, "invalid_parameter_value", "include")


class TestChats:
    def test_one_conversation_under_two_guids_is_one_chat_and_knows_both(self, alice: Customer) -> None:  # echo-09
        alice.hears(ADA, chat=ChatSeen(f"any;-;{ADA}", ADA, is_group=False, service="iMessage"))
        alice.hears(ADA, chat=ChatSeen(ADA, ADA, is_group=False, service="iMessage"))

        (chat,) = alice.get("/v1/chats", {"from": alice.line}).json()["data"]
        assert len(alice.messages()) == 2
        alice.sends()
        (item,) = alice.mac.claim()
        assert set(item.command.chat_guids) == {f"any;-;{ADA}", ADA}
        assert chat["identifier"] == ADA

    def test_a_chat_is_exactly_as_in_the_seed(self, alice: Customer) -> None:
        alice.hears(ADA, sent_at=NOON_MS - 5)

        (chat,) = _assert_whole(alice.get("/v1/chats", {"from": alice.line}))

        assert chat.pop("id").startswith("cht_")
        assert chat == {
            "line_id": alice.line_id,
            "identifier": ADA,
            "service": "imessage",
            "name": None,
            "is_group": False,
            "participants": [ADA],
            "last_message_at": NOON_MS - 5,
        }

    def test_a_group_has_its_name_and_people(self, alice: Customer) -> None:
        chat = ChatSeen(
            "iMessage;+;chat7", "chat7", is_group=True, service="iMessage", name="Family\0", participants=(ADA, CARL)
        )
        alice.mac.sees(text_in_group("chat7", ADA, alice.line, chat=chat))

        (shown,) = _assert_whole(alice.get("/v1/chats", {"from": alice.line}))

        assert (shown["identifier"], shown["name"], shown["is_group"]) == ("chat7", "Family", True)
        assert shown["participants"] == [ADA, CARL]

    # chat-21
    def test_a_chat_without_any_handle_is_listed_with_nobody_in_it(self, alice: Customer) -> None:
        chat = ChatSeen("iMessage;+;chat9", "chat9", is_group=True, service="iMessage")
        alice.mac.sees(text_in_group("chat9", ADA, alice.line, chat=chat))

        (shown,) = _assert_whole(alice.get("/v1/chats", {"from": alice.line}))

        assert shown["participants"] == []

    # chat-03
    def test_one_person_on_two_services_is_one_chat(self, alice: Customer) -> None:
        alice.hears(ADA, chat=chat_with(ADA, "SMS"), service="SMS")
        alice.hears(ADA, chat=chat_with(ADA), service="iMessage")

        (chat,) = _assert_whole(alice.get("/v1/chats", {"from": alice.line}))
        assert chat["identifier"] == ADA
        assert [message["service"] for message in alice.messages()] == ["imessage", "sms"]

    # chat-10
    @pytest.mark.parametrize(
        ("seen", "shown"), [("RCS", "rcs"), ("rcs", "rcs"), ("SMS", "sms"), ("iMessage", "imessage"), (None, None)]
    )
    def test_a_service_is_shown_in_one_spelling(self, alice: Customer, seen: str | None, shown: str | None) -> None:
        alice.hears(ADA, service=seen)

        assert [message["service"] for message in alice.messages()] == [shown]

    def test_a_message_that_went_out_over_another_service_after_all_shows_that(self, alice: Customer) -> None:
        guid = alice.hears(ADA, service="iMessage")

        alice.mac.sees(MessageChanged(alice.line, guid, "Hi", service="SMS"))
        alice.mac.sees(MessageChanged(alice.line, guid, "Hi there"))

        assert [(message["text"], message["service"]) for message in alice.messages()] == [("Hi there", "sms")]

    # chat-11
    def test_a_chat_is_as_its_newest_message_says_whenever_older_ones_come(self, alice: Customer) -> None:
        for sent_at, service, name, people in (
            (NOON_MS, "SMS", "Family", (ADA, CARL)),
            (NOON_MS - 5, "iMessage", None, (ADA,)),
            (NOON_MS - 4, "RCS", "Friends", ()),
        ):
            chat = ChatSeen(
                f"{service};+;chat7", "chat7", is_group=True, service=service, name=name, participants=people
            )
            alice.mac.sees(text_in_group("chat7", ADA, alice.line, chat=chat, sent_at=sent_at, announce=False))

        (shown,) = _assert_whole(alice.get("/v1/chats", {"from": alice.line}))

        assert (shown["service"], shown["name"], shown["participants"]) == ("sms", "Family", [ADA, CARL])
        alice.sends(to=shown["id"])
        (item,) = alice.mac.claim()
        assert item.command.chat_guids == ("SMS;+;chat7", "RCS;+;chat7", "iMessage;+;chat7"), "the last used first"

    def test_a_chat_follows_each_message_that_is_as_new_as_the_newest(self, alice: Customer) -> None:
        for service in ("SMS", "iMessage", "RCS"):
            alice.hears(ADA, chat=chat_with(ADA, service), service=service, sent_at=NOON_MS)

        (shown,) = _assert_whole(alice.get("/v1/chats", {"from": alice.line}))

        assert shown["service"] == "rcs"

    # chat-12
    def test_an_alphanumeric_sender_is_shown_as_it_is(self, alice: Customer) -> None:
        alice.hears("PayPal 2-FA.", service="SMS", chat=chat_with("PayPal 2-FA.", "SMS"))

        (chat,) = _assert_whole(alice.get("/v1/chats", {"from": alice.line}))
        (message,) = alice.messages("PayPal 2-FA.")
        assert (chat["identifier"], message["sender"]) == ("PayPal 2-FA.", "PayPal 2-FA.")

    # chat-14
    def test_a_short_code_stays_as_it_is(self, alice: Customer) -> None:
        alice.hears("88438")

        (chat,) = _assert_whole(alice.get("/v1/chats", {"from": alice.line}))
        assert chat["identifier"] == "88438"

    def test_what_may_change_about_a_chat_is_kept_up_to_date(self, alice: Customer) -> None:
        alice.mac.sees(text_in_group("chat7", ADA, alice.line))
        renamed = ChatSeen(
            "iMessage;+;chat7", "chat7", is_group=True, service="iMessage", name="Family", participants=(ADA,)
        )
        alice.mac.sees(text_in_group("chat7", ADA, alice.line, chat=renamed))

        (chat,) = _assert_whole(alice.get("/v1/chats", {"from": alice.line}))

        assert (chat["name"], chat["participants"]) == ("Family", [ADA])

    def test_the_most_recently_active_is_first(self, alice: Customer) -> None:
        alice.hears(ADA, sent_at=NOON_MS)
        alice.hears(CARL, sent_at=NOON_MS + 1)
        alice.hears(ADA, sent_at=NOON_MS - 9)  # told late

        chats = _assert_whole(alice.get("/v1/chats", {"from": alice.line}))

        assert [chat["identifier"] for chat in chats] == [CARL, ADA]

    def test_from_is_required(self, alice: Customer) -> None:
        assert_refused(alice.get("/v1/chats"), 400, "missing_required_parameter", "from")


class TestMessages:
    def test_a_received_message_is_exactly_as_in_the_seed(self, alice: Customer) -> None:
        guid = alice.hears(ADA, "Hey!", sent_at=NOON_MS - 3)

        answer = alice.get("/v1/messages", {"from": alice.line, "to": ADA})

        (message,) = _assert_whole(answer)
        assert message.pop("id").startswith("msg_")
        assert message.pop("chat_id").startswith("cht_")
        assert message == {
            "line_id": alice.line_id,
            "guid": guid,
            "sender": ADA,
            "text": "Hey!",
            "attachments": [],
            "service": "imessage",
            "is_from_me": False,
            "is_audio_message": False,
            "sent_at": NOON_MS - 3,
            "synced_at": NOON_MS,
            "outbox_id": None,
            "reply_to_guid": None,
        }

    def test_a_sent_message_bears_its_outbox_id_and_is_from_the_line(self, alice: Customer) -> None:
        alice.hears(ADA)
        outbox_id = alice.sends("Hello")
        (item,) = alice.mac.claim()

        alice.mac.sends(item)

        message = alice.messages()[0]
        assert (message["outbox_id"], message["is_from_me"], message["sender"]) == (outbox_id, True, alice.line)

    def test_an_attachment_has_every_field(self, alice: Customer) -> None:
        files = (AttachmentSeen("a-1", "cat.heic", "image/heic", 12), AttachmentSeen("a-2", None, None, None))
        alice.hears(ADA, None, attachments=files)

        (message,) = alice.messages()

        assert message["text"] is None
        assert message["attachments"] == [
            {"filename": "cat.heic", "mime_type": "image/heic", "size": 12, "url": None, "transcription": None},
            {"filename": None, "mime_type": None, "size": None, "url": None, "transcription": None},
        ]

    def test_an_audio_message_says_so(self, alice: Customer) -> None:
        audio = AttachmentSeen("a-1", "Audio Message.caf", "audio/x-caf", 900)
        alice.hears(ADA, None, is_audio=True, attachments=(audio,))

        (message,) = alice.messages()

        assert (message["is_audio_message"], message["text"]) == (True, None)

    # body-17: inbound
    def test_nul_is_dropped_and_an_empty_text_is_null(self, alice: Customer) -> None:
        alice.hears(ADA, "")
        alice.hears(ADA, "a\0b")

        assert [message["text"] for message in alice.messages()] == ["ab", None]

    @pytest.mark.parametrize("text", ["\ufffc", "\ufffc\ufffc", "\0"])
    def test_a_text_of_nothing_but_marks_of_attachments_is_null(self, alice: Customer, text: str) -> None:
        alice.hears(ADA, text)

        assert alice.messages()[0]["text"] is None

    def test_an_edited_message_has_its_new_text(self, alice: Customer) -> None:
        guid = alice.hears(ADA, "Helo")

        alice.mac.sees(MessageChanged(alice.line, guid, "Hello"))
        alice.mac.sees(MessageChanged(alice.line, "never seen", "Hello"))

        assert [message["text"] for message in alice.messages()] == ["Hello"]

    def test_a_sender_that_nobody_knows_is_a_word_not_null(self, alice: Customer) -> None:
        alice.mac.sees(text_from(ADA, alice.line, sender=None))

        assert alice.messages()[0]["sender"] == "unknown"

    @pytest.mark.parametrize("said", [" 15550100001", "+15550100001", "(555) 010-0001", "tel:+15550100001"])
    def test_the_chat_may_be_named_in_any_usual_notation(self, alice: Customer, said: str) -> None:
        # A number that begins with a space is a plus sign that was not encoded.
        alice.hears(ADA)

        assert len(_assert_whole(alice.get("/v1/messages", {"from": alice.line, "to": said}))) == 1

    def test_a_plus_sign_that_was_not_encoded_is_understood(self, alice: Customer) -> None:
        alice.hears(ADA)

        answer = alice.call("GET", f"/v1/messages?from={alice.line}&to={ADA}")

        assert len(_assert_whole(answer)) == 1

    @pytest.mark.parametrize("name", ["from", "to"])
    def test_both_ends_are_required(self, alice: Customer, name: str) -> None:
        query = {"from": alice.line, "to": ADA}
        del query[name]

        assert_refused(alice.get("/v1/messages", query), 400, "missing_required_parameter", name)

    @pytest.mark.parametrize(
        ("query", "status", "code", "param"),
        [
            ({"to": ""}, 400, "invalid_parameter_value", "to"),
            ({"to": "msg_01"}, 400, "invalid_parameter_value", "to"),
            ({"to": "obx_01", "from": "+15559999999"}, 400, "invalid_parameter_value", "to"),
            ({"from": "cht_01"}, 400, "invalid_parameter_value", "from"),
            ({"from": "", "to": "cht_1"}, 400, "invalid_parameter_value", "from"),
            ({"limit": "0", "from": "+15559999999"}, 400, "invalid_parameter_value", "limit"),
            ({"from": "+15559999999"}, 404, "line_not_found", "from"),
            ({"to": CARL}, 404, "chat_not_found", "to"),
            ({"to": "cht_00000000000000000000000000"}, 404, "chat_not_found", "to"),
            ({"to": "nobody"}, 404, "chat_not_found", "to"),
        ],
    )
    def test_what_is_wrong_is_told(
        self, alice: Customer, query: dict[str, str], status: int, code: str, param: str
    ) -> None:
        alice.hears(ADA)

        answer = alice.get("/v1/messages", {"from": alice.line, "to": ADA} | query)

        assert_refused(answer, status, code, param)
