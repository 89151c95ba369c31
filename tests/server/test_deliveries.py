"""Webhooks from the receiver's side: what it is sent, how it is signed, when it is tried again."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import pytest

from blueport.protocol.sightings import AttachmentSeen, MessageChanged
from blueport.server.notifying.delivering import dispatcher
from blueport.server.notifying.delivering import service as delivering
from blueport.server.notifying.delivering.dispatcher import PLACES
from blueport.server.notifying.delivering.schedule import DELAYS_S, LONGEST_LEASE_MS
from blueport.server.notifying.delivering.sender import HttpSender
from tests.databases import Database
from tests.patience import PATIENCE_S
from tests.server.receiver import Heard, Receiver, receiving, until
from tests.server.world import (
    ADA,
    CARL,
    HOUR_MS,
    MINUTE_MS,
    NOON_MS,
    SECOND_MS,
    Caller,
    Clock,
    Customer,
    Json,
    World,
    text_from,
)

TRIES = len(DELAYS_S) + 1
RECEIVED: Json = {"from": "", "events": ["message.received"]}


def _settled(world: World) -> list[tuple[str, int]]:
    """Return state and tries of every delivery, once no try is under way and none is due."""
    rows = "SELECT state, attempts FROM deliveries ORDER BY seq"
    busy = "SELECT count(*) FROM deliveries WHERE state = 'running' OR (state = 'pending' AND available_at <= ?)"
    until(lambda: world.sql(busy, world.clock.ms) == [(0,)])
    return world.sql(rows)


class TestForm:
    def test_a_received_message_is_exactly_as_in_the_seed(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)

        guid = alice.hears(ADA, "Hey!", sent_at=NOON_MS - 3)

        (heard,) = receiver.waits_for(1)
        body = heard.body
        assert list(body) == ["event", "data", "timestamp", "delivery_id"]
        assert (body["event"], body["timestamp"]) == ("message.received", NOON_MS)
        assert body["delivery_id"].startswith("dlv_")
        (message,) = alice.messages()
        assert body["data"] == message | {"line_handle": alice.line}
        assert body["data"] == {
            "id": message["id"],
            "line_id": alice.line_id,
            "line_handle": alice.line,
            "chat_id": message["chat_id"],
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
        assert heard.is_signed_with(made["secret"])

    def test_a_sent_message_bears_its_outbox_id_and_both_are_there_when_it_is_told(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        alice.hears(ADA)
        alice.webhook(receiver.url, "message.sent")
        found: list[Json] = []
        receiver.answering = lambda heard: found.append(_look_up(alice, heard)) or 200
        outbox_id = alice.sends("Hello")
        (item,) = alice.mac.claim()

        alice.mac.sends(item)

        (heard,) = receiver.waits_for(1)
        assert heard.body["event"] == "message.sent"
        assert heard.body["data"]["outbox_id"] == outbox_id
        assert (heard.body["data"]["is_from_me"], heard.body["data"]["sender"]) == (True, alice.line)
        until(lambda: len(found) == 1)
        assert found == [("sent", heard.body["data"]["id"])]

    @pytest.mark.one_store("no store is asked")
    @pytest.mark.parametrize("path", ["/hook?a=%7Eb&c=%2f", "/x%41/../y", "/a%20b;c=1?q=%C3%A9+x"])
    def test_the_url_is_asked_for_as_its_owner_wrote_it(self, alice: Customer, receiver: Receiver, path: str) -> None:
        alice.webhook(receiver.url.replace("/hook", path))

        alice.hears(ADA)

        assert [heard.path for heard in receiver.waits_for(1)] == [path]

    def test_the_headers_are_those_of_the_seed(self, alice: Customer, receiver: Receiver) -> None:
        # hook-18, hook-06: both timestamps are equal, in milliseconds.
        alice.webhook(receiver.url)

        alice.hears(ADA)

        (heard,) = receiver.waits_for(1)
        assert heard.headers["content-type"] == "application/json"
        assert heard.headers["x-webhook-timestamp"] == str(heard.body["timestamp"]) == str(NOON_MS)
        assert heard.headers["x-webhook-delivery-id"] == heard.body["delivery_id"]
        assert len(heard.headers["x-webhook-signature"]) == 64
        assert heard.headers["x-webhook-signature"] == heard.headers["x-webhook-signature"].lower()

    # hook-01
    @pytest.mark.one_store("signed in memory")
    @pytest.mark.parametrize(
        "text", ["\x1b[31m", "a\u2028b\u2029c", "<b>&amp;</b>", "👩‍👩‍👧 👋🏽", '"\\/', "e\u0301é", "\x7f\x80"]
    )
    def test_exactly_the_bytes_that_are_sent_are_signed(self, alice: Customer, receiver: Receiver, text: str) -> None:
        made = alice.webhook(receiver.url)

        alice.hears(ADA, text)

        (heard,) = receiver.waits_for(1)
        assert heard.text == text
        assert heard.is_signed_with(made["secret"])
        assert not heard.is_signed_with(made["secret"] + "x")

    def test_a_voice_memo_says_so(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        memo = AttachmentSeen("a-1", "Audio Message.caf", "audio/x-caf", 900)

        alice.hears(ADA, None, is_audio=True, attachments=(memo,))

        (heard,) = receiver.waits_for(1)
        data = heard.body["data"]
        assert (data["is_audio_message"], data["text"]) == (True, None)
        assert set(data["attachments"][0]) == {"filename", "mime_type", "size", "url", "transcription"}
        assert data["attachments"][0]["mime_type"] == "audio/x-caf"

    def test_a_body_stays_small_and_holds_no_secret(self, alice: Customer, receiver: Receiver) -> None:
        # srv-024, srv-103
        made = alice.webhook(receiver.url)
        files = tuple(AttachmentSeen(f"a-{number}", "cat.heic", "image/heic", 12_000_000) for number in range(20))

        alice.hears(ADA, "x" * 20_000, attachments=files)

        (heard,) = receiver.waits_for(1)
        assert len(heard.raw) < 64 * 1024
        outgoing = heard.raw.decode() + str(heard.headers)
        assert not [secret for secret in (alice.key, alice.mac.token, made["secret"]) if secret in outgoing]


class TestWhoHears:
    def test_only_what_was_asked_for_is_sent(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url, "message.sent", "reaction.added")

        alice.hears(ADA)

        assert alice.world.rows("deliveries") == 0

    def test_a_webhook_of_one_line_hears_that_line_alone(self, alice: Customer, receiver: Receiver) -> None:
        second = "+15550101001"
        alice.world.add_line(alice.account_id, second, alice.mac)
        body = {"from": second, "url": receiver.url, "events": ["message.received"]}
        alice.post("/v1/webhooks", body)

        alice.hears(ADA, "first line")
        alice.mac.sees(text_from(ADA, second, "second line"))

        (heard,) = receiver.waits_for(1)
        assert (heard.body["data"]["line_handle"], heard.text) == (second, "second line")
        assert alice.world.rows("deliveries") == 1

    def test_a_webhook_of_every_line_hears_lines_that_come_later(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        second = "+15550101001"
        alice.world.add_line(alice.account_id, second, alice.mac)

        alice.mac.sees(text_from(ADA, second, "Hi"))

        (heard,) = receiver.waits_for(1)
        assert heard.body["data"]["line_handle"] == second

    def test_another_account_hears_nothing(self, alice: Customer, bob: Customer, receiver: Receiver) -> None:
        bob.webhook(receiver.url)

        alice.hears(ADA, "For Alice")
        bob.hears(ADA, "For Bob")

        (heard,) = receiver.waits_for(1)
        assert heard.text == "For Bob"
        assert alice.world.rows("deliveries") == 1

    def test_each_of_two_webhooks_hears_under_its_own_id_and_secret(self, alice: Customer, receiver: Receiver) -> None:
        secrets = [alice.webhook(receiver.url)["secret"] for _ in range(2)]

        alice.hears(ADA)

        heard = receiver.waits_for(2)
        assert len({each.body["delivery_id"] for each in heard}) == 2
        assert all(any(each.is_signed_with(secret) for each in heard) for secret in secrets)

    def test_a_sighting_told_again_is_sent_once(self, alice: Customer, receiver: Receiver) -> None:
        # srv-010, srv-014
        alice.webhook(receiver.url)
        seen = text_from(ADA, alice.line)

        alice.mac.sees(seen, seen)
        alice.mac.sees(seen)
        alice.mac.sees(MessageChanged(alice.line, seen.guid, "edited"))
        alice.hears(CARL, "the next")

        assert {heard.text for heard in receiver.waits_for(2)} == {"Hi", "the next"}
        assert _settled(alice.world) == [("delivered", 1), ("delivered", 1)]

    def test_a_sighting_that_many_tell_at_the_same_moment_is_sent_once(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        # srv-065, srv-009, srv-022
        hooks = [alice.webhook(receiver.url)["id"] for _ in range(2)]
        seen = [text_from(ADA, alice.line, f"text {number}") for number in range(10)]

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(alice.mac.sees, seen * 4))

        assert len(receiver.waits_for(20)) == 20
        _settled(alice.world)
        made = alice.world.sql("SELECT webhook_id, count(*), count(DISTINCT event_id) FROM deliveries GROUP BY 1")
        assert sorted(made) == [(hook, 10, 10) for hook in sorted(hooks)]
        assert (len(receiver.heard), alice.world.rows("messages")) == (20, 10)


class TestRetries:
    def test_each_try_is_stamped_and_signed_anew_under_the_same_id(self, alice: Customer, receiver: Receiver) -> None:
        # srv-058
        made = alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)

        for number, delay_s in enumerate(DELAYS_S, start=1):
            assert _settled(alice.world) == [("pending", number)]
            alice.world.pass_time(round(delay_s * 1.2) * SECOND_MS)
        assert _settled(alice.world) == [("failed", TRIES)]

        heard = receiver.heard
        assert len(heard) == TRIES
        assert len({each.body["delivery_id"] for each in heard}) == 1
        assert len({each.body["timestamp"] for each in heard}) == TRIES
        assert all(each.is_signed_with(made["secret"]) for each in heard)
        assert all(each.headers["x-webhook-timestamp"] == str(each.body["timestamp"]) for each in heard)

    def test_who_answers_late_hears_it_again_under_the_same_id(self, database: Database, receiver: Receiver) -> None:
        # hook-11
        is_over = threading.Event()
        receiver.answering = lambda _: (len(receiver.heard) > 1 or is_over.wait(PATIENCE_S)) and 200
        with World(database, Clock(), webhook_timeout_s=0.2).open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.webhook(receiver.url)
            alice.hears(ADA)
            assert _settled(world) == [("pending", 1)]
            is_over.set()  # and now it says 200, to nobody

            world.pass_time(MINUTE_MS)
            first, second = receiver.waits_for(2)

            assert _settled(world) == [("delivered", 2)]
        assert first.body["delivery_id"] == second.body["delivery_id"]

    def test_a_claim_tells_how_long_it_is_until_more_falls_due(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        _settled(alice.world)
        ((due_at,),) = alice.world.sql("SELECT available_at FROM deliveries")

        alice.world.clock.ms = due_at - 1
        claimed = alice.world.do(delivering.turn, [], PLACES, "a process", lease_s=40)

        # Asked a moment later it would not be due in the future any more, and would be overslept.
        assert (claimed.tries, claimed.next_in_ms) == ([], 1)

    def test_a_clock_that_is_set_back_delays_no_first_try(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA, "One")
        _settled(alice.world)

        alice.world.pass_time(-HOUR_MS)
        alice.hears(ADA, "Two")

        assert {heard.text for heard in receiver.waits_for(2)} == {"One", "Two"}

    def test_a_clock_that_is_set_back_delays_a_retry_until_the_next_sweep(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        _settled(alice.world)

        alice.world.pass_time(-HOUR_MS)
        alice.world.sweep()

        receiver.waits_for(2)

    @pytest.mark.parametrize("hours", [1, 100])
    def test_a_clock_that_is_set_back_delays_no_retry_by_a_webhooks_own_plan(
        self, alice: Customer, receiver: Receiver, hours: int
    ) -> None:
        alice.post("/v1/webhooks", RECEIVED | {"url": receiver.url, "retry_delays_s": [1]})
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        _settled(alice.world)

        alice.world.pass_time(-hours * HOUR_MS)
        alice.world.sweep()

        receiver.waits_for(2)

    def test_a_clock_that_is_set_back_makes_no_lease_longer_than_any_can_be(self, database: Database) -> None:
        with World(database, Clock(), role="api").open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.webhook("http://127.0.0.1:9/hook")
            alice.hears(ADA)
            held = world.do(delivering.turn, [], PLACES, "a process", lease_s=40)
            assert len(held.tries) == 1

            world.clock.ms -= 10 * HOUR_MS
            world.do(delivering.set_right)  # as housekeeping does
            world.clock.ms += LONGEST_LEASE_MS - 1
            assert world.do(delivering.turn, [], PLACES, "another", lease_s=40).tries == []
            world.clock.ms += 2

            assert len(world.do(delivering.turn, [], PLACES, "another", lease_s=40).tries) == 1

    def test_a_sweep_hastens_no_retry_whose_time_has_not_come(self, alice: Customer, receiver: Receiver) -> None:
        alice.post("/v1/webhooks", RECEIVED | {"url": receiver.url, "retry_delays_s": [24 * 3600]})
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        _settled(alice.world)
        ((due_at,),) = alice.world.sql("SELECT available_at FROM deliveries")

        alice.world.sweep()  # the first one sees a clock that it knows nothing of
        alice.world.pass_time(HOUR_MS)
        alice.world.sweep()

        assert alice.world.sql("SELECT available_at FROM deliveries") == [(due_at,)]

    def test_the_tries_end(self, alice: Customer, receiver: Receiver) -> None:
        # srv-025: what the receiver counts is what is written down.
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 504
        alice.hears(ADA)
        for _ in range(TRIES + 3):
            _settled(alice.world)
            alice.world.pass_time(48 * HOUR_MS)

        assert _settled(alice.world) == [("failed", TRIES)]
        assert len(receiver.heard) == TRIES

    def test_no_try_is_made_before_its_time(self, alice: Customer, receiver: Receiver) -> None:
        # srv-037: what waits for its time is not stuck.
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        _settled(alice.world)

        alice.world.pass_time(3_900)  # the first wait is 5 s, a fifth more or less
        alice.world.sweep()
        alice.hears(CARL)  # and something else makes the dispatcher look

        assert _settled(alice.world) == [("pending", 1), ("pending", 1)]

    @pytest.mark.one_store("what an answer means is known without a store")
    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    def test_any_2xx_is_the_end(self, alice: Customer, receiver: Receiver, status: int) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: status

        alice.hears(ADA)

        receiver.waits_for(1)
        assert _settled(alice.world) == [("delivered", 1)]

    # hook-10: a redirect is a failure, and is not followed.
    @pytest.mark.one_store("what an answer means is known without a store")
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 400, 401, 404, 429, 500, 503])
    def test_anything_else_is_tried_again(self, alice: Customer, receiver: Receiver, status: int) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: status
        alice.hears(ADA)

        assert _settled(alice.world) == [("pending", 1)]
        receiver.answering = lambda _: 200
        alice.world.pass_time(MINUTE_MS)  # who has no time is left alone for so long

        receiver.waits_for(2)
        assert _settled(alice.world) == [("delivered", 2)]
        assert [heard.path for heard in receiver.heard] == ["/hook", "/hook"]

    def test_a_receiver_that_was_down_hears_all_afterwards(self, alice: Customer) -> None:
        # srv-033, hook-12
        with receiving() as gone:
            alice.webhook(gone.url)
        texts = [f"text {number}" for number in range(6)]
        for text in texts:
            alice.hears(ADA, text)
        alice.hears(CARL, "of another chat")
        for _ in range(3):
            assert {state for state, _ in _settled(alice.world)} == {"pending"}
            alice.world.pass_time(HOUR_MS // 3)
            alice.world.sweep()
        _settled(alice.world)

        with receiving(gone.port) as back:
            alice.world.pass_time(HOUR_MS)
            heard = back.waits_for(7)
            assert {state for state, _ in _settled(alice.world)} == {"delivered"}

        assert Counter(each.text for each in heard) == Counter([*texts, "of another chat"])

    def test_a_message_is_told_as_it_was_however_late(self, alice: Customer, receiver: Receiver) -> None:
        # srv-030
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        guid = alice.hears(ADA, "As it was")
        _settled(alice.world)

        alice.mac.sees(MessageChanged(alice.line, guid, "edited"))
        alice.world.pass_time(6 * SECOND_MS)

        assert [heard.text for heard in receiver.waits_for(2)] == ["As it was", "As it was"]

    def test_deleting_the_webhook_calls_off_what_waits(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        _settled(alice.world)

        alice.delete("/v1/webhooks", {"id": made["id"]})
        alice.world.pass_time(HOUR_MS)

        assert _settled(alice.world) == [("cancelled", 1)]
        assert len(receiver.heard) == 1

    def test_tries_outlive_the_server(self, database: Database, receiver: Receiver) -> None:
        # srv-038, srv-057, srv-064
        clock = Clock()
        receiver.answering = lambda _: 500
        with World(database, clock).open() as world:
            alice = world.customer("Alice", "+15550101000")
            made = alice.webhook(receiver.url)
            alice.hears(ADA, "Before")
            assert _settled(world) == [("pending", 1)]

        receiver.answering = lambda _: 200
        clock.ms += MINUTE_MS
        with World(database, clock).open() as world:
            first, second = receiver.waits_for(2)
            assert _settled(world) == [("delivered", 2)]

        assert first.body["delivery_id"] == second.body["delivery_id"]
        assert second.body["timestamp"] == clock.ms
        assert second.is_signed_with(made["secret"])


class TestEnd:
    @pytest.mark.parametrize("failed_before", [0, 1])
    def test_a_server_that_ends_with_a_backlog_leaves_it_to_the_next_as_it_is(
        self, database: Database, receiver: Receiver, failed_before: int
    ) -> None:
        # srv-038: some are under way, and cannot end in time; the others wait for them.
        clock, is_over = Clock(), threading.Event()
        with World(database, clock).open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.webhook(receiver.url)
            receiver.answering = lambda _: 500 if failed_before else is_over.wait(PATIENCE_S) and 200
            for number in range(10):
                alice.hears(f"+155501000{number:02}", f"text {number}")
            if failed_before:
                _settled(world)
                receiver.answering = lambda _: is_over.wait(PATIENCE_S) and 200
                world.pass_time(MINUTE_MS)
            until(lambda: len(receiver.heard) > 10 * failed_before)
        left = world.sql("SELECT DISTINCT state, attempts, lease_until FROM deliveries")
        logged = world.rows("delivery_attempts")
        is_over.set()

        assert (left, logged) == ([("pending", failed_before, None)], 10 * failed_before)
        receiver.answering = lambda _: 200
        with World(database, clock).open() as world:
            until(lambda: set(_settled(world)) == {("delivered", failed_before + 1)})


class TestOthers:
    """What one receiver does is nothing to another."""

    @pytest.fixture
    def gate(self) -> Iterator[threading.Event]:
        gate = threading.Event()
        yield gate
        gate.set()

    def test_a_receiver_that_does_not_answer_holds_up_nobody_else(
        self, alice: Customer, receiver: Receiver, gate: threading.Event
    ) -> None:
        # hook-07, srv-061
        with receiving() as slow:
            slow.answering = lambda _: gate.wait() and 200
            alice.webhook(slow.url)
            alice.webhook(receiver.url)

            for number in range(10):
                alice.hears(f"+155501000{number:02}", f"text {number}")

            assert {heard.text for heard in receiver.waits_for(10)} == {f"text {number}" for number in range(10)}
            assert len(slow.heard) <= 4, "no more tries than a few wait for one receiver"
            gate.set()
            assert {heard.text for heard in slow.waits_for(10)} == {f"text {number}" for number in range(10)}

    def test_a_receiver_may_call_the_api_before_it_answers(self, alice: Customer, receiver: Receiver) -> None:
        # srv-018: the handler replies, and waits until that is sent.
        alice.webhook(receiver.url, "message.received")
        replies: list[str] = []

        def replying(heard: Heard) -> int:
            replies.append(alice.sends(f"You said {heard.text}"))
            (item,) = alice.mac.claim()
            alice.mac.sends(item)
            return 200 if alice.item(replies[0])["status"] == "sent" else 500

        receiver.answering = replying
        alice.hears(ADA, "Hi")

        receiver.waits_for(1)
        assert _settled(alice.world) == [("delivered", 1)]
        assert alice.messages()[0]["text"] == "You said Hi"

    def test_the_texts_of_a_chat_arrive_in_their_order(
        self, alice: Customer, receiver: Receiver, gate: threading.Event
    ) -> None:
        # srv-032
        alice.webhook(receiver.url)
        receiver.answering = lambda heard: (heard.text != "0" or gate.wait()) and 200

        for number in range(12):
            alice.hears(ADA, str(number))
        alice.hears(CARL, "of another chat")

        assert [heard.text for heard in receiver.waits_for(2)] == ["0", "of another chat"]
        gate.set()
        texts = [heard.text for heard in receiver.waits_for(13)]
        assert [text for text in texts if text.isdigit()] == [str(number) for number in range(12)]

    def test_what_failed_once_holds_nobody_back(
        self, alice: Customer, receiver: Receiver, gate: threading.Event
    ) -> None:
        alice.webhook(receiver.url)
        tries_of_first: list[Heard] = []

        def answering(heard: Heard) -> int:
            if heard.text != "first":
                return 200
            tries_of_first.append(heard)
            return 500 if len(tries_of_first) == 1 else (gate.wait() and 200) or 200

        receiver.answering = answering
        alice.hears(ADA, "first")
        until(lambda: _settled(alice.world) == [("pending", 1)])
        alice.world.pass_time(MINUTE_MS)
        until(lambda: len(tries_of_first) == 2)

        alice.hears(ADA, "second")

        assert [heard.text for heard in receiver.waits_for(3)] == ["first", "first", "second"]

    def test_a_try_under_way_is_not_made_twice_within_its_limit(
        self, alice: Customer, receiver: Receiver, gate: threading.Event
    ) -> None:
        # hook-08, srv-037, srv-077
        alice.webhook(receiver.url)
        receiver.answering = lambda heard: (heard.text != "slow" or gate.wait()) and 200
        alice.hears(ADA, "slow")
        receiver.waits_for(1)

        alice.world.pass_time(round(alice.world.settings.webhook_timeout_s) * SECOND_MS)
        alice.world.sweep()
        alice.hears(CARL, "has the dispatcher look")

        assert [heard.text for heard in receiver.waits_for(2)] == ["slow", "has the dispatcher look"]

    @pytest.mark.parametrize("limit_s", [0.1, 15, 300])
    def test_a_lease_is_longer_than_a_try_whatever_the_limit_is(
        self, database: Database, receiver: Receiver, gate: threading.Event, limit_s: float
    ) -> None:
        # srv-045
        receiver.answering = lambda _: gate.wait() and 200
        with World(database, Clock(), webhook_timeout_s=limit_s).open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.webhook(receiver.url)
            alice.hears(ADA)
            receiver.waits_for(1)
            ((lease_until,),) = world.sql("SELECT lease_until FROM deliveries")
            gate.set()

        assert lease_until - NOON_MS >= limit_s * SECOND_MS + 5 * SECOND_MS

    def test_a_try_that_outlived_its_lease_has_no_say(
        self, alice: Customer, receiver: Receiver, gate: threading.Event, caplog: pytest.LogCaptureFixture
    ) -> None:
        # srv-040, srv-052, srv-078
        alice.webhook(receiver.url)
        receiver.answering = lambda _: (len(receiver.heard) > 1 or gate.wait()) and (500 if gate.is_set() else 200)
        alice.hears(ADA)
        receiver.waits_for(1)

        alice.world.pass_time(HOUR_MS)
        receiver.waits_for(2)
        assert _settled(alice.world) == [("delivered", 2)]
        gate.set()
        alice.hears(CARL)  # its try is written down after the late one's
        until(lambda: len(receiver.heard) >= 3)

        assert _settled(alice.world)[0] == ("delivered", 2)
        log = (
            "SELECT number, t.reason FROM delivery_attempts t JOIN deliveries ON delivery_id = id ORDER BY seq, number"
        )
        assert alice.world.sql(log) == [(1, "interrupted"), (2, "http_200"), (1, "http_500")]
        assert "loop_fell_over" not in caplog.messages

    def test_what_is_being_claimed_while_a_server_ends_is_left_to_others(
        self, database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Begun then, it would have its whole limit, whatever the grace is."""
        is_claimed = threading.Event()
        turn = delivering.turn

        def last_turn(*arguments: object, **more: object) -> delivering.Turn:
            done = turn(*arguments, **more)
            if done.tries:
                loop.call_soon_threadsafe(lambda: asyncio.ensure_future(ends(0)))
                is_claimed.set()
            return done

        with World(database, Clock()).open() as world:
            loop = world.client.portal.call(asyncio.get_running_loop)
            ends = world.server._dispatcher.close  # noqa: SLF001 - in the midst of a turn, which no signal can hit
            alice = world.customer("Alice", "+15550101000")
            alice.webhook(receiver.url)
            monkeypatch.setattr(delivering, "turn", last_turn)
            alice.hears(ADA)
            assert is_claimed.wait(PATIENCE_S)

        assert receiver.heard == []
        assert world.sql("SELECT state, attempts FROM deliveries") == [("pending", 0)]

    @pytest.mark.parametrize(("place", "step"), [(dispatcher, "prepared"), (HttpSender, "attempt")])
    def test_a_try_that_fell_over_is_logged_and_made_again(
        self,
        alice: Customer,
        receiver: Receiver,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        place: object,
        step: str,
    ) -> None:
        alice.webhook(receiver.url)
        works = getattr(place, step)

        def falls_over_once(*_: object) -> NoReturn:
            monkeypatch.setattr(place, step, works)
            raise LookupError

        monkeypatch.setattr(place, step, falls_over_once)
        alice.hears(ADA)
        until(lambda: "loop_fell_over" in caplog.messages)

        alice.world.pass_time(HOUR_MS)
        receiver.waits_for(1)

        assert caplog.messages.count("loop_fell_over") == 1
        assert _settled(alice.world) == [("delivered", 2)]


def _look_up(customer: Caller, heard: Heard) -> tuple[str, str]:
    """Return the outbox status and the message id that the API gives at the moment of the call."""
    data = heard.body["data"]
    item = customer.get("/v1/outbox", {"id": data["outbox_id"]}).json()
    page = customer.get("/v1/messages", {"from": data["line_handle"], "to": data["chat_id"]}).json()
    return item["status"], page["data"][0]["id"]
