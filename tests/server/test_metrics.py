"""What Prometheus reads at /metrics: figures that change as they should, and nobody's words."""

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from blueport import __version__
from blueport.server.tallies import GATHERED, MOST_KINDS, Tallies, Tally
from tests.databases import Database
from tests.server.receiver import Receiver, until
from tests.server.world import ADA, MINUTE_MS, SECOND_MS, Clock, Customer, World

TOKEN = "a-token-for-prometheus"


def told(world: World) -> dict[str, float]:
    """Return each sample by its name and labels, as they are written."""
    answer = world.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    samples = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    assert len({name for name, _, _ in samples}) == len(samples)
    return {name: float(value) for name, _, value in samples}


def requests(endpoint: str, method: str, status: int, code: str = "") -> str:
    return f'blueport_requests_total{{code="{code}",endpoint="{endpoint}",method="{method}",status="{status}"}}'


@pytest.mark.one_store("they are counted in memory")
class TestThePage:
    def test_it_is_in_the_text_format_of_prometheus(self, world: World) -> None:
        answer = world.client.get("/metrics")

        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        assert families["blueport_requests"].type == "counter"
        assert families["blueport_request_duration_seconds"].type == "histogram"
        assert all(family.documentation for family in families.values())

    def test_who_asks_for_openmetrics_gets_it(self, world: World) -> None:
        answer = world.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        assert answer.text.endswith("# EOF\n")

    def test_it_says_what_runs(self, world: World) -> None:
        (build,) = [name for name in told(world) if name.startswith("blueport_build_info")]

        assert f'version="{__version__}"' in build

    def test_two_servers_in_one_process_tell_each_of_itself(self, world: World, alice: Customer) -> None:
        alice.get("/v1/lines")
        with World(world.database, Clock()).open() as other:
            assert requests("/v1/lines", "GET", 200) not in told(other)
        assert requests("/v1/lines", "GET", 200) in told(world)


@pytest.mark.one_store("no store is asked")
class TestTheToken:
    @pytest.fixture
    def guarded(self, database: Database) -> Iterator[World]:
        with World(database, Clock(), metrics_token=TOKEN).open() as world:
            yield world

    def test_who_shows_it_is_let_in(self, guarded: World) -> None:
        answer = guarded.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

        assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("authorization", "code"),
        [
            (None, "missing_api_key"),
            ("Bearer another", "invalid_api_key"),
            (f"Basic {TOKEN}", "invalid_api_key"),
            (f"Bearer {TOKEN}x", "invalid_api_key"),
            ("Bearer", "invalid_api_key"),
            (b"Bearer \xff", "invalid_api_key"),
        ],
    )
    def test_who_does_not_is_refused(self, guarded: World, authorization: str | bytes | None, code: str) -> None:
        answer = guarded.client.get(
            "/metrics", headers={} if authorization is None else {"Authorization": authorization}
        )

        assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
        assert answer.json()["error"]["type"] == "authentication_error"
        assert "blueport_" not in answer.text

    def test_who_guesses_is_slowed_down(self, guarded: World) -> None:
        answers = [guarded.client.get("/metrics", headers={"Authorization": "Bearer guess"}) for _ in range(201)]

        assert answers[-1].status_code == 429
        assert answers[-1].json()["error"]["code"] == "rate_limit_exceeded"

    def test_an_api_key_is_none(self, guarded: World) -> None:
        key = guarded.customer("Alice", "+15550101000").key

        assert guarded.client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 401


