"""Events beyond the seed's four: made only for who has switched them on, each fact once, after what it follows from."""

import msgspec
import pytest

from blueport.protocol.sightings import AttachmentSeen, MessageChanged, MessageReached, ReceiptSeen, TypingSeen
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.customizing import queries as customizing
from blueport.server.ids import LineId, mint
from blueport.server.sending import service as sending
from blueport.server.sending.service import SILENCE_MS
from tests.server.answers import assert_refused
from tests.server.receiver import Receiver
from tests.server.world import (
    ADA,
    CARL,
    HOUR_MS,
    MINUTE_MS,
    NOON_MS,
    SECOND_MS,
    Clock,
    Customer,
    Json,
    World,
    chat_with,
    proof_of,
    text_from,
)

USUAL = ("message.received", "message.sent", "reaction.added", "reaction.removed")
EXTENDED = (
    "message.failed",
    "message.delivered",
    "message.read",
    "message.edited",
    "message.unsent",
    "typing.started",
    "typing.stopped",
    "receipt.read",
)
SANDBOX = "+15550109999"
PHOTO = AttachmentSeen("at_0", "cat.heic", "image/heic", 3)


def switch(customer: Customer, *, is_on: bool = True) -> None:
    customer.world.do(customizing.change_preferences, customer.account_id, {"extended_events": int(is_on)})


@pytest.fixture
def alice(alice: Customer) -> Customer:
    """Return a customer who has switched extended events on."""
    switch(alice)
    return alice


def edited(customer: Customer, guid: str, text: str | None, at: int = NOON_MS, **more: Json) -> MessageChanged:
    return MessageChanged(customer.line, guid, text, edited_at=at, **more)


def unsent(customer: Customer, guid: str, at: int = NOON_MS) -> MessageChanged:
    return MessageChanged(customer.line, guid, None, unsent_at=at)


def types(customer: Customer, *, is_typing: bool, at: int = NOON_MS) -> TypingSeen:
    return TypingSeen(customer.line, chat_with(ADA), ADA, is_typing=is_typing, at=at)


def reads(customer: Customer, at: int = NOON_MS) -> ReceiptSeen:
    return ReceiptSeen(customer.line, chat_with(ADA), ADA, read_at=at)


def sent_by(customer: Customer, **more: Json) -> str:
    """Have a text sent to Ada, who has written before; return the message's guid."""
    customer.hears(ADA)
    customer.sends()
    (item,) = customer.mac.claim()
    assert customer.mac.begin(item)
    seen = proof_of(item, **more)
    customer.mac.sees(seen)
    return seen.guid


def kinds(customer: Customer) -> list[str]:
    """Return the types of all events, the oldest first."""
    return [kind for kind, _ in customer.world.events()]


def told(customer: Customer, kind: str) -> list[Json]:
    """Return the payloads of all events of that type, the oldest first."""
    return [data for each, data in customer.world.events() if each == kind]


def all_that_can_happen(customer: Customer) -> None:
    """Have each of the eight happen once, and something of each told again."""
    guid = sent_by(customer)
    customer.sends("Fails")
    (item,) = customer.mac.claim()
    customer.mac.fail(item, "recipient_not_on_imessage", permanent=True)
    theirs = customer.hears(ADA, "Teh")
    for _ in range(2):
        customer.mac.sees(MessageReached(customer.line, guid, NOON_MS + 1, NOON_MS + 2))
        customer.mac.sees(edited(customer, theirs, "The"), edited(customer, theirs, "The"))
        customer.mac.sees(unsent(customer, theirs))
        customer.mac.sees(types(customer, is_typing=True, at=NOON_MS - 2), types(customer, is_typing=False))
        customer.mac.sees(reads(customer))


