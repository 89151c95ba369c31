"""What becomes of a receiver that fails: it is spared, given up in the end, and served as soon as it is back."""

import threading

import pytest

from blueport.server.notifying.delivering import service as delivering
from blueport.server.notifying.delivering.schedule import DELAYS_S
from blueport.server.notifying.delivering.service import Places
from tests.databases import Database
from tests.server.answers import assert_done, assert_refused
from tests.server.receiver import Receiver, receiving, until
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
    text_from,
)

DAY_MS = 24 * HOUR_MS


def _at_rest(world: World) -> None:
    """Wait until no try is under way, and none is due that may be made."""
    busy = (
        "SELECT count(*) FROM deliveries JOIN webhooks ON webhooks.id = webhook_id WHERE state = 'running'"
        " OR (state = 'pending' AND available_at <= ? AND is_active = 1)"
    )
    until(lambda: world.sql(busy, world.clock.ms) == [(0,)])


def _webhook(customer: Customer) -> Json:
    (shown,) = customer.get("/v1/webhooks").json()["data"]
    return shown


def _next_try_in_s(world: World) -> float:
    ((available_at,),) = world.sql("SELECT available_at FROM deliveries")
    return (available_at - world.clock.ms) / 1000


class TestWishes:
    # W1: what a receiver asks for is heard, within an hour; a wait that is longer by the plan stays.
    @pytest.mark.parametrize(
        ("status", "retry_after", "least_s", "most_s"),
        [
            (500, "", 4, 6),
            (500, "120", 120, 120),
            (500, "1", 4, 6),
            (500, "Thu, 09 Oct 2025 08:58:20 GMT", 300, 300),
            (500, "Thu, 09 Oct 2025 08:00:00 GMT", 4, 6),  # long past
            (500, "soon", 4, 6),
            (500, "-5", 4, 6),
            (500, "1e3", 4, 6),
            (500, "\xb2", 4, 6),
            (500, "9" * 400, 3600, 3600),
            (500, "Thu, 99 Oct 2025 08:58:20 GMT", 4, 6),
            (429, "", 60, 60),
            (503, "0", 60, 60),
            (503, "1000000000000", 3600, 3600),
        ],
    )
    @pytest.mark.one_store("the delay is decided in memory")
    def test_retry_after_is_obeyed_within_bounds(
        self, alice: Customer, receiver: Receiver, status: int, retry_after: str, least_s: float, most_s: float
    ) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: status
        receiver.headers = {"Retry-After": retry_after} if retry_after else {}

        alice.hears(ADA)
        _at_rest(alice.world)

        assert least_s <= _next_try_in_s(alice.world) <= most_s


class TestPlans:
    def test_a_webhook_may_have_a_plan_of_its_own(self, alice: Customer, receiver: Receiver) -> None:
        # W1, srv-025
        body = {"from": "", "url": receiver.url, "events": ["message.received"], "retry_delays_s": [1, 2]}
        assert_done(alice.post("/v1/webhooks", body), 201)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        for _ in range(4):
            _at_rest(alice.world)
            alice.world.pass_time(3 * SECOND_MS)
        _at_rest(alice.world)

        assert alice.world.sql("SELECT state, attempts FROM deliveries") == [("failed", 3)]
        assert _webhook(alice)["retry_delays_s"] == [1, 2]

    def test_the_usual_plan_is_not_told(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)

        assert "retry_delays_s" not in _webhook(alice)

    @pytest.mark.parametrize("delays_s", [[0], [-1], [86_401], [1] * 21, [1.5], ["1"], 5, [None]], ids=str)
    @pytest.mark.one_store("judged before the store is asked")
    def test_a_plan_that_cannot_be_is_refused(self, still: Customer, delays_s: Json) -> None:
        body = {"from": "", "url": "https://agent.example.com/", "events": ["message.sent"], "retry_delays_s": delays_s}

        answer = still.post("/v1/webhooks", body)

        assert_refused(answer, 400, "invalid_parameter_value", "retry_delays_s")


