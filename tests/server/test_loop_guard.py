"""Two programs that answer each other are stopped, and people are not."""

import itertools

import pytest

from tests.server.answers import assert_done, assert_refused
from tests.server.world import ADA, CARL, MINUTE_MS, NOON_MS, SECOND_MS, Customer, Json, proof_of, text_in_group

LIMIT = 3
GUARD = {"loop_guard": {"limit": LIMIT, "window_s": 60, "pause_s": 300}}
_moments = itertools.count(1)


@pytest.fixture
def alice(alice: Customer) -> Customer:
    """Return Alice, whose chats are paused after three messages each way within a minute."""
    alice.sets(**GUARD)
    alice.hears(ADA)
    alice.world.pass_time(2 * MINUTE_MS)
    return alice


def says(customer: Customer, person: str = ADA, **more: Json) -> None:
    """Have a person write now."""
    customer.hears(person, sent_at=customer.world.clock() + next(_moments), **more)


def answers(customer: Customer, to: str = ADA, **more: Json) -> None:
    """Have a message sent, and seen in Messages."""
    customer.sends(to=to)
    (item,) = customer.mac.claim()
    assert customer.mac.begin(item)
    customer.mac.sees(proof_of(item, sent_at=customer.world.clock() + next(_moments), **more))


def goes_round(customer: Customer, times: int, person: str = ADA, wait_ms: int = SECOND_MS) -> None:
    """Have that many answers and texts follow each other."""
    for _ in range(times):
        answers(customer, person)
        says(customer, person)
        customer.world.clock.ms += wait_ms


def test_a_loop_is_refused_until_the_pause_is_over(alice: Customer) -> None:
    world = alice.world
    goes_round(alice, LIMIT - 1)
    answers(alice)
    waiting = alice.sends()
    rows = world.rows("outbox")
    says(alice)

    until = world.clock() + 300 * SECOND_MS
    world.clock.ms += 500
    refused = alice.asks()
    assert_refused(refused, 429, "loop_detected", "to")
    assert refused.headers["retry-after"] == "300"
    assert f"{LIMIT} messages each way within 60 seconds" in refused.json()["error"]["message"]
    assert (alice.chat_with()["looping_until"], world.rows("outbox")) == (until, rows)
    assert [row for (row,) in world.sql("SELECT action FROM audit_log") if row == "chat.paused"] == ["chat.paused"]

    # What was accepted before still goes out, and who goes on writing makes the pause no longer.
    (item,) = alice.mac.claim()
    assert item.id == waiting
    alice.mac.sends(item)
    says(alice)
    assert alice.chat_with()["looping_until"] == until
    # Others are not paused.
    says(alice, CARL)
    assert_done(alice.asks(CARL), 201)

    world.clock.ms = until - 1
    assert_refused(alice.asks(), 429, "loop_detected", "to")
    world.clock.ms = until
    assert_done(alice.asks(), 201)
    assert "looping_until" not in alice.chat_with()


def test_reactions_and_voice_are_refused_too_and_signals_are_not(alice: Customer) -> None:
    alice.mac.hello(alice.line, capabilities=("audio", "reactions", "typing", "receipts"))
    goes_round(alice, LIMIT)
    where = {"from": alice.line, "to": ADA}
    guid = alice.messages()[0]["guid"]

    reaction = alice.post("/v1/reactions", where | {"message_id": guid, "type": "love"})
    assert_refused(reaction, 429, "loop_detected", "to")
    voice = alice.post("/v1/audio-messages", where | {"audio_message": alice.keeps()})
    assert_refused(voice, 429, "loop_detected", "to")
    assert_done(alice.post("/v1/typing", where), 201)
    assert_done(alice.post("/v1/receipts", where), 201)


def test_what_is_no_loop_is_none(alice: Customer) -> None:
    # Too slow: three rounds take more than a minute.
    goes_round(alice, 2 * LIMIT, wait_ms=31 * SECOND_MS)
    assert "looping_until" not in alice.chat_with()

    # One side alone, however much it says.
    for _ in range(3 * LIMIT):
        says(alice, CARL)
    answers(alice, CARL)
    for _ in range(LIMIT):
        says(alice, CARL)
    assert "looping_until" not in alice.chat_with(CARL)

    # A person at the Mac writes as quickly as they like.
    by_hand = {"is_from_me": True, "sender": None}
    for _ in range(LIMIT):
        says(alice, CARL, **by_hand)
        says(alice, CARL)
    assert "looping_until" not in alice.chat_with(CARL)

    # Nor is history news.
    for _ in range(LIMIT):
        answers(alice, CARL)
    says(alice, CARL, announce=False)
    assert "looping_until" not in alice.chat_with(CARL)


def test_in_a_group_it_takes_one_person_who_answers_that_often(alice: Customer) -> None:
    chat = text_in_group("chat100", ADA, alice.line).chat

    def hears(person: str) -> None:
        sent_at = alice.world.clock() + next(_moments)
        alice.mac.sees(text_in_group("chat100", person, alice.line, sent_at=sent_at, chat=chat))

    hears(ADA)
    hears(CARL)
    group = alice.group()
    for person in (ADA, CARL, "+15550100003", "+15550100004"):
        answers(alice, group, chat=chat)
        hears(person)
    assert_done(alice.asks(group), 201)

    hears(ADA)
    assert_refused(alice.asks(group), 429, "loop_detected", "to")


def test_switching_the_guard_off_lets_sends_through_at_once(alice: Customer) -> None:
    goes_round(alice, LIMIT)
    assert_refused(alice.asks(), 429, "loop_detected", "to")

    alice.sets(loop_guard={"limit": 0})
    assert_done(alice.asks(), 201)


def test_a_loop_of_the_past_that_is_told_late_is_none(alice: Customer) -> None:
    world = alice.world
    for _ in range(LIMIT):
        alice.sends()
    items = alice.mac.claim()
    for item in items:
        assert alice.mac.begin(item)
    world.clock.ms += 10 * MINUTE_MS
    for item in items:
        alice.mac.sees(proof_of(item, sent_at=NOON_MS + next(_moments)))
        alice.hears(ADA, sent_at=NOON_MS + next(_moments))

    assert_done(alice.asks(), 201)
