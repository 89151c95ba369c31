"""The daemon's door: who holds which outbox item, and how it ends."""

from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
import pytest

from blueport.protocol.door import Begin, Claim, ClaimedItem, Failed, Sightings
from blueport.protocol.sightings import Proof
from tests.patience import PATIENCE_S
from tests.server.answers import assert_refused
from tests.server.receiver import until
from tests.server.world import (
    ADA,
    CARL,
    HOUR_MS,
    MINUTE_MS,
    NOON_MS,
    SECOND_MS,
    SWEEP_MS,
    Customer,
    Json,
    Mac,
    proof_of,
    text_from,
)

LEASE_MS = 60_000


@pytest.fixture(autouse=True)
def _people_have_written(alice: Customer) -> None:
    alice.hears(ADA)
    alice.hears(CARL)


@pytest.fixture
def other(alice: Customer) -> Mac:
    """Return the same Mac with another journal: a second daemon with the same token, or one that lost its file."""
    other = Mac(alice.world, alice.mac.token, alice.mac.id)
    other.journal = "journal-2"
    return other


class TestOrder:
    def test_items_are_offered_in_the_order_of_acceptance(self, alice: Customer) -> None:
        texts = [f"text {number}" for number in range(12)]
        for number, text in enumerate(texts):
            alice.sends(text, to=(ADA, CARL)[number % 2])

        first = alice.mac.claim(limit=5)
        rest = alice.mac.claim(*[item.id for item in first], limit=50)

        assert [item.command.text for item in first + rest] == texts

    def test_an_item_that_waits_for_its_retry_holds_back_its_line(self, alice: Customer) -> None:
        alice.sends("first")
        alice.sends("second")
        (first,) = alice.mac.claim(limit=1)
        alice.mac.fail(first)

        assert alice.mac.claim() == []

        alice.world.clock.ms += 2 * SECOND_MS
        assert [item.command.text for item in alice.mac.claim()] == ["first", "second"]

    def test_an_item_may_not_begin_before_an_earlier_one_of_its_line(self, alice: Customer) -> None:
        alice.sends("first")
        alice.sends("second")
        first, second = alice.mac.claim()

        assert alice.mac.begin(second) is False
        assert alice.mac.begin(first) is True
        assert alice.mac.begin(second) is True

    def test_what_is_claimed_with_an_item_that_waits_for_its_retry_may_not_begin_before_it(
        self, alice: Customer
    ) -> None:
        alice.sends("first")
        second_id = alice.sends("second")
        first, _ = alice.mac.claim()
        alice.mac.begin(first)
        alice.mac.fail(first)
        alice.world.clock.ms += 2 * SECOND_MS
        alice.sends("third")

        first, third = alice.mac.claim(second_id)  # sent before the Mac let go of the second one
        alice.mac.begin(first)

        assert alice.mac.begin(third) is False
        second, third = alice.mac.claim(first.id)
        assert [alice.mac.begin(item) for item in (second, third)] == [True, True]

    def test_a_clock_that_is_set_back_holds_nothing_back(self, alice: Customer) -> None:
        alice.sends("first")
        alice.world.clock.ms -= HOUR_MS
        alice.sends("second")

        assert [item.command.text for item in alice.mac.claim()] == ["first", "second"]

    def test_a_retry_is_due_at_once_when_the_clock_is_set_back_by_more_than_its_wait(self, alice: Customer) -> None:
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.fail(item)
        alice.world.clock.ms -= HOUR_MS

        assert [item.id for item in alice.mac.claim()] == [outbox_id]

    def test_one_line_does_not_hold_back_another(self, alice: Customer) -> None:
        second = "+15550101001"
        alice.world.add_line(alice.account_id, second, alice.mac)
        alice.mac.sees(text_from(ADA, second))
        alice.sends("first")
        (first,) = alice.mac.claim()
        alice.mac.fail(first)

        alice.post("/v1/messages", {"from": second, "to": ADA, "text": "other line"})

        assert [item.command.text for item in alice.mac.claim()] == ["other line"]


