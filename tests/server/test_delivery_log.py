"""The log of deliveries, replays, tests of webhooks, and other secrets for them."""

import base64
import hashlib
import hmac
from typing import get_args

import pytest

from blueport.server.customizing import queries as customizing
from blueport.server.notifying.delivering.schedule import DELAYS_S
from blueport.server.notifying.service import EventType, ExtendedEventType
from tests.server.answers import assert_done, assert_refused
from tests.server.receiver import Heard, Receiver, until
from tests.server.world import ADA, CARL, HOUR_MS, MINUTE_MS, NOON_MS, SECOND_MS, Customer, Json, World

DAY_MS = 24 * HOUR_MS
NOBODYS = "00000000000000000000000000"


def _at_rest(world: World) -> None:
    """Wait until no try is under way and none is due."""
    busy = "SELECT count(*) FROM deliveries WHERE state = 'running' OR (state = 'pending' AND available_at <= ?)"
    until(lambda: world.sql(busy, world.clock.ms) == [(0,)])


def _log(customer: Customer, **query: Json) -> list[Json]:
    answer = customer.get("/v1/webhooks/deliveries", query)
    assert_done(answer)
    return answer.json()["data"]


def _attempts(customer: Customer, delivery_id: str) -> list[Json]:
    answer = customer.get("/v1/webhooks/attempts", {"delivery_id": delivery_id})
    assert_done(answer)
    return answer.json()["data"]


def _standard_signature(heard: Heard, secret: str) -> str:
    """Sign as https://www.standardwebhooks.com says."""
    content = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.raw
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