@pytest.mark.one_store("they are counted in memory")
class TestRequests:
    def test_each_is_counted_by_endpoint_and_status(self, world: World, alice: Customer) -> None:
        alice.hears(ADA)
        before = told(world)

        alice.sends()
        alice.get("/v1/lines")

        after = told(world)
        sent = requests("/v1/messages", "POST", 201)
        assert after[sent] == before.get(sent, 0) + 1
        assert after[requests("/v1/lines", "GET", 200)] == 1
        took = 'blueport_request_duration_seconds_count{endpoint="/v1/messages",method="POST"}'
        assert after[took] == before.get(took, 0) + 1
        all_of_them = 'blueport_request_duration_seconds_bucket{endpoint="/v1/messages",le="+Inf",method="POST"}'
        assert after[all_of_them] == after[took]

    def test_a_refusal_is_counted_by_its_code(self, world: World, alice: Customer) -> None:
        alice.post("/v1/messages", {"from": alice.line, "to": "+15550199999", "text": "Hi"})

        assert told(world)[requests("/v1/messages", "POST", 403, "contact_has_not_messaged")] == 1

    def test_what_is_no_path_of_ours_is_counted_without_it(self, world: World) -> None:
        for path in ("/v1/ada@example.com", "/nothing?a=1", "/v1%2Flines"):
            world.client.get(path)

        after = told(world)
        assert sum(value for name, value in after.items() if "route_not_found" in name) == 3
        assert not [name for name in after if "ada" in name or "nothing" in name]

    def test_a_path_with_an_id_is_counted_as_its_template(self, world: World) -> None:
        world.client.get("/files/file_1?signature=x")

        assert [name for name in told(world) if 'endpoint="/files/{' in name]
        assert not [name for name in told(world) if "file_1" in name]

    def test_an_unheard_of_method_is_another(self, world: World) -> None:
        for method in ("BREW", "WHEN"):
            world.client.request(method, "/v1/lines")

        assert told(world)[requests("/v1/lines", "other", 405, "method_not_allowed")] == 2

    def test_what_a_daemon_asks_is_counted(self, world: World, alice: Customer) -> None:
        alice.mac.claim()

        assert told(world)[requests("/daemon/v1/claim", "POST", 200)] == 1

    def test_none_is_in_flight_but_those_that_are(self, world: World) -> None:
        assert told(world)["blueport_requests_in_flight"] == 0


class TestDeliveries:
    @pytest.mark.parametrize(("status", "reason"), [(200, "http_2xx"), (500, "http_5xx"), (599, "http_5xx")])
    def test_each_try_is_counted_by_how_it_ended(
        self, world: World, alice: Customer, receiver: Receiver, status: int, reason: str
    ) -> None:
        receiver.answering = lambda _: status
        alice.webhook(receiver.url)

        alice.hears(ADA)

        tries = f'blueport_delivery_try_duration_seconds_count{{reason="{reason}"}}'
        until(lambda: told(world).get(tries) == 1)

    def test_what_waits_for_its_next_try_is_open_and_late_once_it_is_due(
        self, world: World, alice: Customer, receiver: Receiver
    ) -> None:
        receiver.answering = lambda _: 500
        alice.webhook(receiver.url)
        alice.hears(ADA)
        until(lambda: told(world)['blueport_deliveries_open{state="pending"}'] == 1 and bool(receiver.heard))
        until(lambda: world.sql("SELECT reason FROM deliveries") == [("http_500",)])

        on_time = told(world)["blueport_delivery_lateness_seconds"]
        world.sql("UPDATE webhooks SET is_active = 0")
        world.clock.ms += MINUTE_MS
        paused = told(world)["blueport_delivery_lateness_seconds"]
        world.sql("UPDATE deliveries SET available_at = ?", world.clock.ms - 7 * SECOND_MS)
        world.sql("UPDATE webhooks SET is_active = 1")
        late = told(world)["blueport_delivery_lateness_seconds"]

        assert (on_time, paused, late) == (0, 0, 7)


