"""GET and POST /v1/settings: what an account sets for itself, and what holds where it sets nothing."""

from collections.abc import Iterator

import pytest

from blueport.server.customizing.service import change_preferences, preferences_of
from blueport.server.operating import service as operating
from blueport.server.operating.service import OperatorError
from blueport.server.store.opening import once
from tests.databases import Database
from tests.server.answers import assert_done, assert_refused
from tests.server.refusals import Form, assert_body_is_judged, assert_key_is_judged
from tests.server.world import ADA, Clock, Customer, Json, World

PATH = "/v1/settings"
USUAL = {
    "extended_events": False,
    "stop_handling": False,
    "pacing": {"interval_ms": 250, "burst": 7},
    "loop_guard": {"limit": 9, "window_s": 30, "pause_s": 40},
}
OTHER = {
    "extended_events": True,
    "stop_handling": True,
    "pacing": {"interval_ms": 3_600_000, "burst": 1_000},
    "loop_guard": {"limit": 0, "window_s": 3_600, "pause_s": 86_400},
}


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    usual = {"pace_ms": 250, "pace_burst": 7, "loop_limit": 9, "loop_window_s": 30, "loop_pause_s": 40}
    with World(database, Clock(), **usual).open() as world:
        yield world


def told(customer: Customer) -> Json:
    answer = customer.get(PATH)
    assert_done(answer)
    return {name: value for name, value in answer.json().items() if name != "request_id"}


def log(customer: Customer) -> list[tuple[str, str, str]]:
    return customer.world.sql(
        "SELECT actor, target, detail FROM audit_log WHERE action = 'settings.changed' ORDER BY seq"
    )


def test_what_is_named_is_changed_and_null_puts_it_back(alice: Customer, bob: Customer) -> None:
    assert told(alice) == USUAL

    # What is asked, and what of USUAL is different from then on.
    steps: list[tuple[Json, Json]] = [
        ({}, {}),
        (OTHER, OTHER),
        ({"stop_handling": False, "unknown": 1}, OTHER | {"stop_handling": False}),
        (
            {"pacing": {"burst": None}},
            OTHER | {"stop_handling": False, "pacing": {"interval_ms": 3_600_000, "burst": 7}},
        ),
        (
            {"pacing": None, "loop_guard": {"limit": 5}},
            {"extended_events": True, "loop_guard": OTHER["loop_guard"] | {"limit": 5}},
        ),
        ({"pacing": {}, "loop_guard": {}}, {"extended_events": True, "loop_guard": OTHER["loop_guard"] | {"limit": 5}}),
        ({"loop_guard": None, "extended_events": None}, {}),
    ]
    for asked, different in steps:
        answer = alice.post(PATH, asked)
        assert_done(answer)
        assert told(alice) == USUAL | different
        assert {**answer.json(), "request_id": ""} == {**told(alice), "request_id": ""}

    assert told(bob) == USUAL
    assert len(log(alice)) == 5  # what changes nothing is not noted
    assert log(alice)[3][1:] == (alice.account_id, "pace_ms=default pace_burst=default loop_limit=5")


def test_what_cannot_be_is_told_exactly_and_nothing_is_changed(alice: Customer) -> None:
    bad: list[tuple[Json, str]] = [
        ({"extended_events": 1}, "extended_events"),
        ({"stop_handling": "on"}, "stop_handling"),
        ({"pacing": 5}, "pacing"),
        ({"pacing": []}, "pacing"),
        ({"pacing": {"interval_ms": -1}}, "pacing.interval_ms"),
        ({"pacing": {"interval_ms": 3_600_001}}, "pacing.interval_ms"),
        ({"pacing": {"interval_ms": "5"}}, "pacing.interval_ms"),
        ({"pacing": {"interval_ms": True}}, "pacing.interval_ms"),
        ({"pacing": {"interval_ms": 1.5}}, "pacing.interval_ms"),
        ({"pacing": {"interval_ms": 10**30}}, "pacing.interval_ms"),
        ({"pacing": {"burst": 0}}, "pacing.burst"),
        ({"stop_handling": True, "loop_guard": {"limit": 1_001}}, "loop_guard.limit"),
        ({"loop_guard": {"window_s": 0}}, "loop_guard.window_s"),
        ({"loop_guard": {"pause_s": 86_401}}, "loop_guard.pause_s"),
    ]
    for asked, param in bad:
        assert_refused(alice.post(PATH, asked), 400, "invalid_parameter_value", param)
    assert (told(alice), log(alice)) == (USUAL, [])