class TestGivenUp:
    # hook-09, srv-051
    def test_who_answers_410_is_asked_no_more(self, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)
        receiver.answering = lambda _: 410

        alice.hears(ADA)
        receiver.waits_for(1)
        _at_rest(alice.world)
        alice.hears(ADA, "after that")

        shown = _webhook(alice)
        assert (shown["id"], shown["is_active"]) == (made["id"], False)
        assert (shown["disabled_at"], shown["disabled_reason"]) == (NOON_MS, "gone")
        assert len(receiver.heard) == 1
        noted = alice.world.sql("SELECT actor, target, detail FROM audit_log WHERE action = 'webhook.disabled'")
        assert noted == [("system", made["id"], "gone")]

    def test_who_fails_for_three_days_is_asked_no_more(self, alice: Customer, receiver: Receiver) -> None:
        # W4, srv-051: once, however many tries fail.
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        for number in range(3):
            alice.hears(ADA, str(number))
        _at_rest(alice.world)

        for hour in range(71):
            assert _webhook(alice)["is_active"] is True, f"after {hour} hours"
            alice.world.pass_time(HOUR_MS)
            _at_rest(alice.world)
        alice.world.pass_time(25 * HOUR_MS)
        _at_rest(alice.world)

        shown = _webhook(alice)
        assert (shown["is_active"], shown["disabled_reason"]) == (False, "failing")
        assert len(receiver.heard) >= 20
        assert alice.world.sql("SELECT count(*) FROM audit_log WHERE action = 'webhook.disabled'") == [(1,)]

    def test_what_becomes_of_ones_receiver_becomes_of_no_others_at_the_same_url(
        self, alice: Customer, bob: Customer, receiver: Receiver
    ) -> None:
        # srv-050
        hooks = {customer.line: customer.webhook(receiver.url) for customer in (alice, bob)}
        receiver.answering = lambda heard: 410 if heard.is_signed_with(hooks[alice.line]["secret"]) else 200
        for number in range(6):
            alice.hears(f"+1555010000{number}", "For Alice")
            bob.hears(f"+1555010000{number}", "For Bob")
        _at_rest(alice.world)

        assert (_webhook(alice)["is_active"], _webhook(bob)["is_active"]) == (False, True)
        told = [heard.text for heard in receiver.heard]
        assert (told.count("For Bob"), told.count("For Alice") >= 1) == (6, True)
        assert alice.world.sql("SELECT failures FROM webhooks WHERE id = ?", hooks[bob.line]["id"]) == [(0,)]

    def test_few_failures_are_no_reason_however_long_they_last(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        for _ in range(len(DELAYS_S) + 2):
            _at_rest(alice.world)
            alice.world.pass_time(2 * DAY_MS)

        assert alice.world.sql("SELECT state, attempts FROM deliveries") == [("failed", len(DELAYS_S) + 1)]
        assert _webhook(alice)["is_active"] is True

    def test_one_success_makes_all_before_it_forgotten(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda heard: 200 if heard.text == "fine" else 500
        for number in range(2):
            alice.hears(ADA, str(number))
        for hour in range(100):
            _at_rest(alice.world)
            if hour == 50:
                alice.hears(CARL, "fine")
                _at_rest(alice.world)
            alice.world.pass_time(HOUR_MS)
        _at_rest(alice.world)

        assert _webhook(alice)["is_active"] is True

    def test_what_waits_for_it_goes_out_when_it_is_enabled_again(self, alice: Customer, receiver: Receiver) -> None:
        # srv-059
        made = alice.webhook(receiver.url)
        receiver.answering = lambda heard: 410 if heard.text == "gone" else 500
        alice.hears(CARL, "waits")
        _at_rest(alice.world)
        alice.hears(ADA, "gone")
        _at_rest(alice.world)
        receiver.answering = lambda _: 200

        answer = alice.post("/v1/webhooks/enable", {"id": made["id"]})

        assert_done(answer)
        assert (answer.json()["is_active"], "disabled_at" in answer.json()) == (True, False)
        assert receiver.waits_for(3)[2].text == "waits"

    def test_what_has_waited_for_a_week_is_called_off(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda heard: 410 if heard.text == "gone" else 500
        alice.hears(CARL, "waits")
        _at_rest(alice.world)
        alice.hears(ADA, "gone")
        _at_rest(alice.world)

        alice.world.clock.ms += 7 * DAY_MS + 1
        alice.world.sweep()

        found = alice.world.sql("SELECT state, reason FROM deliveries ORDER BY seq")
        assert found == [("cancelled", "webhook_disabled"), ("failed", "http_410")]

    def test_to_enable_what_is_enabled_changes_nothing(
        self, alice: Customer, bob: Customer, receiver: Receiver
    ) -> None:
        made = alice.webhook(receiver.url)

        assert alice.post("/v1/webhooks/enable", {"id": made["id"]}).json()["is_active"] is True
        assert alice.world.sql("SELECT count(*) FROM audit_log WHERE action = 'webhook.enabled'") == [(0,)]
        foreign = bob.post("/v1/webhooks/enable", {"id": made["id"]})
        assert_refused(foreign, 404, "webhook_not_found", "id")


class TestSpared:
    @pytest.fixture
    def gate(self) -> threading.Event:
        return threading.Event()

    def test_who_is_down_is_tried_one_at_a_time_by_new_events_too(
        self, alice: Customer, receiver: Receiver, gate: threading.Event
    ) -> None:
        # srv-060
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        for number in range(5):
            alice.hears(f"+1555010000{number}", str(number))
            receiver.waits_for(number + 1)
            _at_rest(alice.world)
        receiver.answering = lambda _: gate.wait() and 500

        for number in range(4):
            alice.hears(f"+1555010001{number}", "new")
        receiver.waits_for(6)

        assert alice.world.sql("SELECT count(*) FROM deliveries WHERE state = 'running'") == [(1,)]
        gate.set()
        _at_rest(alice.world)

    def test_who_is_back_gets_at_once_what_waits(self, alice: Customer, receiver: Receiver) -> None:
        # srv-059, hook-12: nobody waits for ten hours because a receiver was down for two.
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA, "long ago")
        for delay_s in DELAYS_S[:6]:
            _at_rest(alice.world)
            alice.world.pass_time(round(delay_s * 1.2) * SECOND_MS)
        _at_rest(alice.world)
        assert _next_try_in_s(alice.world) > 8 * 3600

        receiver.answering = lambda _: 200
        alice.hears(CARL, "it is back")

        until(lambda: alice.world.sql("SELECT DISTINCT state FROM deliveries") == [("delivered",)])

    def test_a_test_that_arrives_tells_of_it_too(self, alice: Customer, receiver: Receiver) -> None:
        # srv-059
        made = alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA, "long ago")
        for delay_s in DELAYS_S[:6]:
            _at_rest(alice.world)
            alice.world.pass_time(round(delay_s * 1.2) * SECOND_MS)
        _at_rest(alice.world)
        heard = len(receiver.heard)

        assert_done(alice.post("/v1/webhooks/test", {"id": made["id"]}), 201)
        receiver.waits_for(heard + 1)
        _at_rest(alice.world)
        assert len(receiver.heard) == heard + 1, "one that fails tells nothing"
        receiver.answering = lambda _: 200
        assert_done(alice.post("/v1/webhooks/test", {"id": made["id"]}), 201)

        assert receiver.waits_for(heard + 3)[-1].text == "long ago"

    def test_who_only_stumbles_is_spared_all_the_same(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda heard: 200 if heard.text == "fine" else 500
        alice.hears(ADA, "poison")
        _at_rest(alice.world)

        alice.hears(CARL, "fine")
        _at_rest(alice.world)

        assert alice.world.sql("SELECT attempts FROM deliveries ORDER BY seq") == [(1,), (1,)]


class TestShares:
    def test_what_failed_leaves_places_for_what_is_new(self, database: Database) -> None:
        """Of one webhook they go by turns, so that neither waits for the other's end."""
        with World(database, Clock(), role="api").open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.webhook("http://127.0.0.1:9/hook")
            for number in range(8):
                alice.hears(f"+1555010000{number}", str(number))
            world.sql("UPDATE deliveries SET attempts = 3, reason = 'http_500', available_at = 1 WHERE seq <= 4")

            claimed = world.do(delivering.turn, [], Places(8, 8), "a process", lease_s=40)
            again = world.do(delivering.turn, [], Places(8, 8), "a process", lease_s=40)

        assert sorted(each.due.attempts for each in claimed.tries) == [1, 1, 4, 4]
        assert again.tries == []

    def test_what_failed_does_not_take_all_places_of_a_process(self, database: Database) -> None:
        with World(database, Clock(), role="api").open() as world:
            alice = world.customer("Alice", "+15550101000")
            for _ in range(4):
                alice.webhook("http://127.0.0.1:9/hook")
            alice.hears(ADA)
            world.sql("UPDATE deliveries SET attempts = 3, reason = 'http_500', available_at = 1")

            claimed = world.do(delivering.turn, [], Places(4, 2), "a process", lease_s=40)

        assert len(claimed.tries) == 2


class TestOfOurOwn:
    def test_an_event_that_cannot_be_rendered_is_a_failed_delivery_with_a_reason(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        # srv-049, and the next one goes out all the same
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA, "broken")
        _at_rest(alice.world)
        alice.world.sql("UPDATE messages SET attachments = 'no JSON'")
        receiver.answering = lambda _: 200

        alice.world.pass_time(MINUTE_MS)
        alice.hears(CARL, "fine")

        assert receiver.waits_for(2)[1].text == "fine"
        _at_rest(alice.world)
        (failed,) = alice.get("/v1/webhooks/deliveries", {"status": "failed"}).json()["data"]
        assert (failed["reason"], failed["attempts"]) == ("not_rendered", 2)

    def test_a_try_whose_process_died_is_logged_as_one_of_unknown_end(
        self, database: Database, receiver: Receiver
    ) -> None:
        # srv-052, srv-057
        clock = Clock()
        with World(database, clock).open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.webhook(receiver.url)
            receiver.answering = lambda _: 500
            alice.hears(ADA)
            _at_rest(world)
        world.sql("UPDATE deliveries SET state = 'running', attempts = 2, claimed_by = '0', lease_until = 1")

        receiver.answering = lambda _: 200
        with World(database, clock).open() as world:
            world.pass_time(MINUTE_MS)
            until(lambda: world.sql("SELECT state FROM deliveries") == [("delivered",)])

        log = world.sql("SELECT number, reason, duration_ms IS NULL FROM delivery_attempts ORDER BY number")
        assert [(number, reason, bool(unknown)) for number, reason, unknown in log] == [
            (1, "http_500", False),
            (2, "interrupted", True),
            (3, "http_200", False),
        ]

    def test_however_many_a_process_was_trying_when_it_died_all_are_tried_again(
        self, database: Database, receiver: Receiver
    ) -> None:
        # srv-079
        clock, people = Clock(), [f"+1555010{number:04}" for number in range(300)]
        with World(database, clock, role="api").open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.webhook(receiver.url)
            alice.mac.sees(*[text_from(person, alice.line, person) for person in people])
        world.sql("UPDATE deliveries SET state = 'running', attempts = 1, claimed_by = '0', lease_until = 1")

        with World(database, clock).open() as world:
            world.sweep()
            until(lambda: world.sql("SELECT DISTINCT state, attempts FROM deliveries") == [("delivered", 2)])

        assert sorted(heard.text for heard in receiver.heard) == people

    def test_one_whose_process_dies_at_every_try_is_a_failure_in_the_end(
        self, database: Database, receiver: Receiver
    ) -> None:
        clock = Clock()
        with World(database, clock).open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.webhook(receiver.url)
            receiver.answering = lambda _: 500
            alice.hears(ADA)
            _at_rest(world)
        tries = len(DELAYS_S) + 1
        world.sql(f"UPDATE deliveries SET state = 'running', attempts = {tries}, claimed_by = '0', lease_until = 1")

        with World(database, clock).open() as world:
            world.pass_time(MINUTE_MS)
            until(lambda: world.sql("SELECT state, reason FROM deliveries") == [("failed", "interrupted")])

        assert len(receiver.heard) == 1


def test_one_accounts_dead_receivers_leave_places_for_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many webhooks an account has, all of which hang."""
    monkeypatch.setattr(delivering, "ACCOUNT_LIMIT", 64)
    gate = threading.Event()
    with World(database, Clock()).open() as world, receiving() as dead, receiving() as fine:
        dead.answering = lambda _: gate.wait() and 200
        alice, bob = world.customer("Alice", "+15550101000"), world.customer("Bob", "+15550102000")
        for _ in range(40):
            alice.webhook(dead.url)
        bob.webhook(fine.url)

        for number in range(3):
            alice.hears(f"+1555010000{number}", "hangs")
        bob.hears(ADA, "goes through")

        assert [heard.text for heard in fine.waits_for(1)] == ["goes through"]
        until(lambda: world.sql("SELECT count(*) FROM deliveries WHERE state = 'running'") == [(64,)])
        gate.set()
        until(lambda: len(dead.heard) == 120)