class TestWhatIsOpen:
    def test_an_item_is_open_until_it_has_ended(self, world: World, alice: Customer) -> None:
        alice.hears(ADA)
        alice.sends()
        world.clock.ms += 5 * SECOND_MS
        accepted = told(world)
        (item,) = alice.mac.claim()
        claimed = told(world)
        alice.mac.sends(item)
        sent = told(world)

        pending, held = 'blueport_outbox_open_items{status="pending"}', 'blueport_outbox_open_items{status="claimed"}'
        assert [(each[pending], each[held]) for each in (accepted, claimed, sent)] == [(1, 0), (0, 1), (0, 0)]
        age = 'blueport_outbox_oldest_item_age_seconds{status="pending"}'
        assert (accepted[age], sent[age]) == (5, 0)

    def test_a_typing_mark_is_open_until_it_is_done(self, world: World, alice: Customer) -> None:
        alice.is_ready_for("typing")
        alice.accepted("/v1/typing", typing=True)
        before = told(world)
        (signal,) = alice.mac.signals()
        alice.mac.done(signal)

        assert before['blueport_signals_open{status="pending"}'] == 1
        assert told(world)['blueport_signals_open{status="pending"}'] == 0

    def test_lines_are_told_by_whether_they_can_send(self, world: World, alice: Customer) -> None:
        well = told(world)
        alice.mac.hello(alice.line, health="no_disk_access")

        assert well['blueport_lines{active="true",health="ok"}'] == 1
        assert [value for name, value in told(world).items() if "no_disk_access" in name] == [1]

    @pytest.mark.usefixtures("alice")
    def test_a_daemon_is_there_for_a_minute_after_it_was_heard_of(self, world: World) -> None:
        there = told(world)["blueport_daemons_seen"]
        world.clock.ms += MINUTE_MS
        gone = told(world)["blueport_daemons_seen"]

        assert (there, gone) == (1, 0)

    def test_the_database_has_a_size(self, world: World) -> None:
        size = told(world)["blueport_database_size_bytes"]

        assert size > 0 if world.database.is_postgres else size == world.database.path.stat().st_size


class TestTheDatabase:
    def test_units_of_work_are_counted(self, world: World, alice: Customer) -> None:
        before = told(world)
        alice.get("/v1/lines")
        alice.hears(ADA)
        after = told(world)

        for kind in ("read", "write"):
            name = f'blueport_store_unit_duration_seconds_count{{kind="{kind}"}}'
            assert after[name] > before[name]
            assert after[f'blueport_store_unit_failures_total{{kind="{kind}"}}'] == 0

    def test_without_it_the_process_tells_of_itself_all_the_same(self, world: World, alice: Customer) -> None:
        alice.get("/v1/lines")
        world.sql("ALTER TABLE outbox RENAME TO taken_away")
        world.sql("ALTER TABLE lines RENAME TO lines_taken_away")
        alice.get("/v1/lines")
        down = told(world)
        world.sql("ALTER TABLE taken_away RENAME TO outbox")
        world.sql("ALTER TABLE lines_taken_away RENAME TO lines")
        up = told(world)

        assert (down["blueport_database_up"], up["blueport_database_up"]) == (0, 1)
        assert down[requests("/v1/lines", "GET", 200)] == 1
        assert down[requests("/v1/lines", "GET", 503, "service_unavailable")] == 1
        assert down['blueport_store_unit_failures_total{kind="read"}'] >= 1
        assert not [name for name in down if name.startswith("blueport_outbox")]


class TestTallies:
    def test_each_duration_is_below_the_bounds_that_it_is_below(self) -> None:
        tally = Tally()
        for took_s in (0.001, 0.0011, 0.3, 100):
            tally.add(took_s)

        assert tally.below == [1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4]
        assert tally.count == 4
        assert tally.sum_s == pytest.approx(100.3021)

    def test_many_are_counted_as_one_by_one(self) -> None:
        tally = Tally()
        for _ in range(GATHERED * 2 + 1):
            tally.add(0.02)

        assert tally.count == GATHERED * 2 + 1
        assert tally.sum_s == pytest.approx(0.02 * tally.count)

    def test_kinds_without_end_fill_no_memory(self) -> None:
        tallies: Tallies[int] = Tallies()
        for kind in range(MOST_KINDS * 2):
            tallies[kind].add(1)

        assert len(tallies) == MOST_KINDS
