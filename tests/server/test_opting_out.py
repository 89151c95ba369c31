"""STOP and START: with the setting on, whoever texts STOP is left alone until they text START."""

from dataclasses import dataclass

import pytest

from tests.server.answers import assert_done, assert_refused
from tests.server.world import ADA, CARL, HOUR_MS, NOON_MS, Customer, text_from, text_in_group

STOP_WORDS = (
    "STOP",
    "stopall",
    "Unsubscribe",
    "CANCEL",
    "end",
    "Quit",
    "OptOut",
    "REVOKE",
    " stop. ",
    "Stop!!",
    "STOP…",
)
START_WORDS = ("START", "Yes", "unstop", "start!")
OTHER_WORDS = ("Stop it", "please stop", "stopp", "", "!", "ST OP", "Don't stop", "Yes please", "END OF STORY")


@pytest.fixture
def alice(alice: Customer) -> Customer:
    """Return Alice, who heeds STOP, and to whom Ada has written."""
    alice.sets(stop_handling=True)
    alice.hears(ADA)
    return alice


def assert_left_alone(customer: Customer, to: str = ADA) -> None:
    assert_refused(customer.asks(to), 403, "contact_opted_out", "to")


def actions(customer: Customer) -> list[str]:
    return [action for (action,) in customer.world.sql("SELECT action FROM audit_log ORDER BY seq") if "chat" in action]


def test_each_word_says_what_it_says_and_nothing_else_does(alice: Customer) -> None:
    for word in STOP_WORDS:
        alice.hears(ADA, word)
        assert_left_alone(alice)
        alice.hears(ADA, "Are you still there?")
        assert_left_alone(alice)
        alice.hears(ADA, "START")
        assert_done(alice.asks(), 201)
    for word in OTHER_WORDS:
        alice.hears(ADA, word)
        assert_done(alice.asks(), 201)
    for word in START_WORDS:
        alice.hears(ADA, "STOP")
        alice.hears(ADA, word)
        assert_done(alice.asks(), 201)


def test_the_word_is_received_like_any_text_and_the_chat_tells_of_it(alice: Customer) -> None:
    assert "opted_out_at" not in alice.chat_with()
    alice.hears(ADA, "Stop", sent_at=NOON_MS + 500)
    alice.hears(ADA, "stop!", sent_at=NOON_MS + 900)

    assert [data["text"] for kind, data in alice.world.events() if kind == "message.received"][-2:] == ["Stop", "stop!"]
    assert alice.chat_with()["opted_out_at"] == NOON_MS + 500
    assert actions(alice) == ["chat.opted_out"]

    alice.hears(ADA, "start", sent_at=NOON_MS + 950)
    assert "opted_out_at" not in alice.chat_with()
    assert actions(alice) == ["chat.opted_out", "chat.opted_in"]


def test_messages_voice_and_reactions_are_refused_and_signals_and_reading_are_not(alice: Customer) -> None:
    guid = alice.is_ready_for("audio", "reactions", "typing", "receipts")
    alice.hears(ADA, "STOP")
    rows = alice.world.rows("outbox")
    chat_id = alice.chat_with()["id"]
    where = {"from": alice.line, "to": chat_id}

    assert_left_alone(alice, chat_id)
    for path, more in (
        ("/v1/audio-messages", {"audio_message": alice.keeps()}),
        ("/v1/reactions", {"message_id": guid, "type": "love"}),
    ):
        assert_refused(alice.post(path, where | more), 403, "contact_opted_out", "to")
    assert alice.world.rows("outbox") == rows
    assert_done(alice.post("/v1/typing", where), 201)
    assert_done(alice.post("/v1/receipts", where), 201)
    assert_done(alice.get("/v1/messages", where))


