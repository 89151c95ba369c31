"""No line sends more in an hour than the installation lets it, whatever its account has set: the rest waits."""

import logging
from collections.abc import Iterator

import pytest

from blueport.protocol.door import ClaimedItem
from blueport.server.sending.pacing import HOUR_MS, Allowance, Pace, fuse
from tests.databases import Database
from tests.server.answers import assert_done
from tests.server.world import ADA, NOON_MS, SECOND_MS, Clock, Customer, World, text_from
from tests.told import told

MINUTE_MS = 60 * SECOND_MS
LIMIT = 150


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with World(database, Clock(), line_hourly_limit=LIMIT, dashboard_token="a-token").open() as world:
        yield world


@pytest.fixture
def alice(alice: Customer) -> Customer:
    """Return Alice, who has switched her own pace off."""
    alice.sets(pacing={"interval_ms": 0})
    alice.hears(ADA)
    return alice


def sends_at(customer: Customer, at_ms: int) -> list[ClaimedItem]:
    """Let the Mac send all that it is given at a moment."""
    customer.world.pass_time(at_ms - customer.world.clock.ms)
    sent: list[ClaimedItem] = []
    while items := customer.mac.claim():
        for item in items:
            customer.mac.sends(item)
        sent += items
    return sent


def is_fused(world: World) -> bool:
    return "blueport_lines_fused 1.0" in world.client.get("/metrics").text


class TestThreeHundredInAnHour:
    def test_what_is_too_much_waits_and_goes_out_later_and_the_operator_is_told_once(  # send-26
        self, alice: Customer, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        ids = [alice.sends(f"Number {n}") for n in range(300)]
        assert not is_fused(world)

        moments = range(NOON_MS, NOON_MS + 3 * HOUR_MS, MINUTE_MS)
        sent = [(at, item.command.text) for at in moments for item in sends_at(alice, at)]

        # All go out, in their order, and in no hour more than may.
        assert [text for _, text in sent] == [f"Number {n}" for n in range(300)]
        hours = [sum(start <= at < start + HOUR_MS for at, _ in sent) for start in moments]
        assert max(hours) <= LIMIT
        assert sum(hours[:1]) > LIMIT * 0.9
        assert {alice.item(each)["status"] for each in ids} == {"sent"}
        assert {alice.item(each)["attempts"] for each in ids} == {1}
        warnings = [(each["event"], each.get("line_id")) for each in told(caplog, "blueport.server.link.routes")]
        assert warnings == [("line_sends_too_much", alice.line_id)]
        assert world.sql("SELECT target FROM audit_log WHERE action = 'line.fused'") == [(alice.line_id,)]

    def test_while_it_holds_the_metrics_and_the_dashboard_say_so_and_items_tell_until_when(  # send-26
        self, alice: Customer, world: World
    ) -> None:
        ids = [alice.sends() for _ in range(60)]
        at_once = len(sends_at(alice, NOON_MS))

        waiting = [alice.item(each) for each in ids[at_once:]]
        assert {item["status"] for item in waiting} == {"pending"}
        assert [item["held_until"] for item in waiting] == sorted({item["held_until"] for item in waiting})
        assert NOON_MS < waiting[0]["held_until"] < waiting[-1]["held_until"] <= NOON_MS + HOUR_MS
        assert is_fused(world)
        assert "sends too much" in world.client.get("/dashboard?token=a-token").text

        assert len(sends_at(alice, NOON_MS + HOUR_MS)) == len(waiting)
        sends_at(alice, NOON_MS + 2 * HOUR_MS)
        assert not is_fused(world)
        assert "sends too much" not in world.client.get("/dashboard?token=a-token").text

    def test_another_line_is_not_held_up(self, alice: Customer, world: World) -> None:  # send-26
        second = "+15550101009"
        world.add_line(alice.account_id, second, alice.mac)
        alice.mac.hello(alice.line, second)
        alice.mac.sees(text_from(ADA, second))
        for _ in range(60):
            alice.sends()
        sends_at(alice, NOON_MS)
        assert_done(alice.post("/v1/messages", {"from": second, "to": ADA, "text": "Other line"}), 201)

        assert [item.command.text for item in alice.mac.claim()] == ["Other line"]


def test_without_a_limit_a_line_sends_what_it_likes(database: Database) -> None:
    with World(database, Clock(), line_hourly_limit=0).open() as world:
        alice = world.customer("Alice", "+15550101000")
        alice.hears(ADA)
        for _ in range(60):
            alice.sends()

        assert len(sends_at(alice, NOON_MS)) == 60


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 150, 1000])
def test_no_hour_sees_more_than_the_limit_and_a_busy_one_not_much_less(limit: int) -> None:
    allowance = Allowance(Pace(0, 1, 0), fuse(limit, 0))
    sent: list[int] = []
    while not sent or sent[-1] < 5 * HOUR_MS:
        at = max(sent[-1] if sent else 0, allowance.free_at(0))
        allowance = allowance.less_one(at)
        sent.append(at)

    starts = [at for at in sent if at < 4 * HOUR_MS]
    hours = [sum(start <= at < start + HOUR_MS for at in sent) for start in starts]

    assert max(hours) == limit
    assert min(hours) >= limit * 3 // 4
