"""A line sends at a human's pace: what is accepted waits for its turn, in order, and nothing is dropped."""

import asyncio

import pytest

from blueport.protocol.door import ClaimedItem
from tests.databases import Database
from tests.server.answers import assert_done
from tests.server.world import ADA, CARL, NOON_MS, SECOND_MS, Clock, Customer, World, text_from

PACE = {"pacing": {"interval_ms": 1_000, "burst": 2}}


@pytest.fixture
def alice(alice: Customer) -> Customer:
    """Return Alice, whose line sends one message a second, and two after a rest."""
    alice.sets(**PACE)
    alice.hears(ADA)
    return alice


def said(items: list[ClaimedItem]) -> list[str]:
    return [item.command.text for item in items]


def texts(customer: Customer, *texts: str, to: str = ADA) -> list[str]:
    return [customer.sends(text, to) for text in texts]


def test_after_the_burst_messages_come_one_by_one_in_the_order_of_acceptance(alice: Customer) -> None:
    world, mac = alice.world, alice.mac
    texts(alice, "1", "2", "3", "4")

    at_once = mac.claim()
    holding = [item.id for item in at_once]
    assert (said(at_once), said(mac.claim(*holding))) == (["1", "2"], [])
    world.pass_time(999)
    assert mac.claim(*holding) == []
    world.pass_time(1)
    (third,) = mac.claim(*holding)
    assert (third.command.text, said(mac.claim(*holding, third.id))) == ("3", [])
    for item in (*at_once, third):
        mac.sends(item)
    world.pass_time(SECOND_MS)
    (fourth,) = mac.claim()
    mac.sends(fourth)

    # Rested, the line may send a whole burst again, and no more than that, however long it rested.
    world.pass_time(100 * SECOND_MS)
    texts(alice, "5", "6", "7")
    assert said(mac.claim()) == ["5", "6"]
    assert [message["text"] for message in alice.messages()[:-1]] == ["4", "3", "2", "1"]


def test_what_is_offered_again_takes_nothing_of_the_pace(alice: Customer) -> None:
    world, mac = alice.world, alice.mac
    texts(alice, "1", "2", "3")

    lost = mac.claim()
    again = mac.claim()  # holds nothing: the answer was lost
    assert said(again) == said(lost) == ["1", "2"]
    assert mac.begin(again[0])
    mac.fail(again[0], "not now")
    world.pass_time(2_000)  # what failed is tried again now, and by then two more could go

    assert said(mac.claim()) == ["1", "2", "3"]


def test_a_claim_that_waits_is_answered_when_the_pace_allows(alice: Customer) -> None:
    world, mac = alice.world, alice.mac
    texts(alice, "1", "2", "3")
    holding = [item.id for item in mac.claim()]

    async def waiting() -> list[str]:
        claim = asyncio.create_task(asyncio.to_thread(mac.claim, *holding, wait_s=20))
        await asyncio.sleep(0.05)
        assert not claim.done()
        await asyncio.to_thread(world.pass_time, SECOND_MS)
        return said(await claim)

    assert asyncio.run(waiting()) == ["3"]


def test_a_line_that_is_used_up_holds_up_no_other(alice: Customer, bob: Customer) -> None:
    second = "+15550101009"
    world = alice.world
    world.add_line(alice.account_id, second, alice.mac)
    alice.mac.hello(alice.line, second)
    alice.mac.sees(text_from(ADA, second))
    texts(alice, "1", "2", "3", "4")
    for text in ("a", "b", "c"):
        answer = alice.post("/v1/messages", {"from": second, "to": ADA, "text": text})
        assert_done(answer, 201)
    bob.hears(CARL)
    texts(bob, "x", "y", "z", to=CARL)

    claimed = alice.mac.claim()
    assert sorted(said(claimed)) == ["1", "2", "a", "b"]
    # Bob has set nothing, and the installation of these tests has no pace.
    assert said(bob.mac.claim()) == ["x", "y", "z"]


def test_a_text_with_a_file_is_two_messages_and_a_reaction_is_one_but_typing_is_none(alice: Customer) -> None:
    world, mac = alice.world, alice.mac
    guid = alice.is_ready_for("reactions", "typing")
    mac.hello(alice.line, capabilities=("reactions", "typing"))
    alice.accepted("/v1/messages", text="Look", attachments=[alice.keeps()])
    alice.accepted("/v1/reactions", message_id=guid, type="love")
    alice.accepted("/v1/typing")

    assert len(mac.signals()) == 1
    (text,) = mac.claim()
    mac.sends(text)
    (file,) = mac.claim()
    assert [type(item.command).__name__ for item in (text, file)] == ["SendText", "SendFile"]
    mac.sends(file)
    assert mac.claim() == []
    world.pass_time(SECOND_MS)
    assert [type(item.command).__name__ for item in mac.claim()] == ["React"]


def test_an_item_tells_until_when_it_is_held_and_only_while_it_is(alice: Customer) -> None:
    world, mac = alice.world, alice.mac
    ids = texts(alice, "1", "2", "3", "4")

    def held() -> list[int | None]:
        return [alice.item(each).get("held_until") for each in ids]

    # Two could go at once if there were a Mac; those behind them wait for one second each.
    assert held() == [None, None, NOON_MS + 1_000, NOON_MS + 2_000]
    holding = [item.id for item in mac.claim()]
    assert held() == [None, None, NOON_MS + 1_000, NOON_MS + 2_000]
    world.pass_time(SECOND_MS)
    assert held() == [None, None, None, NOON_MS + 2_000]
    assert len(mac.claim(*holding)) == 1
    assert held() == [None, None, None, NOON_MS + 2_000]
    assert [alice.item(each)["status"] for each in ids] == ["claimed", "claimed", "claimed", "pending"]


def test_a_pace_that_is_changed_holds_from_the_next_claim_on(alice: Customer) -> None:
    mac = alice.mac
    texts(alice, "1", "2", "3", "4", "5", "6")
    holding = [item.id for item in mac.claim()]

    alice.sets(pacing={"burst": 3})
    wider = mac.claim(*holding)
    alice.sets(pacing={"interval_ms": 0})

    assert (said(wider), said(mac.claim(*holding, wider[0].id))) == (["3"], ["4", "5", "6"])


def test_a_clock_that_was_set_back_holds_nothing_up_for_longer_than_the_pace(alice: Customer) -> None:
    texts(alice, "1", "2", "3")
    holding = [item.id for item in alice.mac.claim()]

    alice.world.clock.ms -= 3_600 * SECOND_MS
    assert alice.mac.claim(*holding) == []
    alice.world.pass_time(SECOND_MS)

    assert said(alice.mac.claim(*holding)) == ["3"]


def test_the_installations_pace_is_that_of_who_sets_none_and_outlives_a_restart(database: Database) -> None:
    clock = Clock()
    usual = World(database, clock, pace_ms=1_000, pace_burst=5)
    with usual.open() as world:
        alice = world.customer("Alice", "+15550101000")
        alice.hears(ADA)
        texts(alice, *"123456")
        holding = [item.id for item in alice.mac.claim()]
        assert len(holding) == 5
    with usual.open() as world:
        alice.world = alice.mac.world = world
        assert alice.mac.claim(*holding) == []
        world.pass_time(SECOND_MS)
        assert said(alice.mac.claim(*holding)) == ["6"]
