"""How often a key may call, and how often an address may name a wrong one."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest

from blueport.cli.environment import settings_of
from blueport.server.authorizing.keys import new_key
from blueport.server.authorizing.limits import ADDRESSES, FAILURES, Limits
from blueport.server.settings import Settings
from blueport.server.store.counting import Asked, Counted
from tests.databases import Database
from tests.server.answers import assert_done, assert_refused
from tests.server.world import ADA, HOUR_MS, MINUTE_MS, SECOND_MS, Caller, Clock, Customer, Json, World

LIMIT = 5
DAY_MS = 24 * HOUR_MS
TOLD = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy", "ratelimit"}


class NothingCounts:
    def count(self, asked: Asked) -> Counted:
        raise AssertionError(asked)


NOTHING_COUNTS = NothingCounts()


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """Run a server with a small limit."""
    with World(database, Clock(), hourly_limit=LIMIT, dashboard_token="a-token").open() as world:
        yield world


@pytest.fixture
def agent(alice: Customer) -> Caller:
    """Return somebody whose key was never used."""
    return alice.caller()


def use_up(agent: Caller, calls: int = LIMIT) -> None:
    for _ in range(calls):
        assert_done(agent.get("/v1/lines"))


class TestLimit:
    def test_a_key_has_a_thousand_calls_an_hour(self, database: Database) -> None:
        with World(database, Clock()).open() as world:
            answer = world.customer("Alice", "+15550101000").get("/v1/lines")

        assert {name: answer.headers[name] for name in TOLD} == {
            "ratelimit-limit": "1000",
            "ratelimit-remaining": "999",
            "ratelimit-reset": "3600",
            "ratelimit-policy": '"default";q=1000;w=3600',
            "ratelimit": '"default";r=999;t=3600',
        }

    # srv-019
    def test_one_call_more_is_a_429_with_the_time_to_wait(self, agent: Caller) -> None:
        use_up(agent)
        agent.world.pass_time(MINUTE_MS)

        answer = agent.get("/v1/lines")

        assert_refused(answer, 429, "rate_limit_exceeded")
        assert answer.headers["retry-after"] == "3540"
        assert answer.headers["ratelimit"] == '"default";r=0;t=3540'

    # srv-016
    def test_a_refused_call_has_no_effect(self, alice: Customer, agent: Caller) -> None:
        alice.hears(ADA)
        use_up(agent)

        answer = agent.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hello"})

        assert_refused(answer, 429, "rate_limit_exceeded")
        assert alice.world.rows("outbox") == 0

    # srv-128
    def test_who_does_not_wait_waits_no_longer(self, agent: Caller) -> None:
        use_up(agent)
        for _ in range(59):
            agent.world.pass_time(MINUTE_MS)
            assert agent.get("/v1/lines").status_code == 429

        agent.world.pass_time(MINUTE_MS)

        assert agent.get("/v1/lines").headers["ratelimit-remaining"] == str(LIMIT - 1)

    def test_the_hour_begins_with_the_first_call(self, agent: Caller) -> None:
        agent.world.pass_time(HOUR_MS // 2)
        use_up(agent, 1)
        agent.world.pass_time(HOUR_MS - 1)

        assert agent.get("/v1/lines").headers["ratelimit-remaining"] == str(LIMIT - 2)

    @pytest.mark.parametrize(("left_ms", "told"), [(HOUR_MS, "3600"), (2001, "3"), (2000, "2"), (999, "1"), (1, "1")])
    def test_the_time_to_wait_is_rounded_up(self, agent: Caller, left_ms: int, told: str) -> None:
        use_up(agent)
        agent.world.pass_time(HOUR_MS - left_ms)

        answer = agent.get("/v1/lines")

        assert (answer.status_code, answer.headers["retry-after"]) == (429, told)

    def test_each_key_is_counted_for_itself(self, alice: Customer, agent: Caller) -> None:
        use_up(agent)

        assert_done(alice.get("/v1/lines"))

    def test_a_key_may_have_a_limit_of_its_own(self, alice: Customer, agent: Caller) -> None:
        alice.world.sql("UPDATE api_keys SET hourly_limit = 2 WHERE last4 = ?", agent.key[-4:])
        use_up(agent, 2)

        answer = agent.get("/v1/lines")

        assert_refused(answer, 429, "rate_limit_exceeded")
        assert answer.headers["ratelimit-policy"] == '"default";q=2;w=3600'

    def test_of_many_calls_at_once_exactly_the_allowed_ones_pass(self, alice: Customer, agent: Caller) -> None:
        alice.hears(ADA)
        alice.world.sql("UPDATE api_keys SET hourly_limit = 40 WHERE last4 = ?", agent.key[-4:])
        sending = {"from": alice.line, "to": ADA, "text": "Hello"}

        async def all_at_once() -> list[httpx2.Response]:
            transport = httpx2.ASGITransport(alice.world.server.app)
            headers = {"Authorization": f"Bearer {agent.key}"}
            async with httpx2.AsyncClient(transport=transport, base_url="http://blueport", headers=headers) as client:
                reading = [client.get("/v1/lines") for _ in range(40)]
                return await asyncio.gather(*reading, *(client.post("/v1/messages", json=sending) for _ in range(40)))

        answers = alice.world.client.portal.call(all_at_once)

        statuses = Counter(answer.status_code for answer in answers)
        assert (statuses[200] + statuses[201], statuses[429]) == (40, 40)
        assert alice.world.rows("outbox") == statuses[201]
        left = {int(answer.headers["ratelimit-remaining"]) for answer in answers if answer.status_code < 300}
        assert left == set(range(40))

    @pytest.mark.parametrize("nonsense", ["0", "-1", "many"])
    @pytest.mark.parametrize("setting", ["HOURLY_LIMIT", "MAX_IN_FLIGHT"])
    def test_a_limit_that_is_none_stops_the_start(self, setting: str, nonsense: str) -> None:
        with pytest.raises(SystemExit):
            settings_of(Settings, "BLUEPORT_", {f"BLUEPORT_{setting}": nonsense})


class TestWhatCounts:
    @pytest.mark.parametrize(
        ("method", "path", "more", "status"),
        [
            ("GET", "/v1/lines", {}, 200),
            ("HEAD", "/v1/lines", {}, 200),
            ("GET", "/v1/chats", {}, 400),
            ("GET", "/v1/outbox", {"params": {"id": "obx_unknown"}}, 404),
            ("POST", "/v1/messages", {"content": b"{"}, 400),
            ("POST", "/v1/messages", {"content": b"{" * 300_000}, 413),
            ("POST", "/v1/messages", {"json": {"from": "+15550101000", "to": ADA, "text": "Hi"}}, 403),
            ("DELETE", "/v1/webhooks", {"json": {"id": "wh_unknown"}}, 404),
        ],
    )
    def test_a_call_counts_once_whatever_it_comes_to(
        self, agent: Caller, method: str, path: str, more: Json, status: int
    ) -> None:
        answer = agent.call(method, path, **more)

        assert answer.status_code == status
        assert set(answer.headers) > TOLD
        assert answer.headers["ratelimit-remaining"] == str(LIMIT - 1)
        assert agent.get("/v1/lines").headers["ratelimit-remaining"] == str(LIMIT - 2)

    def test_a_lack_of_scope_counts(self, alice: Customer) -> None:
        agent = alice.caller("chats:read")

        assert_refused(agent.get("/v1/lines"), 403, "insufficient_scope")
        assert agent.get("/v1/lines").headers["ratelimit-remaining"] == str(LIMIT - 2)

    def test_a_call_that_the_database_fails_tells_where_the_key_stands(self, alice: Customer, agent: Caller) -> None:
        alice.hears(ADA)
        alice.world.sql("ALTER TABLE outbox RENAME TO lost")

        answer = agent.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hello"})

        assert_refused(answer, 503, "service_unavailable")
        assert answer.headers["ratelimit-remaining"] == str(LIMIT - 1)

    def test_the_rate_is_judged_after_the_key_and_before_the_scope(self, alice: Customer) -> None:
        agent = alice.caller("lines:read")
        use_up(agent)

        assert_refused(agent.get("/v1/chats"), 429, "rate_limit_exceeded")
        assert_refused(agent.post("/v1/messages", {}), 429, "rate_limit_exceeded")
        alice.world.sql("UPDATE api_keys SET revoked_at = 1 WHERE last4 = ?", agent.key[-4:])
        assert_refused(agent.get("/v1/lines"), 401, "invalid_api_key")

    @pytest.mark.parametrize("path", ["/v1/nothing", "/healthz", "/openapi.json"])
    def test_what_needs_no_key_counts_for_none(self, agent: Caller, path: str) -> None:
        answer = agent.get(path)

        assert not TOLD & set(answer.headers)
        assert agent.get("/v1/lines").headers["ratelimit-remaining"] == str(LIMIT - 1)

    def test_a_preflight_costs_nothing(self, agent: Caller) -> None:
        agent.call("OPTIONS", "/v1/lines")

        assert agent.get("/v1/lines").headers["ratelimit-remaining"] == str(LIMIT - 1)

    def test_a_page_may_read_where_its_key_stands(self, agent: Caller) -> None:
        exposed = agent.get("/v1/lines").headers["access-control-expose-headers"]

        assert {"retry-after"} | TOLD <= {name.strip().lower() for name in exposed.split(",")}


class TestMemory:
    def test_a_restart_forgets_no_call(self, database: Database) -> None:
        world = World(database, Clock(), hourly_limit=LIMIT)
        with world.open():
            agent = world.customer("Alice", "+15550101000").caller()
            use_up(agent, 3)
            world.pass_time(MINUTE_MS)

        with world.open():
            answer = agent.get("/v1/lines")

        assert answer.headers["ratelimit"] == f'"default";r={LIMIT - 4};t=3540'

    @pytest.mark.one_store("they are in a file beside the database")
    def test_counts_that_a_power_cut_has_broken_begin_anew(self, database: Database) -> None:
        database.path.with_name(f"{database.path.name}.calls").write_bytes(b"no database at all" * 1000)

        with World(database, Clock(), hourly_limit=LIMIT).open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.hears(ADA)
            agent = alice.caller()
            assert_done(agent.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hello"}), 201)
            answer = agent.get("/v1/lines")

        assert answer.headers["ratelimit-remaining"] == str(LIMIT - 2)

    def test_when_a_key_was_used_last_is_written_down(self, agent: Caller) -> None:
        use_up(agent, 1)
        agent.world.pass_time(MINUTE_MS)
        use_up(agent, 1)
        agent.world.client.portal.call(agent.world.server.housekeeper.keep_uses)

        kept = agent.world.sql("SELECT last_used_at FROM api_keys WHERE last4 = ?", agent.key[-4:])

        assert kept == [(agent.world.clock.ms,)]

    @pytest.mark.parametrize("is_restarted", [False, True])
    @pytest.mark.parametrize("moved_ms", [-400 * DAY_MS, -HOUR_MS, -SECOND_MS, HOUR_MS, 400 * DAY_MS])
    def test_a_clock_that_is_set_locks_nobody_out(
        self, database: Database, moved_ms: int, *, is_restarted: bool
    ) -> None:
        world = World(database, Clock(), hourly_limit=LIMIT)
        with world.open():
            agent = world.customer("Alice", "+15550101000").caller()
            use_up(agent)
            world.clock.ms += moved_ms
            if not is_restarted:
                self.wait_and_call(agent)
        with world.open():
            self.wait_and_call(agent)

    def wait_and_call(self, agent: Caller) -> None:
        waited_s = int(agent.get("/v1/lines").headers.get("retry-after", 0))
        assert waited_s <= 3600
        agent.world.clock.ms += waited_s * SECOND_MS
        assert_done(agent.get("/v1/lines"))


@pytest.mark.one_store("wrong keys are counted in memory")
class TestWrongKeys:
    """An address that names one wrong key after another."""

    def fail(self, world: World, times: int = FAILURES) -> None:
        stranger = Caller(world, "sk_live_nonsense")
        for _ in range(times):
            assert_refused(stranger.get("/v1/lines"), 401, "invalid_api_key")

    def test_many_wrong_keys_are_told_to_wait(self, world: World) -> None:
        self.fail(world)
        world.pass_time(MINUTE_MS)

        for key in ("sk_live_nonsense", new_key()):
            answer = Caller(world, key).post("/v1/messages", {})

            assert_refused(answer, 429, "rate_limit_exceeded")
            assert answer.headers["retry-after"] == "240"
            assert not TOLD & set(answer.headers)

    def test_unknown_keys_count_as_malformed_ones_do(self, world: World) -> None:
        for _ in range(FAILURES):
            Caller(world, new_key()).get("/v1/lines")

        assert_refused(Caller(world, "sk_live_nonsense").get("/v1/lines"), 429, "rate_limit_exceeded")

    def test_a_neighbour_with_a_right_key_is_let_in(self, world: World, agent: Caller) -> None:
        self.fail(world)

        assert_done(agent.get("/v1/lines"))

    def test_who_sends_no_key_is_told_so(self, world: World) -> None:
        for _ in range(FAILURES + 1):
            assert_refused(world.client.get("/v1/lines"), 401, "missing_api_key")
        self.fail(world)

        assert_refused(world.client.get("/v1/lines"), 401, "missing_api_key")

    def test_it_is_over_after_five_minutes_however_many_were_tried(self, world: World) -> None:
        self.fail(world)
        for _ in range(4):
            world.pass_time(MINUTE_MS)
            assert Caller(world, "sk_live_nonsense").get("/v1/lines").status_code == 429

        world.pass_time(MINUTE_MS)

        self.fail(world)

    @pytest.mark.parametrize("moved_ms", [-400 * DAY_MS, 400 * DAY_MS])
    def test_a_clock_that_is_set_makes_nobody_wait_longer(self, world: World, moved_ms: int) -> None:
        self.fail(world)
        world.clock.ms += moved_ms

        waited_s = int(Caller(world, "sk_live_nonsense").get("/v1/lines").headers.get("retry-after", 0))

        assert waited_s <= 300
        world.clock.ms += waited_s * SECOND_MS
        self.fail(world, 1)

    def test_a_malformed_key_does_not_reach_the_database(self, world: World) -> None:
        world.sql("ALTER TABLE api_keys RENAME TO lost")

        self.fail(world, 1)

    def test_a_daemon_with_a_wrong_token_is_told_to_wait(self, world: World, alice: Customer) -> None:
        self.fail(world)

        answer = world.client.post("/daemon/v1/hello", content=b"{}", headers={"Authorization": "Bearer dt_wrong"})

        assert_refused(answer, 429, "rate_limit_exceeded")
        assert answer.headers["retry-after"] == "300"
        alice.mac.hello(alice.line)

    def test_wrong_tokens_of_daemons_count(self, world: World) -> None:
        for _ in range(FAILURES):
            world.client.post("/daemon/v1/hello", content=b"{}", headers={"Authorization": "Bearer dt_wrong"})

        assert_refused(Caller(world, "sk_live_nonsense").get("/v1/lines"), 429, "rate_limit_exceeded")

    def test_wrong_tokens_of_the_dashboard_are_told_to_wait(self, world: World) -> None:
        for _ in range(FAILURES):
            assert world.client.get("/dashboard?token=wrong").status_code == 403

        assert world.client.get("/dashboard?token=wrong").status_code == 429
        assert world.client.get("/dashboard?token=a-token").status_code == 200


class TestAddresses:
    """Who is one client, and how many are remembered."""

    def is_asked_to_wait(self, limits: Limits, address: str) -> bool:
        return limits.count_failure(address, 0) is not None

    @pytest.mark.parametrize(
        ("address", "neighbour", "is_one"),
        [
            ("192.0.2.1", "192.0.2.2", False),
            ("192.0.2.1", "::ffff:192.0.2.1", True),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
            ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("fe80::1%eth0", "fe80::2%eth0", True),
            ("a:name", "another:name", False),
            ("", "192.0.2.1", False),
        ],
    )
    def test_a_client_is_an_address_or_a_network_of_ipv6(self, address: str, neighbour: str, *, is_one: bool) -> None:
        limits = Limits(LIMIT, NOTHING_COUNTS)
        for _ in range(FAILURES):
            assert not self.is_asked_to_wait(limits, address)

        assert self.is_asked_to_wait(limits, neighbour) == is_one
        assert self.is_asked_to_wait(limits, address)

    def test_of_too_many_the_one_that_was_still_longest_is_forgotten(self) -> None:
        limits = Limits(LIMIT, NOTHING_COUNTS)
        for address in ("192.0.2.1", "192.0.2.2"):
            for _ in range(FAILURES):
                limits.count_failure(address, 0)
        for number in range(ADDRESSES - 2):
            limits.count_failure(f"host-{number}", 0)

        assert self.is_asked_to_wait(limits, "192.0.2.2")
        limits.count_failure("one more", 0)

        assert not self.is_asked_to_wait(limits, "192.0.2.1")
        assert self.is_asked_to_wait(limits, "192.0.2.2")
