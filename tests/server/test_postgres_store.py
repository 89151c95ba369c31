"""What is PostgreSQL's own: it goes and comes back, connections break, and units run beside each other."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import asyncpg
import pytest

from blueport import clock
from blueport.server.authorizing import queries as authorizing
from blueport.server.authorizing.keys import new_key
from blueport.server.errors import StoreUnavailableError
from blueport.server.notifying.delivering import service as delivering
from blueport.server.notifying.delivering.dispatcher import PLACES
from blueport.server.notifying.delivering.outcomes import Outcome
from blueport.server.notifying.delivering.tries import Tried, Try
from blueport.server.store.counting import Asked
from blueport.server.store.interface import Store
from blueport.server.store.opening import opened
from blueport.server.store.postgres.bridging import wait_for
from blueport.server.store.postgres.hints import HINT_EVERY_S
from blueport.server.store.schema import upgrade
from blueport.server.store.tables import metadata
from blueport.server.store.tx import Tx
from blueport.server.store.wakeups import waited
from tests import postgres
from tests.databases import Database, folder, open_transaction
from tests.patience import PATIENCE_S
from tests.postgres import MissingPostgresError, OwnPostgres
from tests.server.answers import assert_refused
from tests.server.cutting import Cutter
from tests.server.receiver import Receiver
from tests.server.world import ADA, CARL, CONNECTIONS, HOUR_MS, NOON_MS, Clock, Customer, World
from tests.system.blueport import until
from tests.units import add, two_that_add_the_same

pytestmark = pytest.mark.one_store("it is about PostgreSQL", kind="postgres")

BACKEND = "SELECT pg_backend_pid()"


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[OwnPostgres]:
    """Return a server that may be stopped."""
    try:
        with postgres.owned(synchronous_commit="on", full_page_writes="on") as server:
            yield server
    except MissingPostgresError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def frail(own_postgres: OwnPostgres) -> Iterator[Database]:
    """Return a database on a server that may be stopped."""
    url = own_postgres.new_database()
    upgrade(url)
    with folder() as own:
        yield Database(url, own)
    own_postgres.drop(url)


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    store = opened(database.named, Clock(), CONNECTIONS)
    await store.join()
    yield store
    await store.close()


def add_once(tx: Tx, name: str) -> int:
    """Add it unless it is there; return how many there were."""
    before = authorizing.how_many_accounts(tx)
    if not before:
        add(tx, name)
    return before


def names(database: Database) -> list[str]:
    return [name for (name,) in database.sql("SELECT name FROM accounts ORDER BY name")]


def pid_of(tx: Any) -> int:
    """Return the process that serves a unit's connection."""
    return wait_for(tx.connection.fetchval(BACKEND))