class TestLog:
    def test_a_delivery_and_its_try_are_told_of(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)
        alice.hears(ADA)
        (heard,) = receiver.waits_for(1)
        _at_rest(alice.world)

        (shown,) = _log(alice)
        (attempt,) = _attempts(alice, shown["id"])

        assert shown == {
            "id": heard.body["delivery_id"],
            "webhook_id": made["id"],
            "event_id": shown["event_id"],
            "event": "message.received",
            "is_test": False,
            "status": "delivered",
            "attempts": 1,
            "reason": "http_200",
            "next_attempt_at": None,
            "created_at": NOON_MS,
            "completed_at": NOON_MS,
        }
        assert attempt == {
            "number": 1,
            "started_at": NOON_MS,
            "duration_ms": attempt["duration_ms"],
            "status_code": 200,
            "reason": "http_200",
            "address": "127.0.0.1",
            "response": None,
        }
        assert attempt["duration_ms"] >= 0

    def test_each_try_is_logged_with_the_beginning_of_the_answer(self, alice: Customer, receiver: Receiver) -> None:
        # srv-025, srv-064: numbers are given at the claim, and none is missing.
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        receiver.saying = b"\xff\0 no " + b"x" * 5_000
        alice.hears(ADA)
        for _ in range(2):
            _at_rest(alice.world)
            alice.world.pass_time(MINUTE_MS)
        _at_rest(alice.world)

        (shown,) = _log(alice, status="pending")
        attempts = _attempts(alice, shown["id"])

        assert (shown["status"], shown["attempts"], shown["reason"]) == ("pending", 3, "http_500")
        assert shown["next_attempt_at"] > alice.world.clock.ms
        assert [each["number"] for each in attempts] == [3, 2, 1]
        assert {each["status_code"] for each in attempts} == {500}
        assert attempts[0]["response"] == "\ufffd\ufffd no " + "x" * (2_048 - 6)

    def test_it_is_read_by_webhook_state_and_time(self, alice: Customer, receiver: Receiver) -> None:
        first, second = (alice.webhook(receiver.url)["id"] for _ in range(2))
        receiver.answering = lambda heard: 200 if heard.text == "fine" else 410
        alice.hears(ADA, "fine")
        receiver.waits_for(2)
        alice.world.pass_time(MINUTE_MS)
        alice.hears(ADA, "gone")
        receiver.waits_for(4)
        _at_rest(alice.world)
        later = NOON_MS + MINUTE_MS

        assert len(_log(alice)) == 4
        assert [each["webhook_id"] for each in _log(alice, webhook_id=first)] == [first, first]
        assert {each["status"] for each in _log(alice, since=later)} == {"failed"}
        assert {each["status"] for each in _log(alice, until=later)} == {"delivered"}
        assert [each["status"] for each in _log(alice, webhook_id=second, status="failed")] == ["failed"]
        assert _log(alice, status="cancelled") == []

    def test_its_pages_hold_each_delivery_once(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        for number in range(7):
            alice.hears(ADA, str(number))
        receiver.waits_for(7)

        pages, cursor = [], None
        while cursor is not None or not pages:
            query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
            page = alice.get("/v1/webhooks/deliveries", query).json()
            pages.append([each["id"] for each in page["data"]])
            cursor = page["next_cursor"]

        assert [len(page) for page in pages] == [3, 3, 1]
        told = [each for page in pages for each in page]
        assert told == sorted({*told}, reverse=True)

    def test_another_account_and_a_key_of_other_lines_see_nothing(
        self, alice: Customer, bob: Customer, receiver: Receiver
    ) -> None:
        # srv-050
        made = alice.webhook(receiver.url)
        alice.hears(ADA)
        receiver.waits_for(1)
        (shown,) = _log(alice)
        second = alice.world.add_line(alice.account_id, "+15550101001", alice.mac)
        restricted = alice.caller(line_ids=(second,))

        for stranger in (bob, restricted):
            assert stranger.get("/v1/webhooks/deliveries").json()["data"] == []
            foreign = stranger.get("/v1/webhooks/attempts", {"delivery_id": shown["id"]})
            unknown = stranger.get("/v1/webhooks/attempts", {"delivery_id": f"dlv_{NOBODYS}"})
            assert_refused(foreign, 404, "delivery_not_found", "delivery_id")
            assert foreign.json()["error"] == unknown.json()["error"]
            query = {"webhook_id": made["id"]}
            assert_refused(stranger.get("/v1/webhooks/deliveries", query), 404, "webhook_not_found", "webhook_id")

    @pytest.mark.parametrize(
        ("query", "param"),
        [
            ({"webhook_id": "msg_1"}, "webhook_id"),
            ({"status": "running"}, "status"),
            ({"since": -1}, "since"),
            ({"until": 2**60}, "until"),
            ({"since": "noon"}, "since"),
            ({"limit": 0}, "limit"),
            ({"cursor": "zz"}, "cursor"),
        ],
    )
    def test_what_is_wrong_is_told(self, still: Customer, query: Json, param: str) -> None:
        assert_refused(still.get("/v1/webhooks/deliveries", query), 400, "invalid_parameter_value", param)


class TestReplay:
    def test_a_failed_delivery_is_made_again_under_its_id(self, alice: Customer, receiver: Receiver) -> None:
        # W5, srv-058
        made = alice.webhook(receiver.url)
        receiver.answering = lambda _: 410 if len(receiver.heard) == 1 else 200
        alice.hears(ADA)
        receiver.waits_for(1)
        _at_rest(alice.world)
        (failed,) = _log(alice, status="failed")
        alice.world.clock.ms += DAY_MS
        assert_done(alice.post("/v1/webhooks/enable", {"id": made["id"]}))

        answer = alice.post("/v1/webhooks/replay", {"delivery_id": failed["id"]})

        assert_done(answer)
        assert (answer.json()["replayed"], answer.json()["has_more"]) == (1, False)
        first, second = receiver.waits_for(2)
        assert first.body["delivery_id"] == second.body["delivery_id"] == failed["id"]
        assert second.body["timestamp"] == NOON_MS + DAY_MS
        assert second.is_signed_with(made["secret"])
        _at_rest(alice.world)
        assert [each["number"] for each in _attempts(alice, failed["id"])] == [2, 1]

    def test_the_plan_of_tries_begins_anew(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        for delay_s in DELAYS_S:
            _at_rest(alice.world)
            alice.world.pass_time(round(delay_s * 1.2) * SECOND_MS)
        _at_rest(alice.world)
        (failed,) = _log(alice, status="failed")

        assert_done(alice.post("/v1/webhooks/replay", {"delivery_id": failed["id"]}))
        receiver.waits_for(len(DELAYS_S) + 2)
        _at_rest(alice.world)

        (shown,) = _log(alice, status="pending")
        assert shown["attempts"] == len(DELAYS_S) + 2
        assert shown["next_attempt_at"] - alice.world.clock.ms <= 6 * SECOND_MS

    def test_what_waits_for_its_time_is_tried_at_once(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 200 if len(receiver.heard) > 1 else 500
        alice.hears(ADA)
        _at_rest(alice.world)
        (waiting,) = _log(alice, status="pending")

        assert_done(alice.post("/v1/webhooks/replay", {"delivery_id": waiting["id"]}))

        receiver.waits_for(2)
        _at_rest(alice.world)
        assert [each["attempts"] for each in _log(alice, status="delivered")] == [2]

    def test_what_a_webhook_missed_while_it_was_disabled_is_made_up(self, alice: Customer, receiver: Receiver) -> None:
        # hook-12, srv-033
        made = alice.webhook(receiver.url)
        receiver.answering = lambda heard: 410 if heard.text == "closing" else 200
        alice.hears(ADA, "closing")
        _at_rest(alice.world)
        alice.hears(ADA, "while it was disabled")
        assert_done(alice.post("/v1/webhooks/enable", {"id": made["id"]}))
        receiver.answering = lambda _: 200

        answer = alice.post("/v1/webhooks/replay", {"webhook_id": made["id"]})

        assert answer.json()["replayed"] == 2
        assert {heard.text for heard in receiver.waits_for(3)[1:]} == {"closing", "while it was disabled"}
        _at_rest(alice.world)
        assert alice.post("/v1/webhooks/replay", {"webhook_id": made["id"]}).json()["replayed"] == 0

    def test_a_part_of_the_past_is_replayed_by_time_and_state(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)
        for number in range(3):
            alice.hears(ADA, str(number))
            receiver.waits_for(number + 1)
            _at_rest(alice.world)
            alice.world.pass_time(MINUTE_MS)
        body = {"webhook_id": made["id"], "status": "delivered", "since": NOON_MS + MINUTE_MS}

        answer = alice.post("/v1/webhooks/replay", body | {"until": NOON_MS + 2 * MINUTE_MS})

        assert answer.json()["replayed"] == 1
        assert receiver.waits_for(4)[3].text == "1"

    @pytest.mark.parametrize(
        ("body", "code", "param"),
        [
            ({}, "missing_required_parameter", "delivery_id"),
            ({"delivery_id": "wh_1"}, "invalid_parameter_value", "delivery_id"),
            ({"webhook_id": "dlv_1"}, "invalid_parameter_value", "webhook_id"),
            ({"webhook_id": "wh_1", "delivery_id": "dlv_1"}, "invalid_parameter_value", "webhook_id"),
            ({"webhook_id": "wh_1", "status": "pending"}, "invalid_parameter_value", "status"),
            ({"webhook_id": "wh_1", "since": "1"}, "invalid_parameter_value", "since"),
        ],
    )
    def test_what_is_wrong_is_told(self, still: Customer, body: Json, code: str, param: str) -> None:
        assert_refused(still.post("/v1/webhooks/replay", body), 400, code, param)

    def test_what_nobody_has_is_not_found(self, alice: Customer, bob: Customer, receiver: Receiver) -> None:
        made = bob.webhook(receiver.url)

        for webhook_id in (made["id"], f"wh_{NOBODYS}"):
            answer = alice.post("/v1/webhooks/replay", {"webhook_id": webhook_id})
            assert_refused(answer, 404, "webhook_not_found", "webhook_id")


class TestTest:
    def test_an_example_is_delivered_once(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url, "reaction.added", "message.sent")
        receiver.answering = lambda _: 500

        answer = alice.post("/v1/webhooks/test", {"id": made["id"], "event": "message.sent"})

        assert_done(answer, 201)
        (heard,) = receiver.waits_for(1)
        assert heard.is_signed_with(made["secret"])
        assert (heard.body["event"], heard.body["delivery_id"]) == ("message.sent", answer.json()["id"])
        assert heard.body["data"]["is_from_me"] is True
        alice.world.pass_time(DAY_MS)
        _at_rest(alice.world)
        (shown,) = _log(alice)
        assert (shown["is_test"], shown["status"], shown["attempts"]) == (True, "failed", 1)

    def test_there_is_an_example_of_every_event(self, alice: Customer, receiver: Receiver) -> None:
        alice.world.do(customizing.change_preferences, alice.account_id, {"extended_events": 1})
        every = [*get_args(EventType), *get_args(ExtendedEventType)]
        made = alice.webhook(receiver.url, *every)

        for event in every:
            assert_done(alice.post("/v1/webhooks/test", {"id": made["id"], "event": event}), 201)

        assert {heard.body["event"] for heard in receiver.waits_for(len(every))} == {*every}

    def test_it_says_nothing_of_what_a_receiver_is_like(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)
        receiver.answering = lambda _: 410

        alice.post("/v1/webhooks/test", {"id": made["id"]})
        receiver.waits_for(1)
        _at_rest(alice.world)

        assert alice.get("/v1/webhooks").json()["data"][0]["is_active"] is True

    @pytest.mark.parametrize(
        ("body", "status", "code", "param"),
        [
            ({}, 400, "missing_required_parameter", "id"),
            ({"id": "dlv_1"}, 400, "invalid_parameter_value", "id"),
            ({"id": f"wh_{NOBODYS}"}, 404, "webhook_not_found", "id"),
        ],
    )
    def test_what_is_wrong_is_told(self, still: Customer, body: Json, status: int, code: str, param: str) -> None:
        assert_refused(still.post("/v1/webhooks/test", body), status, code, param)

    def test_an_event_that_the_webhook_does_not_get_is_refused(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url, "message.sent")

        answer = alice.post("/v1/webhooks/test", {"id": made["id"], "event": "message.received"})

        assert_refused(answer, 400, "invalid_parameter_value", "event")


class TestSecrets:
    def test_standard_webhooks_can_be_verified_beside_the_seeds(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)

        alice.hears(ADA)

        (heard,) = receiver.waits_for(1)
        assert heard.headers["webhook-id"] == heard.body["delivery_id"]
        assert heard.headers["webhook-timestamp"] == str(NOON_MS // 1000)
        assert heard.headers["webhook-signature"] == _standard_signature(heard, made["secret"])

    def test_both_secrets_sign_until_the_overlap_ends(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)

        answer = alice.post("/v1/webhooks/rotate", {"id": made["id"], "overlap_s": 3600})
        alice.hears(ADA)
        during = receiver.waits_for(1)[0]
        alice.world.clock.ms += HOUR_MS
        alice.hears(CARL)
        after = receiver.waits_for(2)[1]

        assert_done(answer)
        secret = answer.json()["secret"]
        assert secret != made["secret"]
        assert answer.json()["earlier_secret_expires_at"] == NOON_MS + HOUR_MS
        both = [_standard_signature(during, each) for each in (secret, made["secret"])]
        assert during.headers["webhook-signature"].split(" ") == both
        assert during.is_signed_with(secret)
        assert after.headers["webhook-signature"] == _standard_signature(after, secret)

    def test_without_overlap_the_earlier_secret_is_worth_nothing(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)

        secret = alice.post("/v1/webhooks/rotate", {"id": made["id"], "overlap_s": 0}).json()["secret"]
        alice.hears(ADA)

        (heard,) = receiver.waits_for(1)
        assert heard.headers["webhook-signature"] == _standard_signature(heard, secret)

    @pytest.mark.parametrize(
        ("fields", "code", "param"),
        [
            ({"id": None}, "missing_required_parameter", "id"),
            ({"id": "dlv_1"}, "invalid_parameter_value", "id"),
            ({"overlap_s": -1}, "invalid_parameter_value", "overlap_s"),
            ({"overlap_s": 604_801}, "invalid_parameter_value", "overlap_s"),
            ({"overlap_s": "1"}, "invalid_parameter_value", "overlap_s"),
        ],
    )
    def test_what_is_wrong_is_told(self, alice: Customer, fields: Json, code: str, param: str) -> None:
        made = alice.webhook("https://agent.example.com/hook")

        assert_refused(alice.post("/v1/webhooks/rotate", {"id": made["id"]} | fields), 400, code, param)