def test_a_name_stands_for_one_change(alice: Customer) -> None:
    once_more = {"Idempotency-Key": "one"}
    first = alice.post(PATH, {"stop_handling": True}, **once_more)
    alice.sets(stop_handling=False)

    again = alice.post(PATH, {"stop_handling": True}, **once_more)

    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert told(alice) == USUAL


def test_the_key_is_judged_first_and_one_of_some_lines_may_only_look(alice: Customer) -> None:
    for form in (
        Form("GET", PATH, "settings:read", {}),
        Form("POST", PATH, "settings:write", {"stop_handling": True}),
    ):
        assert_key_is_judged(alice, form)
    assert_body_is_judged(alice, form)
    restricted = alice.caller(line_ids=(alice.line_id,))
    noted = log(alice)

    assert_refused(restricted.post(PATH, {"stop_handling": False}), 403, "line_not_accessible")
    assert_refused(restricted.post(PATH, {"pacing": 5}), 400, "invalid_parameter_value", "pacing")
    assert (restricted.get(PATH).json()["stop_handling"], log(alice)) == (True, noted)


def test_what_another_process_changes_is_seen_by_the_next_request(alice: Customer) -> None:
    world = alice.world
    alice.sets(stop_handling=True)
    alice.hears(ADA)
    alice.hears(ADA, "STOP")
    assert_refused(alice.asks(), 403, "contact_opted_out", "to")

    for is_on, status in ((0, 201), (1, 403)):
        change = {"stop_handling": is_on}
        once(world.database.named, world.clock, lambda tx: operating.set_preferences(tx, "Alice", change))  # noqa: B023
        assert alice.asks().status_code == status
        assert world.do(preferences_of, alice.account_id).stop_handling == is_on

    assert log(alice)[1:] == [
        ("operator", alice.account_id, "stop_handling=0"),
        ("operator", alice.account_id, "stop_handling=1"),
    ]


def test_the_operator_changes_what_he_names_and_sees_it_in_the_list(alice: Customer) -> None:
    world = alice.world
    world.do(operating.set_preferences, alice.account_id, {"pace_ms": 0, "loop_limit": 4})
    world.do(operating.set_preferences, "Alice", {"loop_limit": None, "extended_events": 1})

    world.customer("Bob", "+15550102000")
    rows = {row.name: row for row in world.do(operating.accounts)}
    assert (rows["Alice"].pace_ms, rows["Alice"].loop_limit, rows["Alice"].extended_events) == (0, None, 1)
    assert (rows["Bob"].pace_ms, rows["Bob"].extended_events) == (None, 0)
    assert told(alice) == USUAL | {"pacing": {"interval_ms": 0, "burst": 7}, "extended_events": True}
    with pytest.raises(OperatorError, match="say what to set"):
        world.do(operating.set_preferences, "Alice", {})


def test_two_who_change_different_things_at_once_both_succeed(alice: Customer) -> None:
    world = alice.world
    before = world.do(preferences_of, alice.account_id)
    world.do(change_preferences, alice.account_id, {"pace_ms": 5})
    world.do(change_preferences, alice.account_id, {"loop_limit": 6})

    assert world.do(preferences_of, alice.account_id) == before._replace(pace_ms=5, loop_limit=6)
