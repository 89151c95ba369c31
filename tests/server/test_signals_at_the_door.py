"""Typing and read marks at the daemon's door: a queue of their own, in nobody's way, and over soon."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from blueport.protocol.commands import MarkRead, SetTyping
from blueport.protocol.door import ClaimSignals, Failed, Hold
from tests.server.answers import assert_refused
from tests.server.world import ADA, CARL, HOUR_MS, MINUTE_MS, SECOND_MS, Customer, text_from

TYPING = "/v1/typing"
RECEIPTS = "/v1/receipts"
LEASE_MS = 15_000


@pytest.fixture(autouse=True)
def _people_have_written(alice: Customer) -> None:
    alice.is_ready_for("typing", "receipts")
    alice.hears(CARL)


def _ended(customer: Customer, outbox_id: str) -> tuple[str, str | None]:
    item = customer.item(outbox_id)
    assert (item["completed_at"] is None) == (item["status"] in ("pending", "claimed"))
    return item["status"], item["error"]


class TestOwnQueue:
    def test_signals_and_commands_do_not_see_each_other(self, alice: Customer) -> None:
        # srv-015
        text = alice.sends()
        typing = alice.accepted(TYPING)
        read = alice.accepted(RECEIPTS)

        assert [signal.id for signal in alice.mac.signals()] == [typing, read]
        assert [item.id for item in alice.mac.claim()] == [text]

    def test_a_signal_that_hangs_holds_back_no_text(self, alice: Customer) -> None:
        # srv-015
        alice.accepted(TYPING)
        alice.mac.signals()
        text = alice.sends()

        (item,) = alice.mac.claim()

        assert item.id == text
        alice.mac.sends(item)
        assert _ended(alice, text) == ("sent", None)

    def test_a_text_that_hangs_holds_back_no_signal(self, alice: Customer) -> None:
        alice.sends()
        alice.mac.begin(alice.mac.claim()[0])
        typing = alice.accepted(TYPING)

        assert [signal.id for signal in alice.mac.signals()] == [typing]

    def test_no_event_is_made_of_a_signal(self, alice: Customer) -> None:
        events = len(alice.world.events())
        alice.accepted(TYPING)

        (signal,) = alice.mac.signals()
        alice.mac.done(signal)

        assert len(alice.world.events()) == events


class TestClaim:
    def test_what_is_claimed_is_offered_to_nobody_else_until_its_lease_is_over(self, alice: Customer) -> None:
        read = alice.accepted(RECEIPTS)
        (first,) = alice.mac.signals()
        assert _ended(alice, read) == ("claimed", None)
        assert alice.mac.signals() == []

        alice.world.clock.ms += LEASE_MS

        (second,) = alice.mac.signals()
        assert (second.id, second.token == first.token) == (read, False)
        assert alice.mac.done(first) is False, "its token is worth nothing any more"
        assert alice.mac.done(second) is True
        assert alice.item(read)["attempts"] == 2

    def test_no_more_is_claimed_than_asked_for(self, alice: Customer) -> None:
        made = [alice.accepted(RECEIPTS), alice.accepted(TYPING), alice.accepted(TYPING, CARL)]

        assert [signal.id for signal in alice.mac.signals(limit=2)] == made[:2]
        assert [signal.id for signal in alice.mac.signals(limit=2)] == made[2:]

    def test_a_claim_of_nothing_waits_no_longer_than_asked(self, alice: Customer) -> None:
        assert alice.mac.signals(wait_s=0) == []

    def test_a_waiting_claim_is_answered_when_a_signal_arrives(self, alice: Customer) -> None:
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(alice.mac.signals, wait_s=20)
            typing = alice.accepted(TYPING)

            assert [signal.id for signal in waiting.result(timeout=10)] == [typing]

    def test_a_waiting_claim_is_answered_when_the_server_ends(self, alice: Customer) -> None:
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(alice.mac.signals, wait_s=20)
            alice.world.client.portal.call(alice.world.server.let_go)

            assert waiting.result(timeout=10) == []

    def test_a_clock_that_is_set_back_leaves_nothing_claimed_for_long(self, alice: Customer) -> None:
        read = alice.accepted(RECEIPTS)
        alice.mac.signals()
        alice.world.clock.ms -= HOUR_MS

        assert alice.mac.signals() == []

        assert _ended(alice, read) == ("failed", "expired")


class TestEnds:
    def test_what_is_done_is_sent(self, alice: Customer) -> None:
        typing = alice.accepted(TYPING)
        (signal,) = alice.mac.signals()
        alice.world.clock.ms += 7

        assert alice.mac.done(signal) is True

        item = alice.item(typing)
        assert (item["status"], item["error"], item["attempts"]) == ("sent", None, 1)
        assert item["completed_at"] == item["created_at"] + 7
        assert alice.mac.done(signal) is False
        assert alice.mac.fail_signal(signal) is False

    def test_what_cannot_be_done_is_failed(self, alice: Customer) -> None:
        typing = alice.accepted(TYPING)
        (signal,) = alice.mac.signals()

        assert alice.mac.fail_signal(signal, "not_supported", permanent=True) is True

        assert _ended(alice, typing) == ("failed", "not_supported")
        assert alice.mac.signals() == []

    def test_what_may_be_tried_again_is_offered_again_a_little_later(self, alice: Customer) -> None:
        read = alice.accepted(RECEIPTS)
        (signal,) = alice.mac.signals()

        assert alice.mac.fail_signal(signal) is True

        assert _ended(alice, read) == ("pending", None)
        assert alice.mac.signals() == []
        alice.world.clock.ms += 2 * SECOND_MS
        assert [again.id for again in alice.mac.signals()] == [read]

    def test_after_its_last_attempt_it_is_failed(self, alice: Customer) -> None:
        read = alice.accepted(RECEIPTS)
        for _ in range(5):
            (signal,) = alice.mac.signals()
            alice.mac.fail_signal(signal, "busy")
            alice.world.clock.ms += 2 * SECOND_MS

        assert _ended(alice, read) == ("failed", "busy")
        assert alice.item(read)["attempts"] == alice.item(read)["max_attempts"] == 5

    def test_a_mac_that_never_answers_uses_up_the_attempts(self, alice: Customer) -> None:
        read = alice.accepted(RECEIPTS)
        for _ in range(5):
            assert len(alice.mac.signals()) == 1
            alice.world.clock.ms += LEASE_MS

        assert alice.mac.signals() == []
        assert _ended(alice, read) == ("failed", "attempts_exhausted")

    def test_a_very_long_reason_is_cut(self, alice: Customer) -> None:
        typing = alice.accepted(TYPING)
        (signal,) = alice.mac.signals()

        alice.mac.fail_signal(signal, "x" * 10_000, permanent=True)

        assert _ended(alice, typing) == ("failed", "x" * 500)


class TestExpiry:
    @pytest.mark.parametrize(("path", "lifetime_ms"), [(TYPING, 30 * SECOND_MS), (RECEIPTS, 10 * MINUTE_MS)])
    def test_what_nobody_claims_in_time_expires(self, alice: Customer, path: str, lifetime_ms: int) -> None:
        outbox_id = alice.accepted(path)
        alice.world.clock.ms += lifetime_ms - 1
        alice.world.sweep()
        assert _ended(alice, outbox_id) == ("pending", None)

        alice.world.clock.ms += 1
        alice.world.sweep()

        assert _ended(alice, outbox_id) == ("failed", "expired")

    def test_a_claim_gets_nothing_that_has_expired(self, alice: Customer) -> None:
        outbox_id = alice.accepted(TYPING)
        alice.world.clock.ms += 30 * SECOND_MS

        assert alice.mac.signals() == []
        assert _ended(alice, outbox_id) == ("failed", "expired")

    def test_what_a_mac_is_at_may_still_be_done(self, alice: Customer) -> None:
        outbox_id = alice.accepted(TYPING)
        alice.world.clock.ms += 29 * SECOND_MS
        (signal,) = alice.mac.signals()
        alice.world.clock.ms += 2 * SECOND_MS
        alice.world.sweep()

        assert alice.mac.done(signal) is True
        assert _ended(alice, outbox_id) == ("sent", None)

    def test_what_fails_with_too_little_time_left_is_not_tried_again(self, alice: Customer) -> None:
        outbox_id = alice.accepted(TYPING)
        alice.world.clock.ms += 28 * SECOND_MS
        (signal,) = alice.mac.signals()

        alice.mac.fail_signal(signal, "busy")

        assert _ended(alice, outbox_id) == ("failed", "busy")

    def test_a_clock_that_is_set_back_makes_nothing_last_longer(self, alice: Customer) -> None:
        outbox_id = alice.accepted(TYPING)
        alice.world.clock.ms -= HOUR_MS
        alice.world.sweep()

        assert _ended(alice, outbox_id) == ("failed", "expired")


class TestTheLatestWins:
    def test_a_newer_one_takes_the_place_of_one_that_waits(self, alice: Customer) -> None:
        on = alice.accepted(TYPING)
        off = alice.accepted(TYPING, state="off")

        (signal,) = alice.mac.signals()

        assert signal.id == off
        assert signal.signal == SetTyping(ADA, (f"iMessage;-;{ADA}",), is_typing=False)
        assert _ended(alice, on) == ("failed", "superseded")

    def test_a_newer_one_waits_for_one_that_a_mac_is_at(self, alice: Customer) -> None:
        on = alice.accepted(TYPING)
        (first,) = alice.mac.signals()
        off = alice.accepted(TYPING, state="off")
        assert alice.mac.signals() == []

        alice.mac.done(first)

        assert [signal.id for signal in alice.mac.signals()] == [off]
        assert _ended(alice, on) == ("sent", None)

    def test_one_that_a_mac_was_at_is_not_tried_again_after_a_newer_one(self, alice: Customer) -> None:
        on = alice.accepted(TYPING)
        (first,) = alice.mac.signals()
        off = alice.accepted(TYPING, state="off")
        alice.mac.fail_signal(first, "busy")

        assert [signal.id for signal in alice.mac.signals()] == [off]
        assert _ended(alice, on) == ("failed", "busy")

    def test_one_that_was_lost_on_the_way_is_over_once_its_lease_is(self, alice: Customer) -> None:
        on = alice.accepted(TYPING)
        alice.mac.signals()
        off = alice.accepted(TYPING, state="off")
        alice.world.clock.ms += LEASE_MS

        assert [signal.id for signal in alice.mac.signals()] == [off]
        assert _ended(alice, on) == ("failed", "expired")

    def test_other_chats_and_read_marks_stay(self, alice: Customer) -> None:
        made = [
            alice.accepted(TYPING),
            alice.accepted(TYPING, CARL),
            alice.accepted(RECEIPTS),
            alice.accepted(RECEIPTS),
        ]

        claimed = alice.mac.signals()

        assert [signal.id for signal in claimed] == made
        assert [type(signal.signal) for signal in claimed] == [SetTyping, SetTyping, MarkRead, MarkRead]


class TestWhoMayAsk:
    def test_a_mac_gets_the_signals_of_its_own_lines_alone(self, alice: Customer, bob: Customer) -> None:
        second = "+15550101001"
        alice.world.add_line(alice.account_id, second, alice.mac)
        alice.mac.hello(alice.line, second, capabilities=("typing", "receipts"))
        alice.mac.sees(text_from(ADA, second))
        alice.accepted(TYPING)
        alice.post(TYPING, {"from": second, "to": ADA})

        assert bob.mac.signals() == []
        assert [signal.line_handle for signal in alice.mac.signals()] == [alice.line, second]

    def test_a_mac_cannot_end_the_signal_of_another_even_with_its_token(self, alice: Customer, bob: Customer) -> None:
        outbox_id = alice.accepted(TYPING)
        (signal,) = alice.mac.signals()

        assert bob.mac.done(signal) is False
        assert bob.mac.fail_signal(signal, permanent=True) is False

        assert _ended(alice, outbox_id) == ("claimed", None)

    @pytest.mark.parametrize("path", ["signals", "signals/obx_1/done", "signals/obx_1/failed"])
    def test_an_unknown_token_is_refused_before_its_words_are_read(self, alice: Customer, path: str) -> None:
        alice.mac.token = "dt_nonsense"

        assert_refused(alice.mac.knock(path, b"{"), 401, "invalid_api_key")

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("path", ["signals", "signals/obx_1/done", "signals/obx_1/failed"])
    @pytest.mark.parametrize("said", [b"", b"[]", b'{"surprise": 1}', b'{"token": 5}', b'{"wait_s": "long"}'])
    def test_what_is_no_word_of_the_protocol_is_refused(self, alice: Customer, path: str, said: bytes) -> None:
        assert_refused(alice.mac.knock(path, said), 400, "invalid_json")

    def test_a_signal_that_never_was_is_not_held(self, alice: Customer) -> None:
        assert alice.mac.knock("signals/obx_0/done", Hold("tok_0")).json() == {"held": False}
        assert alice.mac.knock("signals/obx_0/failed", Failed("tok_0", "", permanent=True)).json() == {"held": False}

    def test_a_command_is_no_signal(self, alice: Customer) -> None:
        text = alice.sends()
        (item,) = alice.mac.claim()

        assert alice.mac.knock(f"signals/{item.id}/done", Hold(item.token)).json() == {"held": False}
        assert alice.mac.knock("signals", ClaimSignals(wait_s=0)).json() == {"signals": []}
        assert _ended(alice, text) == ("claimed", None)