class TestSwitch:
    def test_as_long_as_it_is_off_only_the_four_can_be_asked_for_and_are_made(self, bob: Customer) -> None:
        for event in EXTENDED:
            body = {"from": "", "url": "https://agent.example.com/hook", "events": ["message.sent", event]}
            answer = bob.post("/v1/webhooks", body)
            assert_refused(answer, 400, "invalid_parameter_value", "events")
            allowed = answer.json()["error"]["message"]
            assert [name for name in (*USUAL, *EXTENDED) if f"`{name}`" in allowed] == [*USUAL]

        all_that_can_happen(bob)

        assert set(kinds(bob)) == {"message.received", "message.sent"}

    def test_once_it_is_on_each_may_be_asked_for_and_a_refusal_names_all_twelve(self, alice: Customer) -> None:
        assert alice.webhook("https://agent.example.com/hook", *EXTENDED)["events"] == [*EXTENDED]

        body = {"from": "", "url": "https://agent.example.com/hook", "events": ["message.seen"]}
        allowed = alice.post("/v1/webhooks", body).json()["error"]["message"]

        assert all(f"`{name}`" in allowed for name in (*USUAL, *EXTENDED))

    def test_each_fact_is_told_once_and_after_what_it_follows_from(self, alice: Customer) -> None:
        all_that_can_happen(alice)

        assert kinds(alice) == [
            "message.received",
            "message.sent",
            "message.failed",
            "message.received",
            "message.delivered",
            "message.read",
            "message.edited",
            "message.unsent",
            "typing.started",
            "typing.stopped",
            "receipt.read",
        ]

    def test_switched_off_again_webhooks_keep_what_they_asked_for_and_hear_no_more_of_it(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        made = alice.webhook(receiver.url, "message.received", "message.edited")
        guid = alice.hears(ADA, "One")
        alice.mac.sees(edited(alice, guid, "Two", NOON_MS + 1))
        switch(alice, is_on=False)

        alice.mac.sees(edited(alice, guid, "Three", NOON_MS + 2))
        alice.hears(ADA, "The last")

        (shown,) = alice.get("/v1/webhooks").json()["data"]
        assert shown["events"] == made["events"]
        heard = [each.text for each in receiver.waits_for(3)]
        assert heard == ["One", "Two", "The last"]
        assert alice.messages()[1]["text"] == "Three"

    def test_one_account_has_no_say_for_another(self, alice: Customer, bob: Customer) -> None:
        for customer in (alice, bob):
            customer.mac.sees(edited(customer, customer.hears(ADA, "Teh"), "The"))

        assert kinds(alice) == ["message.received", "message.edited", "message.received"]


class TestWhoHears:
    def test_only_a_webhook_that_asked_for_it_and_for_that_line(self, alice: Customer, receiver: Receiver) -> None:
        second = "+15550101001"
        line_id = alice.world.add_line(alice.account_id, second, alice.mac)
        urls = {name: receiver.url.replace("/hook", f"/{name}") for name in ("all", "usual", "second")}
        alice.webhook(urls["all"], *USUAL, *EXTENDED)
        alice.webhook(urls["usual"], *USUAL)
        body = {"from": line_id, "url": urls["second"], "events": [*EXTENDED]}
        assert alice.post("/v1/webhooks", body).status_code == 201

        guid = alice.hears(ADA, "Teh")
        alice.mac.sees(edited(alice, guid, "The"))
        seen = text_from(ADA, second, "Eno")
        alice.mac.sees(seen, MessageChanged(second, seen.guid, "One", edited_at=NOON_MS))

        heard = {(each.path, each.body["event"], each.text) for each in receiver.waits_for(7)}
        assert heard == {
            ("/all", "message.received", "Teh"),
            ("/all", "message.edited", "The"),
            ("/all", "message.received", "Eno"),
            ("/all", "message.edited", "One"),
            ("/usual", "message.received", "Teh"),
            ("/usual", "message.received", "Eno"),
            ("/second", "message.edited", "One"),
        }
        assert len(receiver.heard) == 7

    def test_on_the_shared_line_it_is_the_account_whose_phone_it_is(self, alice: Customer, world: World) -> None:
        # Bob, whose phone is another, and Olga, whose line it is, have switched them on as well.
        olga, bob = world.customer("Olga", "+15550100900"), world.customer("Bob", "+15550102000")
        shared = Line(LineId(mint("ln", NOON_MS)), olga.account_id, SANDBOX, None, "imessage", 0, "", is_sandbox=1)
        world.do(addressing.add_line, shared, olga.mac.id)
        for customer, phone in ((alice, ADA), (bob, CARL)):
            switch(customer)
            olga.mac.sees(text_from(phone, SANDBOX, customer.post("/v1/sandbox", {}).json()["activation_code"]))
        switch(olga)
        seen = text_from(ADA, SANDBOX, "Teh")
        mine = text_from(ADA, SANDBOX, "Ours", sender=None, is_from_me=True)

        olga.mac.sees(seen, mine)
        olga.mac.sees(
            MessageChanged(SANDBOX, seen.guid, "The", edited_at=NOON_MS),
            MessageReached(SANDBOX, mine.guid, NOON_MS),
            TypingSeen(SANDBOX, chat_with(ADA), ADA, is_typing=True, at=NOON_MS),
            ReceiptSeen(SANDBOX, chat_with(ADA), ADA, read_at=NOON_MS),
        )

        owners = world.sql("SELECT account_id, type FROM events ORDER BY seq")
        whats = ["received", "sent", "edited", "delivered"]
        assert owners == [
            *[(alice.account_id, f"message.{what}") for what in whats],
            (alice.account_id, "typing.started"),
            (alice.account_id, "receipt.read"),
        ]


class TestEditedAndUnsent:
    def test_an_edit_carries_the_message_as_it_is_now_and_its_text_before(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        made = alice.webhook(receiver.url, "message.edited")
        guid = alice.hears(ADA, "Teh", sent_at=NOON_MS - 3)
        (message,) = alice.messages()

        alice.mac.sees(edited(alice, guid, "The", NOON_MS - 1))

        (heard,) = receiver.waits_for(1)
        assert heard.is_signed_with(made["secret"])
        more = {"text": "The", "line_handle": alice.line, "edited_at": NOON_MS - 1, "previous_text": "Teh"}
        assert heard.body["data"] == message | more
        assert alice.messages() == [message | {"text": "The"}]

    def test_a_second_edit_is_a_second_event_also_back_to_what_it_was(self, alice: Customer) -> None:
        guid = alice.hears(ADA, "One")
        two, one = edited(alice, guid, "Two", NOON_MS + 1), edited(alice, guid, "One", NOON_MS + 2)

        alice.mac.sees(two)
        alice.mac.sees(one)
        alice.mac.sees(two, one)

        changes = [(data["previous_text"], data["text"]) for data in told(alice, "message.edited")]
        assert changes == [("One", "Two"), ("Two", "One")]
        assert alice.messages()[0]["text"] == "One"

    def test_what_messages_adds_by_itself_is_no_edit(self, alice: Customer) -> None:
        # srv-014
        guid = alice.hears(ADA, None, attachments=(PHOTO,), is_audio=True)
        words = msgspec.structs.replace(PHOTO, transcription="Hello")

        alice.mac.sees(MessageChanged(alice.line, guid, None, (words,)))
        alice.mac.sees(MessageChanged(alice.line, guid, "Also this", (words,)))
        alice.mac.sees(edited(alice, guid, "Also this", attachments=(words,)))

        assert kinds(alice) == ["message.received"]

    def test_a_photo_of_three_that_is_taken_back_is_an_edit_and_the_others_are_shown(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        # edit-03
        photos = tuple(msgspec.structs.replace(PHOTO, guid=f"at_{n}", filename=f"{n}.heic") for n in range(3))
        alice.webhook(receiver.url, "message.edited")
        guid = alice.hears(ADA, "Look", attachments=photos)

        alice.mac.sees(edited(alice, guid, "Look", attachments=(photos[0], photos[2])))

        (heard,) = receiver.waits_for(1)
        assert [file["filename"] for file in heard.body["data"]["attachments"]] == ["0.heic", "2.heic"]
        assert (heard.text, heard.body["data"]["previous_text"]) == ("Look", "Look")

    def test_what_is_unsent_has_neither_text_nor_files(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url, "message.unsent")
        guid = alice.hears(ADA, "Oops", attachments=(PHOTO,))
        (message,) = alice.messages()

        alice.mac.sees(unsent(alice, guid, NOON_MS + 5))

        (heard,) = receiver.waits_for(1)
        more = {"text": None, "attachments": [], "line_handle": alice.line, "unsent_at": NOON_MS + 5}
        assert heard.body["data"] == message | more
        assert kinds(alice) == ["message.received", "message.unsent"]

    def test_our_own_are_told_as_well(self, alice: Customer) -> None:
        guid = sent_by(alice)

        alice.mac.sees(edited(alice, guid, "Hello!"), unsent(alice, guid, NOON_MS + 1))

        (edit,), (end,) = told(alice, "message.edited"), told(alice, "message.unsent")
        assert (edit["is_from_me"], edit["outbox_id"]) == (True, end["outbox_id"])
        assert kinds(alice)[-3:] == ["message.sent", "message.edited", "message.unsent"]

    def test_of_history_and_of_what_nobody_knows_nothing_is_told(self, alice: Customer) -> None:
        # edit-08
        old = alice.hears(ADA, "Old", announce=False)
        ours = text_from(ADA, alice.line, "Ours", sender=None, is_from_me=True, announce=False)
        alice.mac.sees(ours)

        alice.mac.sees(edited(alice, old, "New"), unsent(alice, old), edited(alice, "GUID-none", "New"))
        alice.mac.sees(MessageReached(alice.line, ours.guid, NOON_MS, NOON_MS))
        alice.mac.sees(MessageReached(alice.line, "GUID-none", NOON_MS, NOON_MS))

        assert kinds(alice) == []
        assert [message["text"] for message in alice.messages()] == ["Ours", None]

    def test_the_edit_of_a_message_whose_news_waits_for_its_file_comes_after_it(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        # hook-16
        alice.webhook(receiver.url, "message.received", "message.edited")
        coming = msgspec.structs.replace(PHOTO, is_coming=True)
        seen = text_from(ADA, alice.line, "Lok", attachments=(coming,))
        alice.mac.sees(seen)

        alice.mac.sees(edited(alice, seen.guid, "Look", attachments=(coming,)))
        assert alice.mac.brings(b"cat", seen, "at_0").status_code == 200

        heard = [(each.body["event"], each.text) for each in receiver.waits_for(2)]
        assert heard == [("message.received", "Lok"), ("message.edited", "Look")]
        assert all(each.body["data"]["attachments"][0]["url"] for each in receiver.heard)


class TestDeliveredAndRead:
    def test_both_carry_the_message_and_when(self, alice: Customer) -> None:
        guid = sent_by(alice)
        (message, _) = alice.messages()
        shown = {**message, "line_handle": alice.line}

        alice.mac.sees(MessageReached(alice.line, guid, delivered_at=NOON_MS + 1))
        alice.mac.sees(MessageReached(alice.line, guid, read_at=NOON_MS + 2))

        assert told(alice, "message.delivered") == [shown | {"delivered_at": NOON_MS + 1}]
        assert told(alice, "message.read") == [shown | {"read_at": NOON_MS + 2}]

    def test_what_was_told_once_is_not_told_again_whatever_the_moment_and_after_a_restart(
        self, alice: Customer
    ) -> None:
        guid = sent_by(alice)
        alice.mac.sees(MessageReached(alice.line, guid, NOON_MS + 1))

        with alice.world.open():
            alice.mac.sees(MessageReached(alice.line, guid, NOON_MS + 5, NOON_MS + 6))
            alice.mac.sees(MessageReached(alice.line, guid, NOON_MS + 7, NOON_MS + 8))

        assert kinds(alice) == ["message.received", "message.sent", "message.delivered", "message.read"]

    def test_somebody_elses_message_is_not_ours_to_be_read(self, alice: Customer) -> None:
        alice.mac.sees(MessageReached(alice.line, alice.hears(ADA), NOON_MS, NOON_MS))

        assert kinds(alice) == ["message.received"]


class TestFailed:
    def test_it_is_the_outbox_item_as_the_api_shows_it(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url, "message.failed")
        alice.hears(ADA)
        outbox_id = alice.sends("Hello")
        (item,) = alice.mac.claim()

        alice.mac.fail(item, "recipient_not_on_imessage", permanent=True)

        (heard,) = receiver.waits_for(1)
        shown = alice.item(outbox_id)
        del shown["request_id"]
        (chat,) = alice.get("/v1/chats", {"from": alice.line}).json()["data"]
        assert heard.body["data"] == shown | {"chat_id": chat["id"], "line_handle": alice.line}
        assert (shown["status"], shown["error"]) == ("failed", "recipient_not_on_imessage")
        assert heard.is_signed_with(made["secret"])

    def test_a_failure_that_is_tried_again_is_none_until_the_last(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.sends()
        while not told(alice, "message.failed"):
            for item in alice.mac.claim():
                alice.mac.fail(item, "not now")
            assert alice.world.clock.ms < NOON_MS + 30 * MINUTE_MS
            alice.world.clock.ms += MINUTE_MS

        assert [data["attempts"] for data in told(alice, "message.failed")] == [5]

    def test_of_text_and_file_the_whole_is_told_whichever_fails(self, alice: Customer) -> None:
        alice.hears(ADA)
        file_id = alice.uploads()["id"]
        wholes = []
        for fails_at in (0, 1):
            wholes.append(alice.accepted("/v1/messages", text="Look", attachments=[file_id]))
            for _ in range(fails_at):
                (text,) = alice.mac.claim()
                alice.mac.sends(text)
            (part,) = alice.mac.claim()
            alice.mac.fail(part, "attachment_unreadable", permanent=True)

        assert [data["id"] for data in told(alice, "message.failed")] == wholes

    def test_voice_messages_reactions_and_what_nobody_answers_for_are_told_signals_are_not(
        self, alice: Customer
    ) -> None:
        guid = alice.is_ready_for("reactions", "audio", "typing")
        voice = alice.accepted("/v1/audio-messages", audio_message=alice.keeps())
        reaction = alice.accepted("/v1/reactions", message_id=guid, type="love")
        alice.accepted("/v1/typing")
        for item in alice.mac.claim():
            assert alice.mac.begin(item)
        (signal,) = alice.mac.signals()
        alice.mac.fail_signal(signal, "no", permanent=True)

        alice.world.clock.ms += SILENCE_MS + HOUR_MS
        for _ in range(2):
            alice.world.do(sending.end_the_silent)

        failed = [(data["id"], data["error"]) for data in told(alice, "message.failed")]
        assert failed == [(voice, "outcome_unknown"), (reaction, "outcome_unknown")]

    def test_what_another_journal_asks_for_is_lost_and_told_once(self, alice: Customer) -> None:
        alice.hears(ADA)
        lost, next_one = alice.sends("Lost"), alice.sends("Next")
        item, _ = alice.mac.claim()
        assert alice.mac.begin(item)
        alice.world.clock.ms += HOUR_MS
        alice.mac.journal = "journal-2"

        claimed = [each.id for each in alice.mac.claim()]

        assert claimed == [next_one]
        assert [data["id"] for data in told(alice, "message.failed")] == [lost]


class TestTypingAndReading:
    def test_each_turn_is_told_once_with_the_indicator_that_is_listed(self, alice: Customer) -> None:
        alice.hears(ADA)
        for is_typing, at in ((False, 1), (True, 2), (True, 3), (False, 4), (False, 5), (True, 6)):
            alice.mac.sees(types(alice, is_typing=is_typing, at=NOON_MS - 10 + at))
        alice.mac.sees(types(alice, is_typing=False, at=NOON_MS - 9))  # told out of its order

        (listed,) = alice.get("/v1/typing", {"from": alice.line, "to": ADA}).json()["data"]
        turns = [(kind, data) for kind, data in alice.world.events() if kind.startswith("typing.")]
        assert [kind for kind, _ in turns] == ["typing.started", "typing.stopped", "typing.started"]
        assert turns[-1][1] == listed | {"line_id": alice.line_id, "line_handle": alice.line}
        assert [data["updated_at"] for _, data in turns] == [NOON_MS - 8, NOON_MS - 6, NOON_MS - 4]

    def test_who_types_again_after_a_minute_without_a_sign_has_begun_anew(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.mac.sees(types(alice, is_typing=True))
        alice.world.clock.ms += MINUTE_MS + SECOND_MS

        alice.mac.sees(types(alice, is_typing=True, at=alice.world.clock.ms))
        alice.mac.sees(types(alice, is_typing=False, at=alice.world.clock.ms + 1))

        assert kinds(alice)[1:] == ["typing.started", "typing.started", "typing.stopped"]

    def test_a_mac_whose_clock_is_ahead_brings_no_turn_twice(self, alice: Customer) -> None:
        alice.hears(ADA)

        alice.mac.sees(*[types(alice, is_typing=is_typing, at=NOON_MS + HOUR_MS) for is_typing in (True, False, True)])

        assert kinds(alice)[1:] == ["typing.started", "typing.stopped"]

    def test_each_later_reading_is_told_once(self, alice: Customer) -> None:
        alice.hears(ADA)
        for at in (3, 3, 1, 7, 3, 7):
            alice.mac.sees(reads(alice, NOON_MS + at))

        (listed,) = alice.get("/v1/receipts", {"from": alice.line, "to": ADA}).json()["data"]
        readings = told(alice, "receipt.read")
        assert [data["last_read_at"] for data in readings] == [NOON_MS + 3, NOON_MS + 7]
        assert readings[-1] == listed | {"line_id": alice.line_id, "line_handle": alice.line}


def test_a_restart_forgets_neither_the_switch_nor_what_was_told(alice: Customer, world: World) -> None:
    guid = alice.hears(ADA, "Teh")
    edit = edited(alice, guid, "The")
    alice.mac.sees(edit)

    with World(world.database, Clock()).open() as again:
        alice.mac.world = again
        alice.mac.sees(edit)
        alice.mac.sees(edited(alice, guid, "Them", NOON_MS + 1))

    assert kinds(alice) == ["message.received", "message.edited", "message.edited"]