def test_what_still_waited_ends_failed_and_what_was_begun_ends_as_it_does(alice: Customer) -> None:
    begun, claimed, pending = (alice.sends(text) for text in ("1", "2", "3"))
    whole = alice.accepted("/v1/messages", text="Look", attachments=[alice.keeps()])
    alice.hears(CARL)
    to_carl = alice.sends(to=CARL)
    first, second = alice.mac.claim(limit=2)
    assert alice.mac.begin(first)

    alice.hears(ADA, "STOP")

    assert not alice.mac.begin(second)
    for outbox_id in (claimed, pending, whole):
        item = alice.item(outbox_id)
        assert (item["status"], item["error"], item["completed_at"]) == ("failed", "contact_opted_out", NOON_MS)
    assert [item.id for item in alice.mac.claim(first.id)] == [to_carl]
    assert alice.mac.sends(first)
    assert alice.item(begun)["status"] == "sent"


def test_with_the_setting_off_nothing_is_heeded_and_switching_it_off_lets_sends_through(
    alice: Customer, bob: Customer
) -> None:
    bob.hears(ADA, "STOP")
    assert_done(bob.asks(), 201)

    alice.hears(ADA, "STOP")
    alice.sets(stop_handling=False)
    waiting = alice.asks()
    assert_done(waiting, 201)
    assert "opted_out_at" in alice.chat_with()

    # The mark stays: it holds again, for what is waiting too.
    alice.sets(stop_handling=True)
    assert_left_alone(alice)
    assert alice.mac.claim() == []
    item = alice.item(waiting.json()["id"])
    assert (item["status"], item["error"]) == ("failed", "contact_opted_out")

    alice.sets(stop_handling=None)
    alice.hears(ADA, "START")
    assert "opted_out_at" not in alice.chat_with()


def test_a_request_that_is_repeated_gets_its_first_answer_although_they_opted_out_since(alice: Customer) -> None:
    once = {"Idempotency-Key": "once"}
    first = alice.asks(**once)
    alice.hears(ADA, "STOP")

    again = alice.asks(**once)

    assert again.status_code == 201
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (first.json()["id"], "true")
    assert_refused(alice.asks(**{"Idempotency-Key": "twice"}), 403, "contact_opted_out", "to")


@dataclass
class Told:
    """What is told, in that order: each word with when it was said, after NOON, and whether it is news."""

    words: tuple[tuple[str, int, bool], ...]
    is_out: bool


TOLD = (
    Told((("STOP", 5, False),), is_out=True),  # missed while the Mac was off
    Told((("STOP", 5, False), ("START", 6, False)), is_out=False),
    Told((("START", 6, True), ("STOP", 5, False)), is_out=False),  # the older is told later
    Told((("STOP", 6, True), ("START", 5, False)), is_out=True),
    Told((("STOP", 5, True), ("Thanks", 7, True)), is_out=True),
    Told((("Thanks", 7, True), ("STOP", 5, False)), is_out=True),
    Told((("STOP", -HOUR_MS, False),), is_out=False),  # before the line was here
)


def test_the_word_that_was_said_last_counts_in_whatever_order_they_are_told(alice: Customer) -> None:
    for number, told in enumerate(TOLD):
        person = f"+1555010010{number}"
        alice.hears(person, sent_at=NOON_MS + 1)
        for word, after, is_news in told.words:
            alice.hears(person, word, sent_at=NOON_MS + after, announce=is_news)

        assert ("opted_out_at" in alice.chat_with(person)) is told.is_out, told
        assert alice.asks(person).status_code == (403 if told.is_out else 201)


def test_a_group_has_no_stop_and_our_own_words_are_none(alice: Customer) -> None:
    alice.mac.sees(text_in_group("chat100", ADA, alice.line, "STOP"))
    assert_done(alice.asks(alice.group()), 201)
    ours = text_from(ADA, alice.line, "STOP", is_from_me=True, sender=None)
    alice.mac.sees(ours)
    assert_done(alice.asks(), 201)

    # Messages may show our own at first as theirs.
    theirs = text_from(CARL, alice.line, "STOP", guid="OWN", sent_at=NOON_MS + 50)
    alice.hears(CARL)
    alice.mac.sees(theirs)
    assert_left_alone(alice, CARL)
    alice.mac.sees(text_from(CARL, alice.line, "STOP", guid="OWN", sent_at=NOON_MS + 50, is_from_me=True, sender=None))
    assert_done(alice.asks(CARL), 201)