async def until_true(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not look():  # noqa: ASYNC110 - what is looked at tells nobody
            await asyncio.sleep(0.01)


@contextlib.contextmanager
def opened_world(database: Database, **settings: Any) -> Iterator[tuple[World, Customer]]:
    with World(database, Clock(), **settings).open() as world:
        alice = world.customer("Alice", "+15550101000")
        alice.hears(ADA)
        yield world, alice


class TestDeliveriesThatOthersHold:
    """As whoever tells of more in a chat does: two that wait for what the other one holds would stop each other."""

    def test_they_are_not_waited_for_to_be_claimed(self, database: Database) -> None:
        with opened_world(database, role="api") as (world, alice):
            first, second = _due(world, alice)

            with _held(database, first):
                claimed = _claimed(world)

            assert [each.due.id for each in claimed] == [second]
            assert [each.due.id for each in _claimed(world)] == [first]

    def test_they_are_not_waited_for_to_be_settled_and_no_outcome_is_lost(self, database: Database) -> None:
        with opened_world(database, role="api") as (world, alice):
            first, second = _due(world, alice)
            tried = [Tried(each, Outcome(is_delivered=True, reason="http_200"), NOON_MS, 1) for each in _claimed(world)]

            with _held(database, first):
                settled = world.do(delivering.settle, tried)
                states = world.sql("SELECT id, state FROM deliveries ORDER BY seq")

            assert states == [(first, "running"), (second, "delivered")]
            assert [each.made.due.id for each in settled.busy] == [first]
            assert settled.lost == []
            assert world.do(delivering.settle, settled.busy) == ([], [])
            assert world.sql("SELECT DISTINCT state FROM deliveries") == [("delivered",)]


def _due(world: World, alice: Customer) -> list[str]:
    """Return the ids of two deliveries, in two chats."""
    alice.webhook("https://agent.example.com/hook")
    alice.hears(ADA)
    alice.hears(CARL)
    return [delivery_id for (delivery_id,) in world.sql("SELECT id FROM deliveries ORDER BY seq")]


def _claimed(world: World) -> list[Try]:
    return world.do(delivering.turn, [], PLACES, "a process", lease_s=40).tries


def _held(database: Database, delivery_id: str) -> AbstractContextManager[Callable[[str], None]]:
    """Have another transaction hold a delivery meanwhile."""
    statement = f"SELECT 1 FROM deliveries WHERE id = '{delivery_id}' FOR NO KEY UPDATE"
    return open_transaction(database.named, statement)


class TestExhaustion:
    async def test_a_unit_for_which_no_connection_comes_free_is_not_begun(
        self, store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blueport.server.store.postgres.pool.PATIENCE_S", 0.05)
        is_over = asyncio.Event()
        held = [asyncio.create_task(store.read(lambda _: wait_for(is_over.wait()))) for _ in range(CONNECTIONS)]
        await asyncio.sleep(0)

        with pytest.raises(StoreUnavailableError):
            await store.write(add, "ada")

        assert names(database) == []
        is_over.set()
        await asyncio.gather(*held)
        assert await store.write(add, "ada") == "ada"

    async def test_who_gave_up_waiting_for_a_connection_takes_none_along(self, store: Store) -> None:
        is_over = asyncio.Event()
        held = [asyncio.create_task(store.read(lambda _: wait_for(is_over.wait()))) for _ in range(CONNECTIONS)]
        waiting = [asyncio.ensure_future(store.write(add, f"{number}")) for number in range(20)]
        await asyncio.sleep(0.01)
        for each in waiting[::2]:
            each.cancel()
        is_over.set()
        await asyncio.gather(*held)

        assert await asyncio.gather(*waiting[1::2]) == [f"{number}" for number in range(1, 20, 2)]
        assert await asyncio.gather(*[store.read(lambda _: 1) for _ in range(CONNECTIONS)]) == [1] * CONNECTIONS

    def test_a_request_is_told_to_come_again(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("blueport.server.store.postgres.pool.PATIENCE_S", 0.05)
        with opened_world(database) as (world, alice):
            is_over = threading.Event()

            async def hold_all() -> list[asyncio.Task[object]]:
                def held(_: Tx) -> object:
                    return wait_for(asyncio.to_thread(is_over.wait, PATIENCE_S))

                return [asyncio.create_task(world.store.read(held)) for _ in range(CONNECTIONS)]

            world.client.portal.call(hold_all)
            answer = alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hi"})
            is_over.set()

            assert_refused(answer, 503, "service_unavailable")
            assert answer.headers["retry-after"] == "1"
            assert world.rows("outbox") == 0


class TestAServerThatIsAway:
    def test_what_cannot_be_known_is_not_told(self, frail: Database, own_postgres: OwnPostgres) -> None:
        """Neither right keys nor wrong ones that could be right are refused for good."""
        with opened_world(frail) as (world, alice):
            stranger = alice.__class__(world, alice.account_id, new_key(), alice.line, alice.line_id, alice.mac)
            own_postgres.stop()
            try:
                said = {"from": alice.line, "to": ADA, "text": "Hi"}
                asked = [partial(who.get, "/v1/lines") for who in (alice, stranger)]
                asked += [partial(who.post, "/v1/messages", said) for who in (alice, stranger)]
                asked += [partial(alice.mac.knock, "hello", b"{}"), partial(alice.get, "/readyz")]
                with ThreadPoolExecutor(len(asked)) as threads:  # each waits for a while for the server to be back
                    answers = list(threads.map(lambda ask: ask(), asked))
                health = alice.get("/healthz")
            finally:
                own_postgres.start()

            for answer in answers:
                assert_refused(answer, 503, "service_unavailable")
                assert answer.headers["retry-after"] == "1"
            assert health.status_code == 200

    def test_once_it_is_back_all_goes_on(self, frail: Database, own_postgres: OwnPostgres) -> None:
        with opened_world(frail, hourly_limit=1000) as (world, alice):
            alice.sends("before")
            own_postgres.stop()
            away = alice.get("/v1/lines")
            own_postgres.start()

            until(lambda: alice.get("/readyz").status_code == 200)
            alice.sends("after")
            left = alice.get("/v1/lines").headers["ratelimit-remaining"]

            assert away.status_code == 503
            assert world.rows("outbox") == 2
            assert int(left) < 1000

    async def test_hints_are_heard_again_and_processes_seen(self, frail: Database, own_postgres: OwnPostgres) -> None:
        stores = [opened(frail.named, Clock()) for _ in range(2)]
        for store in stores:
            await store.join()
        await asyncio.to_thread(own_postgres.stop)
        await asyncio.to_thread(own_postgres.start)

        names = await _seen(stores[0], 2)
        heard = False
        while not heard:
            ticket = stores[1].wakeups.ticket("outbox")
            await stores[0].write(lambda tx: tx.wake("outbox"))
            heard = await waited(ticket, 1)

        assert names == {store.process for store in stores}
        for store in stores:
            await store.close()

    async def test_calls_are_counted_again(self, frail: Database, own_postgres: OwnPostgres) -> None:
        store = opened(frail.named, Clock())

        async def counted() -> int:
            return (await store.read(lambda _: store.counts.count(Asked("key", 10, 1000, 1)))).calls

        before = await counted()
        await asyncio.to_thread(own_postgres.stop)
        with pytest.raises(StoreUnavailableError):
            await counted()
        await asyncio.to_thread(own_postgres.start)

        assert (before, await counted()) == (1, 2)  # it was no crash: then all would begin anew
        await store.close()


async def _seen(store: Store, how_many: int) -> frozenset[str]:
    """Return who is alive, once that are so many."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(StoreUnavailableError):
                names = await store.read(lambda tx: tx.processes())
                if names is not None and len(names) == how_many:
                    return names
            await asyncio.sleep(0.05)


class TestBrokenConnections:
    async def test_a_unit_whose_backend_was_ended_is_run_again(self, store: Store, database: Database) -> None:
        runs: list[int] = []

        def cut_once(tx: Tx, name: str) -> int:
            add(tx, name)
            runs.append(pid_of(tx))
            if len(runs) == 1:
                database.sql(f"SELECT pg_terminate_backend({runs[0]})")
                pid_of(tx)
            return len(runs)

        assert await store.write(cut_once, "ada") == 2
        assert names(database) == ["ada"]

    async def test_a_unit_whose_idle_connection_is_just_being_ended_is_run_again(self, frail: Database) -> None:
        store = opened(frail.named, Clock(), 2)

        # What asyncpg comes to depends on which of the words of its end was there already.
        for attempt in range(60):
            os.kill(await store.read(pid_of), signal.SIGTERM)
            await asyncio.sleep(attempt % 10 / 3000)
            await store.write(add, f"ada {attempt}")

        assert len(names(frail)) == 60
        await store.close()

    async def test_a_unit_whose_backend_was_killed_is_run_again(
        self, frail: Database, own_postgres: OwnPostgres
    ) -> None:
        store = opened(frail.named, Clock())
        runs: list[int] = []

        def kill_once(tx: Tx, name: str) -> int:
            add(tx, name)
            runs.append(pid_of(tx))
            if len(runs) == 1:
                os.kill(runs[0], signal.SIGKILL)
                pid_of(tx)
            return len(runs)

        async def added() -> int:
            with contextlib.suppress(StoreUnavailableError):  # it takes its time to come back
                return await store.write(kill_once, "ada")
            return await added()

        runs_needed = await added()
        until(lambda: own_postgres.run("SELECT 1"))

        assert runs_needed > 1
        assert names(frail) == ["ada"]
        await store.close()

    @pytest.mark.parametrize("is_told", [True, False], ids=["committed", "not committed"])
    def test_a_request_whose_connection_broke_at_its_commit_is_done_once(
        self, database: Database, *, is_told: bool
    ) -> None:
        with Cutter(database.named) as cutter, opened_world(database._replace(named=cutter.url)) as (world, alice):
            cutter.cut_next(b"COMMIT", is_told=is_told)

            answers = [alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hi"}) for _ in range(2)]

            assert cutter.cuts == 1
            assert [answer.status_code for answer in answers] == [201, 201]
            ids = [answer.json()["id"] for answer in answers]
            assert world.sql("SELECT id FROM outbox ORDER BY seq") == [(each,) for each in ids]


@contextlib.contextmanager
def stopped() -> Iterator[Callable[[int], None]]:
    """Return what has a process stand still until the block ends."""
    pids: list[int] = []

    def stop(pid: int) -> None:
        pids.append(pid)
        os.kill(pid, signal.SIGSTOP)

    try:
        yield stop
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class TestSilence:
    """A backend that stands still answers TCP all the same, and none of the server's limits holds."""

    @pytest.fixture(autouse=True)
    def _impatience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("blueport.server.store.postgres.connecting.SILENCE_TIMEOUT_S", 0.5)

    async def test_a_unit_is_run_again_on_another_connection(self, frail: Database) -> None:
        # srv-088
        store = opened(frail.named, Clock())
        runs: list[int] = []

        def stops_once(tx: Tx, stop: Callable[[int], None]) -> int:
            runs.append(pid_of(tx))
            if len(runs) == 1:
                stop(runs[0])
            return pid_of(tx)

        with stopped() as stop:
            pid = await store.read(stops_once, stop)

        assert pid == runs[-1] != runs[0]
        await store.close()

    async def test_calls_are_counted_on(self, frail: Database) -> None:
        store = opened(frail.named, Clock())

        async def counted() -> int:
            return (await store.read(lambda _: store.counts.count(Asked("key", 10, 1000, 1)))).calls

        before = await counted()
        with stopped() as stop:
            for (pid,) in frail.sql(_COUNTING):
                stop(pid)

            assert (before, await counted()) == (1, 2)
        await store.close()


_COUNTING = """
SELECT pid FROM pg_stat_activity
WHERE query LIKE '%call_counts%' AND pid <> pg_backend_pid() AND datname = current_database()
"""


class TestHints:
    @pytest.mark.parametrize("how", ["ended", "silent"])
    async def test_who_listens_over_a_broken_connection_does_so_again(
        self, frail: Database, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        # srv-075, srv-087
        monkeypatch.setattr("blueport.server.store.postgres.hints.PING_EVERY_S", 0.1)
        monkeypatch.setattr("blueport.server.store.postgres.hints.PING_TIMEOUT_S", 0.1)
        monkeypatch.setattr("blueport.server.store.postgres.hints.RECONNECT_AFTER_S", 0.01)
        stores = [opened(frail.named, Clock()) for _ in range(2)]
        for store in stores:
            await store.join()
        listening = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {stores[1].process}"

        def pids() -> set[int]:
            return {pid for (pid,) in frail.sql(listening)}

        with stopped() as stop:
            deal = stop if how == "silent" else lambda pid: os.kill(pid, signal.SIGTERM)
            known: set[int] = set()
            for _ in range(2):
                await until_true(lambda: bool(pids() - known))
                (pid,) = pids() - known
                known.add(pid)
                deal(pid)
            await until_true(lambda: bool(pids() - known))
            ticket = stores[1].wakeups.ticket("outbox")
            await stores[0].write(lambda tx: tx.wake("outbox"))

            assert await waited(ticket, PATIENCE_S)
        for store in stores:
            await store.close()

    async def test_they_are_few_however_many_commit(self, store: Store, database: Database) -> None:
        # srv-095
        said: list[object] = []
        listening = await asyncpg.connect(database.named)
        await listening.add_listener("blueport", lambda *heard: said.append(heard[-1]))
        began_at = time.monotonic()

        await asyncio.gather(*[store.write_holding(f"{n}", lambda tx: tx.wake("outbox")) for n in range(300)])
        await asyncio.sleep(2 * HINT_EVERY_S)

        assert 1 <= len(said) <= (time.monotonic() - began_at) / HINT_EVERY_S + 1
        assert set(said) == {f"{store.process} outbox"}
        await listening.close()


class TestClock:
    @pytest.mark.parametrize("lead_ms", [HOUR_MS, -HOUR_MS])
    async def test_all_processes_go_by_the_clock_of_the_database(self, database: Database, lead_ms: int) -> None:
        # srv-093
        def wrong_ms() -> int:
            return clock.now_ms() + lead_ms

        store = opened(database.named, wrong_ms, CONNECTIONS, follows_clock=True)
        await store.join()

        found = await store.write(lambda tx: tx.now_ms)
        ((told,),) = database.sql("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")

        assert abs(told - found) < HOUR_MS / 2
        await store.close()

    async def test_one_that_is_not_told_the_time_goes_by_its_own(self, database: Database) -> None:
        store = opened(database.named, Clock(), CONNECTIONS)
        await store.join()

        assert await store.write(lambda tx: tx.now_ms) == NOON_MS
        await store.close()


class TestLateCommits:
    def test_what_has_a_lower_number_and_is_committed_later_is_told_all_the_same(
        self, database: Database, receiver: Receiver
    ) -> None:
        # srv-089, srv-090
        with opened_world(database) as (world, alice), asyncio.Runner() as elsewhere:
            hooks = [alice.webhook(receiver.url)["id"] for _ in range(2)]
            alice.hears(ADA, "first")
            receiver.waits_for(2)
            until(lambda: world.sql("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == [(2,)])
            world.sql("DELETE FROM deliveries WHERE webhook_id = ?", hooks[1])
            other = elsewhere.run(asyncpg.connect(database.named))
            elsewhere.run(other.execute("BEGIN"))
            elsewhere.run(other.execute(_ADD_AGAIN, *hooks))
            alice.hears(ADA, "second")
            receiver.waits_for(4)

            elsewhere.run(other.execute("COMMIT"))
            world.pass_time(0)

            assert receiver.waits_for(5)[4].body["delivery_id"] == "dlv_late"
            elsewhere.run(other.close())


_ADD_AGAIN = """
INSERT INTO deliveries (id, account_id, event_id, webhook_id, chat_id, state, attempts, available_at, created_at)
SELECT 'dlv_late', account_id, event_id, $2, chat_id, 'pending', 0, available_at, created_at
FROM deliveries WHERE webhook_id = $1
"""


class TestUnitsBesideEachOther:
    @pytest.mark.parametrize(
        ("first", "second", "do_overlap"),
        [
            ("a", "a", False),
            ("a", "b", True),
            ("a", None, True),
            (None, None, True),
            ("everything", "a", False),
            ("a", "everything", False),
            ("everything", None, False),
            ("everything", "everything", False),
        ],
    )
    async def test_those_that_hold_the_same_never_overlap(
        self, store: Store, first: str | None, second: str | None, *, do_overlap: bool
    ) -> None:
        """Each waits a little for the other one to be inside, too."""
        inside: set[str] = set()
        met: set[str] = set()
        both = asyncio.Event()

        def enters(_: Tx, name: str) -> None:
            inside.add(name)
            if len(inside) == 2:
                met.update(inside)
                both.set()
            wait_for(waited_for(both, PATIENCE_S if do_overlap else 0.2))
            inside.discard(name)

        await asyncio.gather(held(store, first, enters, "one"), held(store, second, enters, "two"))

        assert met == ({"one", "two"} if do_overlap else set())

    async def test_of_two_that_add_the_same_the_second_sees_the_first(self, store: Store, database: Database) -> None:
        found, runs = await two_that_add_the_same(store)

        assert sorted(found) == [0, 1]
        assert runs == [0, 0, 1]
        assert names(database) == ["ada"]

    async def test_two_that_wait_for_each_other_both_end(self, store: Store, database: Database) -> None:
        await store.write(add, "ada")
        await store.write(add, "carl")
        inside: list[str] = []
        both = asyncio.Event()

        def renames(tx: Any, first: str, second: str) -> None:
            for name in (first, second):
                wait_for(tx.connection.execute("UPDATE accounts SET owner = owner || $1 WHERE name = $2", first, name))
                inside.append(first)
                if len(inside) == 2:
                    both.set()
                wait_for(waited_for(both, PATIENCE_S))

        database.sql("UPDATE accounts SET owner = ''")
        pairs = [("ada", "carl"), ("carl", "ada")]
        await asyncio.gather(*[store.write_holding(None, renames, *pair) for pair in pairs])

        owners = [owner for (owner,) in database.sql("SELECT owner FROM accounts ORDER BY name")]
        assert [sorted((owner.count("ada"), owner.count("carl"))) for owner in owners] == [[1, 1], [1, 1]]


async def waited_for(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def held(store: Store, name: str | None, unit: Callable[[Tx, str], None], who: str) -> None:
    if name == "everything":
        await store.write(unit, who)
    else:
        await store.write_holding(name, unit, who)


class TestLimits:
    @pytest.mark.parametrize("limit", ["STATEMENT_TIMEOUT_MS", "LOCK_TIMEOUT_MS"])
    def test_a_request_that_waits_for_too_long_is_told_to_come_again(
        self, database: Database, monkeypatch: pytest.MonkeyPatch, limit: str
    ) -> None:
        monkeypatch.setattr(f"blueport.server.store.postgres.connecting.{limit}", 100)
        with opened_world(database) as (world, alice):
            with database.locked():
                answer = alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hi"})

            assert_refused(answer, 503, "service_unavailable")
            assert answer.headers["retry-after"] == "1"
            assert world.rows("outbox") == 0
            assert alice.sends()


class TestTables:
    # The installation's own, as are those who run it, and counts of calls, which are under the names of keys.
    OF_NOBODY = frozenset({"installation", "accounts", "users", "sessions", "sign_in_links"})

    def test_every_table_is_led_by_its_account(self) -> None:
        led = {table.name for table in metadata.tables.values() if "account_id" in table.columns}

        assert set(metadata.tables) - led == self.OF_NOBODY

    def test_every_account_that_is_named_must_be_there(self) -> None:
        """But in what outlives it, or is gone in a moment."""
        free = {
            table.name
            for table in metadata.tables.values()
            if "account_id" in table.columns and not table.columns["account_id"].foreign_keys
        }

        assert free == {"audit_log", "unanswered"}