class TestClaim:
    def test_an_item_says_all_that_is_needed_to_do_it(self, alice: Customer) -> None:
        outbox_id = alice.sends("Hello")

        (item,) = alice.mac.claim()

        assert (item.id, item.line_handle, item.attempt) == (outbox_id, alice.line, 1)
        assert (item.command.recipient, item.command.text) == (ADA, "Hello")
        assert item.command.chat_guids == (f"iMessage;-;{ADA}",)

    def test_what_is_held_is_not_offered_again(self, alice: Customer) -> None:
        alice.sends()
        (item,) = alice.mac.claim()

        assert alice.mac.claim(item.id) == []

    def test_what_got_lost_on_the_way_is_offered_again_under_a_new_token(self, alice: Customer) -> None:
        alice.sends()
        (lost,) = alice.mac.claim()

        (again,) = alice.mac.claim()

        assert again.id == lost.id
        assert again.token != lost.token
        assert alice.mac.begin(lost) is False

    def test_what_one_journal_never_began_is_the_same_attempt_however_often_it_is_offered(
        self, alice: Customer
    ) -> None:
        outbox_id = alice.sends()

        attempts = [item.attempt for _ in range(20) for item in alice.mac.claim()]

        assert attempts == [1] * 20
        assert alice.item(outbox_id)["attempts"] == 1

    def test_attempts_are_counted_at_the_claim_and_end(self, alice: Customer, other: Mac) -> None:
        # srv-064
        outbox_id = alice.sends()

        attempts = [item.attempt for item in _dying_in_turns(alice, other)]

        assert attempts == [1, 2, 3, 4, 5]
        item = alice.item(outbox_id)
        assert (item["status"], item["error"], item["attempts"]) == ("failed", "attempts_exhausted", 5)

    def test_an_exhausted_item_does_not_block_the_next(self, alice: Customer, other: Mac) -> None:
        alice.sends("first")
        _dying_in_turns(alice, other)
        alice.sends("second")

        assert [item.command.text for item in alice.mac.claim()] == ["second"]

    def test_a_claim_that_a_newer_one_left_behind_ends_nothing(self, alice: Customer) -> None:
        outbox_id = alice.sends()
        (item,) = alice.mac.claim(asked_at=2_000_000)
        alice.mac.begin(item)

        assert alice.mac.claim(asked_at=1_999_999) == []

        alice.mac.sees(proof_of(item))
        assert alice.item(outbox_id)["status"] == "sent"

    def test_a_claim_that_a_newer_one_left_behind_takes_nothing_from_it(self, alice: Customer) -> None:
        alice.sends()
        (item,) = alice.mac.claim(asked_at=2_000_000)

        assert alice.mac.claim(asked_at=1_999_999) == []

        assert alice.mac.begin(item) is True

    def test_a_journal_whose_clock_was_set_back_gets_again_what_it_lost_once_its_lease_is_over(
        self, alice: Customer
    ) -> None:
        outbox_id = alice.sends()
        alice.mac.claim(asked_at=2_000_000)
        alice.world.clock.ms += LEASE_MS

        (again,) = alice.mac.claim(asked_at=1)

        assert (again.id, again.attempt) == (outbox_id, 1)

    def test_a_claim_of_nothing_waits_no_longer_than_asked(self, alice: Customer) -> None:
        assert alice.mac.claim(wait_s=0.05) == []

    def test_a_waiting_claim_is_answered_when_work_arrives(
        self, alice: Customer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blueport.server.link.routes.POLL_S", 60)  # so that only the arrival can wake it
        with ThreadPoolExecutor(1) as threads:
            waiting = _waiting_claim(alice, threads)

            outbox_id = alice.sends()

            assert [item["id"] for item in waiting.result(timeout=PATIENCE_S).json()["items"]] == [outbox_id]

    def test_many_claims_at_once_share_the_work_without_overlap(self, alice: Customer, other: Mac) -> None:
        # srv-089
        sent = {alice.sends(f"text {number}") for number in range(20)}
        with ThreadPoolExecutor(4) as threads:
            claims = [threads.submit(mac.claim, limit=50) for mac in (alice.mac, other)]

        claimed = [item.id for claim in claims for item in claim.result()]
        assert (len(claimed), set(claimed)) == (20, sent)


class TestTwoProcesses:
    """Of two processes with one token, as of a journal and its copy, the one is given work that said hello last."""

    def test_a_process_that_starts_takes_over_at_once_and_the_earlier_one_is_told(self, alice: Customer) -> None:
        mac = alice.mac
        mac.process = "first"
        mac.hello(alice.line)
        alice.sends("Hi")
        [taken] = mac.claim()

        mac.process = "second"
        mac.hello(alice.line)
        [again] = mac.claim()
        mac.process = "first"
        answer = mac.knock("claim", Claim(mac.journal, (taken.id,), asked_at=2**40, wait_s=0, process="first"))

        assert again.id == taken.id
        assert answer.json() == {"items": [], "is_superseded": True}
        assert (mac.begin(taken), mac.begin(again)) == (False, True)

    def test_who_says_hello_again_is_given_work_again(self, alice: Customer) -> None:
        mac = alice.mac
        for process in ("first", "second", "first"):
            mac.process = process
            mac.hello(alice.line)
        alice.sends("Hi")

        assert len(mac.claim()) == 1
        mac.process = "second"
        assert mac.claim() == []


class TestLeases:
    def test_an_item_that_was_not_begun_is_offered_to_another_once_its_lease_is_over(
        self, alice: Customer, other: Mac
    ) -> None:
        # srv-085, srv-074
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()
        assert other.claim() == []

        alice.world.clock.ms += LEASE_MS

        (again,) = other.claim()
        assert (again.id, again.attempt) == (outbox_id, 2)
        assert alice.mac.begin(item) is False

    # srv-084
    def test_a_renewed_lease_lasts(self, alice: Customer, other: Mac) -> None:
        alice.sends()
        (item,) = alice.mac.claim()
        alice.world.clock.ms += LEASE_MS - 1

        assert alice.mac.renew(item) is True

        alice.world.clock.ms += LEASE_MS - 1
        assert other.claim() == []

    def test_an_item_that_was_begun_is_never_offered_again(self, alice: Customer, other: Mac) -> None:
        # srv-001, srv-005, srv-077
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.begin(item)

        alice.world.clock.ms += LEASE_MS

        assert other.claim() == []
        shown = alice.item(outbox_id)
        assert (shown["status"], shown["error"]) == ("failed", "outcome_unknown")

    def test_a_journal_that_forgot_what_it_began_does_not_get_it_again(self, alice: Customer) -> None:
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.begin(item)

        assert alice.mac.claim() == []

        assert alice.item(outbox_id)["error"] == "outcome_unknown"

    def test_a_begun_item_may_stay_silent_for_as_long_as_it_is_held(self, alice: Customer) -> None:
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.begin(item)
        alice.world.clock.ms += 10 * LEASE_MS

        assert alice.mac.claim(item.id) == []

        assert alice.item(outbox_id)["status"] == "claimed"
        alice.mac.sees(proof_of(item))
        assert alice.item(outbox_id)["status"] == "sent"


class TestFences:
    """A token that is no longer the item's says nothing about it."""

    def test_a_stale_token_can_do_nothing(self, alice: Customer) -> None:
        # srv-078, srv-094
        outbox_id = alice.sends()
        (stale,) = alice.mac.claim()
        alice.mac.claim()

        assert alice.mac.renew(stale) is False
        assert alice.mac.begin(stale) is False
        assert alice.mac.fail(stale, permanent=True) is False
        alice.mac.sees(proof_of(stale))

        assert alice.item(outbox_id)["status"] == "claimed"

    def test_a_hand_over_is_granted_again_to_who_has_its_name(self, alice: Customer) -> None:
        alice.sends()
        (item,) = alice.mac.claim()

        assert [alice.mac.begin(item, nonce) for nonce in ("mine", "a copy's", "mine")] == [True, False, True]

    def test_a_hand_over_that_messages_refused_is_followed_by_one_other(self, alice: Customer) -> None:
        alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.begin(item, "first")

        assert alice.mac.begin(item, "second", after="first") is True
        assert alice.mac.begin(item, "a copy's", after="first") is False
        assert alice.mac.begin(item, "second", after="first") is True

    def test_an_item_that_is_tried_again_may_begin_under_any_name(self, alice: Customer) -> None:
        alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.begin(item, "first")
        alice.mac.fail(item)
        alice.world.clock.ms += 2 * SECOND_MS

        (again,) = alice.mac.claim()

        assert alice.mac.begin(again, "second") is True

    def test_what_has_ended_is_nobodys(self, alice: Customer) -> None:
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.sends(item)

        assert alice.mac.renew(item) is False
        assert alice.mac.begin(item) is False
        assert alice.mac.fail(item, permanent=True) is False

        assert alice.item(outbox_id)["status"] == "sent"

    @pytest.mark.parametrize("token", ["", "tok_00000000000000000000000000"])
    def test_a_token_out_of_nowhere_can_do_nothing(self, alice: Customer, token: str) -> None:
        outbox_id = alice.sends()

        answer = alice.mac.knock(f"outbox/{outbox_id}/begin", Begin(token, "a nonce"))

        assert answer.json() == {"held": False}
        assert alice.item(outbox_id)["status"] == "pending"


class TestFailures:
    def test_what_was_surely_not_sent_is_tried_again_later_and_later(self, alice: Customer) -> None:
        outbox_id = alice.sends()

        for wait_s in (2, 10, 30, 120):
            (item,) = alice.mac.claim()
            alice.mac.fail(item, "not now")
            alice.world.clock.ms += wait_s * SECOND_MS - 1
            assert alice.mac.claim() == []
            alice.world.clock.ms += 1
        (item,) = alice.mac.claim()
        alice.mac.fail(item, "not now")

        shown = alice.item(outbox_id)
        assert (shown["status"], shown["error"], shown["attempts"]) == ("failed", "not now", 5)

    def test_while_it_waits_it_shows_no_error(self, alice: Customer) -> None:
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()

        alice.mac.fail(item, "not now")

        shown = alice.item(outbox_id)
        assert (shown["status"], shown["error"], shown["completed_at"]) == ("pending", None, None)

    def test_a_very_long_reason_is_cut(self, alice: Customer) -> None:
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()

        alice.mac.fail(item, "x" * 100_000, permanent=True)

        assert len(alice.item(outbox_id)["error"]) == 500


class TestProofs:
    def test_row_outbox_and_event_are_there_at_once(self, alice: Customer) -> None:
        # srv-036, hook-17, srv-034
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()
        events = alice.world.rows("events")

        alice.mac.sends(item)

        assert alice.item(outbox_id)["status"] == "sent"
        assert alice.messages()[0]["outbox_id"] == outbox_id
        assert alice.world.rows("events") == events + 1

    def test_a_sighting_told_again_changes_nothing(self, alice: Customer) -> None:
        # srv-008, srv-009, srv-010, srv-011, srv-014, srv-021, srv-022
        alice.sends()
        (item,) = alice.mac.claim()
        seen = alice.mac.sends(item)
        before = (alice.world.rows("messages"), alice.world.rows("events"))

        alice.mac.sees(seen, seen)
        alice.mac.sees(seen)

        assert (alice.world.rows("messages"), alice.world.rows("events")) == before

    def test_a_proof_that_comes_after_its_row_links_them(self, alice: Customer) -> None:
        # srv-002
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.begin(item)
        proof = proof_of(item)
        alice.mac.sees(text_from(ADA, alice.line, item.command.text, guid=proof.guid, is_from_me=True, sender=None))
        assert alice.item(outbox_id)["status"] == "claimed"

        alice.mac.sees(proof)

        assert alice.item(outbox_id)["status"] == "sent"
        assert alice.messages()[0]["outbox_id"] == outbox_id
        assert alice.world.rows("events") == 3, "two people's texts and one that was sent"

    def test_a_proof_for_what_ended_as_unknown_does_not_revive_it(self, alice: Customer) -> None:
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.begin(item)
        alice.mac.claim()

        alice.mac.sees(proof_of(item))

        assert alice.item(outbox_id)["error"] == "outcome_unknown"
        assert (alice.messages()[0]["text"], alice.messages()[0]["outbox_id"]) == ("Hello", outbox_id)

    def test_a_message_that_turns_out_our_own_is_sent_once_and_was_never_received(self, alice: Customer) -> None:
        outbox_id = alice.sends(to=CARL)
        (item,) = alice.mac.claim()
        alice.mac.begin(item)
        proof = proof_of(item)
        alice.mac.sees(text_from(CARL, alice.line, item.command.text, guid=proof.guid))
        [before, _] = alice.messages(CARL)

        alice.mac.sees(proof, proof)

        [after, _] = alice.messages(CARL)
        assert alice.item(outbox_id)["status"] == "sent"
        assert after == before | {"is_from_me": True, "sender": alice.line, "outbox_id": outbox_id}
        types = [kind for (kind,) in alice.world.sql("SELECT type FROM events ORDER BY seq DESC LIMIT 2")]
        assert types == ["message.sent", "message.received"]

    def test_a_message_that_turns_out_our_own_opens_no_conversation(self, alice: Customer) -> None:
        seen = text_from("+15550109999", alice.line)
        alice.mac.sees(seen)

        alice.mac.sees(msgspec.structs.replace(seen, is_from_me=True, sender=None))

        answer = alice.post("/v1/messages", {"from": alice.line, "to": "+15550109999", "text": "Hello"})
        assert_refused(answer, 403, "contact_has_not_messaged", "to")

    def test_history_is_kept_without_an_event(self, alice: Customer) -> None:
        events = alice.world.rows("events")

        alice.hears(ADA, "long ago", announce=False)

        assert alice.world.rows("events") == events
        assert "long ago" in [message["text"] for message in alice.messages()]


class TestWhoMayKnock:
    @pytest.mark.parametrize("path", ["hello", "claim", "sightings", "outbox/obx_1/renew", "outbox/obx_1/failed"])
    def test_a_revoked_token_is_refused_from_the_next_word_on(self, alice: Customer, path: str) -> None:
        alice.world.sql("UPDATE daemons SET revoked_at = ?", alice.world.clock.ms)
        said = {
            "hello": b'{"journal":"j","version":"1","lines":[]}',
            "claim": b'{"journal":"j","holding":[],"asked_at":1}',
            "sightings": b'{"journal":"j","seen":[]}',
            "outbox/obx_1/renew": b'{"token":"t"}',
            "outbox/obx_1/failed": b'{"token":"t","error":"e","permanent":true}',
        }

        assert_refused(alice.mac.knock(path, said[path]), 401, "invalid_api_key")

    def test_a_waiting_claim_of_a_token_that_is_revoked_gets_nothing(self, alice: Customer) -> None:
        with ThreadPoolExecutor(1) as threads:
            waiting = _waiting_claim(alice, threads)
            alice.world.sql("UPDATE daemons SET revoked_at = ?", alice.world.clock.ms)
            outbox_id = alice.sends()

            assert_refused(waiting.result(timeout=PATIENCE_S), 401, "invalid_api_key")

        assert alice.item(outbox_id)["status"] == "pending"

    @pytest.mark.parametrize("key", ["", "dt_", "sk_live_x"])
    def test_another_secret_opens_nothing(self, alice: Customer, key: str) -> None:
        stranger = Mac(alice.world, key, alice.mac.id)

        assert_refused(stranger.knock("claim", Claim("journal-1", (), 1)), 401, "invalid_api_key")

    def test_an_api_key_opens_no_door(self, alice: Customer) -> None:
        stranger = Mac(alice.world, alice.key, alice.mac.id)

        assert_refused(stranger.knock("claim", Claim("journal-1", (), 1)), 401, "invalid_api_key")


class TestBadWords:
    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize(
        "said",
        [
            b"",
            b"[]",
            b'{"journal":"j"}',
            b'{"journal":5,"holding":[]}',
            b'{"journal":"j","holding":[],"asked_at":1,"colour":"blue"}',
            b'{"journal":"j","holding":[],"asked_at":1,"wait_s":NaN}',
            b'{"journal":"j","holding":' + b"[" * 100_000,
            b"\xff",
        ],
        ids=lambda said: said[:60],
    )
    def test_what_is_no_word_of_the_protocol_is_refused(self, alice: Customer, said: bytes) -> None:
        assert_refused(alice.mac.knock("claim", said), 400, "invalid_json")

    def test_one_bad_sighting_refuses_the_batch(self, alice: Customer) -> None:
        before = alice.world.rows("messages")
        batch = Sightings("journal-1", (text_from(ADA, alice.line), text_from(ADA, "+15559999999")))

        assert_refused(alice.mac.knock("sightings", batch), 404, "line_not_found")

        assert alice.world.rows("messages") == before

    @pytest.mark.one_store("judged before the store is asked")
    def test_a_batch_that_is_too_large_is_refused(self, alice: Customer) -> None:
        assert_refused(alice.mac.knock("sightings", b" " * (16 * 1024 * 1024 + 1)), 413, "request_too_large")

    @pytest.mark.one_store("judged before the store is asked")
    def test_the_door_takes_post_alone(self, alice: Customer) -> None:
        answer = alice.world.client.get("/daemon/v1/claim")

        assert_refused(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "POST, OPTIONS"

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("path", ["hello", "claim", "sightings", "outbox/obx_1/begin"])
    def test_a_bad_token_is_told_before_a_bad_body(self, alice: Customer, path: str) -> None:
        answer = alice.world.client.post(f"/daemon/v1/{path}", content=b"{", headers={"Authorization": "Bearer dt_x"})

        assert_refused(answer, 401, "invalid_api_key")

    def test_a_proof_of_an_item_that_never_was_is_a_plain_message(self, alice: Customer) -> None:
        seen = text_from(ADA, alice.line, is_from_me=True, sender=None, proves=Proof("obx_never", "tok_never"))

        alice.mac.sees(seen)

        assert (alice.messages()[0]["guid"], alice.messages()[0]["outbox_id"]) == (seen.guid, None)

    def test_a_failure_of_an_item_that_never_was_is_not_held(self, alice: Customer) -> None:
        answer = alice.mac.knock("outbox/obx_never/failed", Failed("tok", "e", permanent=True))

        assert answer.json() == {"held": False}


class TestSilence:
    """The sweep that the server makes now and then, with the clock moved."""

    def test_a_begun_item_whose_mac_is_gone_ends_as_unknown(self, alice: Customer) -> None:
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.begin(item)

        alice.world.sweep_for(LEASE_MS + 29 * MINUTE_MS)
        assert alice.item(outbox_id)["status"] == "claimed"

        alice.world.sweep_for(2 * MINUTE_MS)
        shown = alice.item(outbox_id)
        assert (shown["status"], shown["error"]) == ("failed", "outcome_unknown")

    def test_a_mac_has_a_lease_long_to_speak_up_when_the_clock_has_jumped(self, alice: Customer) -> None:
        alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.begin(item)
        alice.world.sweep_for(LEASE_MS)
        alice.world.clock.ms += HOUR_MS  # this machine slept
        alice.world.sweep_for(LEASE_MS - SWEEP_MS)

        assert alice.mac.renew(item) is True

        alice.world.sweep_for(2 * LEASE_MS)
        assert alice.item(item.id)["status"] == "claimed"

    def test_a_line_is_not_taken_for_silent_because_the_clock_has_jumped(self, alice: Customer) -> None:
        alice.world.sweep_for(LEASE_MS)
        alice.world.clock.ms += HOUR_MS

        alice.world.sweep()

        assert alice.get("/v1/lines").json()["data"][0]["is_active"] is True

    def test_an_item_that_was_not_begun_waits_for_ever(self, alice: Customer) -> None:
        outbox_id = alice.sends()
        alice.mac.claim()

        alice.world.clock.ms += 7 * 24 * 60 * MINUTE_MS
        alice.world.sweep_for(2 * LEASE_MS)

        assert alice.item(outbox_id)["status"] == "claimed"
        assert [item.id for item in alice.mac.claim()] == [outbox_id]

    def test_what_a_mac_that_slept_tells_at_once_is_in_its_order_with_the_times_at_which_it_was_sent(  # send-27
        self, alice: Customer
    ) -> None:
        alice.world.sweep_for(6 * MINUTE_MS)
        assert alice.get("/v1/lines").json()["data"][0]["is_active"] is False

        woke_at = alice.world.clock.ms
        moments = [NOON_MS + n * 10_000 for n in range(20)]
        alice.mac.sees(*[text_from(ADA, alice.line, f"Number {n}", sent_at=at) for n, at in enumerate(moments)])

        found = [message for message in alice.messages()[::-1] if message["text"] != "Hi"]
        assert [message["text"] for message in found] == [f"Number {n}" for n in range(20)]
        assert [(message["sent_at"], message["synced_at"]) for message in found] == [(at, woke_at) for at in moments]
        told = [data["text"] for kind, data in alice.world.events() if kind == "message.received"]
        assert told[-20:] == [f"Number {n}" for n in range(20)]

    def test_a_line_whose_mac_is_silent_is_shown_inactive_until_its_next_word(self, alice: Customer) -> None:
        # srv-012
        alice.world.sweep_for(6 * MINUTE_MS)
        assert alice.get("/v1/lines").json()["data"][0]["is_active"] is False

        alice.mac.claim()

        assert alice.get("/v1/lines").json()["data"][0]["is_active"] is True


def _dying_in_turns(customer: Customer, other: Mac) -> list[ClaimedItem]:
    """Have two Macs claim and fall silent, one after the other, more often than an item is tried."""
    claimed = []
    for mac in (customer.mac, other) * 3:
        claimed += mac.claim()
        customer.world.clock.ms += LEASE_MS
    return claimed


def _waiting_claim(customer: Customer, threads: ThreadPoolExecutor) -> Future[Json]:
    """Return a claim that has found nothing yet: by then its first look has noted the Mac as seen."""
    customer.world.clock.ms += MINUTE_MS
    waiting = threads.submit(customer.mac.knock, "claim", Claim(customer.mac.journal, (), 1, wait_s=30))
    until(lambda: customer.world.sql("SELECT seen_at FROM daemons") == [(customer.world.clock.ms,)])
    return waiting
