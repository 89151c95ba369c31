# ruff: noqa: SLF001 - a plan belongs to a statement, and statements are private to the functions that run them
"""Usage on the dashboard: what is counted, on which day, and that it goes by an index."""

import re
from collections.abc import Iterator

import pytest

from blueport.server.dashboard.usage import charts, queries
from blueport.server.store.sqlite import store as sqlite
from tests.databases import Database
from tests.server.browsers import Browser
from tests.server.dashboard import seen
from tests.server.receiver import Receiver, until
from tests.server.world import ADA, HOUR_MS, Clock, Customer, World

DAY_MS = 24 * HOUR_MS
TODAY, YESTERDAY = "9 Oct 2025", "8 Oct 2025"  # as the clock of the tests has it
ROW = re.compile(r"<tr><td>([^<]*)</td>((?:<td class=\"number\">[^<]*</td>)+)</tr>")


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with World(database, Clock(), dashboard_token="a-token").open() as world:
        yield world


@pytest.fixture
def olga(world: World) -> Browser:
    return Browser(world).comes_by_token("a-token")


def tables(browser: Browser, **query: str) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return the numbers of messages and of deliveries by day, as the tables have them."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = browser.get(f"/dashboard/usage?{asked}")
    assert answer.status_code == 200, answer.text
    _, messages, deliveries = answer.text.split('<details id="table-')
    return _table(messages), _table(deliveries)


def _table(text: str) -> dict[str, list[int]]:
    rows = ROW.findall(text)
    return {day: [int(number) for number in re.findall(r">(\d+)<", cells)] for day, cells in rows}


def states(world: World) -> list[str]:
    return sorted(state for (state,) in world.sql("SELECT state FROM deliveries"))


def sends_one(customer: Customer) -> None:
    customer.sends()
    (item,) = customer.mac.claim()
    customer.mac.sends(item)


def test_messages_are_counted_on_the_day_on_which_they_were_sent(olga: Browser, alice: Customer) -> None:
    now = alice.world.clock.ms
    for at in (now, now, now - DAY_MS, now - 7 * DAY_MS):
        alice.hears(ADA, sent_at=at)
    sends_one(alice)

    messages, _ = tables(olga, days="7")

    assert len(messages) == 7
    assert (messages[TODAY], messages[YESTERDAY]) == ([1, 2], [0, 1])
    assert sum(map(sum, messages.values())) == 4
    assert sum(map(sum, tables(olga, days="30")[0].values())) == 5


def test_each_line_has_its_part(olga: Browser, alice: Customer, bob: Customer) -> None:
    for customer, how_many in ((alice, 1), (bob, 3)):
        for _ in range(how_many):
            customer.hears(ADA)
    sends_one(alice)

    told = seen(olga, "/dashboard/usage")
    narrowed = seen(olga, f"/dashboard/usage?account={alice.account_id}")

    assert told.endswith(f"{bob.line} 3 0 {alice.line} 1 1 ")
    assert "received: 4" in told
    assert narrowed.endswith(f"{alice.line} 1 1 ")
    assert "received: 1" in narrowed


def test_deliveries_are_counted_by_what_became_of_them(
    olga: Browser, alice: Customer, bob: Customer, receiver: Receiver
) -> None:
    alice.webhook(receiver.url, "message.received")
    bob.webhook(receiver.url, "message.received")
    alice.hears(ADA)
    until(lambda: states(alice.world) == ["delivered"])
    alice.world.sql("UPDATE deliveries SET state = 'failed'")
    bob.hears(ADA)
    until(lambda: states(bob.world) == ["delivered", "failed"])

    _, deliveries = tables(olga)
    _, alices = tables(olga, account=alice.account_id)

    assert deliveries[TODAY] == [1, 0, 1]
    assert alices[TODAY] == [0, 0, 1]


@pytest.mark.one_store("how a page is drawn is the same wherever its numbers are kept")
class TestPage:
    def test_it_shows_thirty_days_unless_others_are_asked_for(self, olga: Browser, alice: Customer) -> None:
        assert alice
        for query, days in (
            ({}, 30),
            ({"days": "7"}, 7),
            ({"days": "90"}, 90),
            ({"days": "8"}, 30),
            ({"days": "x"}, 30),
        ):
            assert len(tables(olga, **query)[0]) == days

    def test_the_bars_are_as_high_as_the_numbers(self, olga: Browser, alice: Customer) -> None:
        for _ in range(4):
            alice.hears(ADA)
        sends_one(alice)

        drawn = olga.get("/dashboard/usage").text

        assert f"<title>{TODAY}: 1 sent, 4 received</title>" in drawn
        assert re.findall(r'class="bar-(\d)" x="[\d.]+" y="([\d.]+)" width="8" height="([\d.]+)"', drawn) == [
            ("1", "80.0", "20.0"),
            ("2", "0.0", "80.0"),
        ]

    def test_it_needs_no_style_and_no_script_of_its_own(self, olga: Browser, alice: Customer) -> None:
        alice.hears(ADA)

        drawn = olga.get("/dashboard/usage").text

        assert "style=" not in drawn
        assert "<style" not in drawn
        assert len(re.findall("<script", drawn)) == len(re.findall("<script src=", drawn))

    def test_labels_are_text(self, olga: Browser, alice: Customer) -> None:
        alice.hears(ADA)
        alice.world.sql("UPDATE lines SET label = '<script>alert(1)</script>'")

        assert "<script>alert" not in olga.get("/dashboard/usage").text

    def test_of_very_many_the_newest_are_counted_and_that_is_said(
        self, olga: Browser, alice: Customer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queries, "LOOKED_THROUGH", 3)
        for number in range(4):
            assert ("not complete" in seen(olga, "/dashboard/usage")) == (number == 3)
            alice.hears(ADA)

        assert "received: 3" in seen(olga, "/dashboard/usage")

    def test_without_any_message_it_says_so(self, olga: Browser, alice: Customer) -> None:
        assert alice
        assert "No message in these days" in seen(olga, "/dashboard/usage")

    def test_an_account_that_is_not_there_is_not_found(self, olga: Browser) -> None:
        assert olga.get("/dashboard/usage?account=acc_0").status_code == 404

    @pytest.mark.parametrize("name", ["_MESSAGES", "_DELIVERIES"])
    def test_what_is_older_is_not_looked_at(self, alice: Customer, name: str) -> None:
        text = str(getattr(queries, name)._core.compile(dialect=sqlite._DIALECT)).replace("?", "1")

        plan = [row[3] for row in alice.world.sql(f"EXPLAIN QUERY PLAN {text}")]

        assert [step for step in plan if "id>?" in step]
        assert not [step for step in plan if step.startswith("SCAN") and step != "SCAN recent"]


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (2, 2), (3, 5), (5, 5), (6, 10), (10, 10), (11, 20), (99, 100), (2001, 5000)]
)
def test_the_top_of_a_chart_is_a_round_number(most: int, top: int) -> None:
    assert charts.rounded_up(most) == top


def test_a_bar_is_within_its_chart_whatever_the_numbers() -> None:
    days = range(3)
    counts = {(0, "a"): 7, (0, "b"): 1, (2, "a"): 10**9}

    chart = charts.drawn(days, ("a", "b"), counts)

    assert chart.totals == (10**9 + 7, 1)
    assert [column.counts for column in chart.columns] == [(7, 1), (0, 0), (10**9, 0)]
    for column in chart.columns:
        assert sum(bar.height for bar in column.bars) <= charts.HEIGHT
        assert all(0 <= bar.y <= charts.HEIGHT for bar in column.bars)
