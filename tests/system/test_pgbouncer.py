"""Behind PgBouncer in transaction mode, where a connection is another one for each transaction."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from blueport.protocol.door import Begin, Claim, Claimed, Hello, LineReport, Sightings
from blueport.server.authorizing import queries as authorizing
from blueport.server.errors import StoreUnavailableError
from blueport.server.store.counting import Asked
from blueport.server.store.interface import Store
from blueport.server.store.opening import once, opened
from blueport.server.store.postgres.bridging import wait_for
from blueport.server.store.schema import NEWEST, upgrade
from blueport.server.store.tx import Tx
from blueport.server.store.wakeups import waited
from tests.databases import Database
from tests.patience import PATIENCE_S
from tests.pgbouncer import MissingPgBouncerError, PgBouncer, pooling
from tests.postgres import Postgres
from tests.server.world import ADA, Clock, proof_of, text_from
from tests.system.blueport import until
from tests.system.keepalive import Client, Reply
from tests.system.receiver import Receiver
from tests.system.servers import LINE, Fleet, Json, fleet
from tests.units import add, looked_twice, two_that_add_the_same

pytestmark = pytest.mark.one_store("it is about PostgreSQL", kind="postgres")

CLIENTS = 64
CONNECTIONS = 8


@pytest.fixture(scope="module")
def pooler(postgres_server: Postgres) -> Iterator[PgBouncer]:
    try:
        with pooling(postgres_server.url) as pooler:
            yield pooler
    except MissingPgBouncerError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def pooled(database: Database, pooler: PgBouncer) -> Database:
    """Return the database as it is seen through the pooler."""
    return database._replace(named=pooler.through(database.named))


@pytest.fixture(params=["alone", "with a direct way"])
def direct(request: pytest.FixtureRequest, database: Database) -> str | None:
    return None if request.param == "alone" else database.named


@pytest.fixture
async def store(pooled: Database, direct: str | None) -> AsyncIterator[Store]:
    store = opened(pooled.named, Clock(), CONNECTIONS, direct_url=direct)
    await store.join()
    yield store
    await store.close()


def names(database: Database) -> set[str]:
    return {name for (name,) in database.sql("SELECT name FROM accounts")}


class TestUnits:
    async def test_they_are_done_whole_or_not_at_all(self, store: Store, database: Database) -> None:
        def fails(tx: Tx, name: str) -> None:
            add(tx, name)
            raise LookupError(name)

        units = [
            store.write_holding(f"{number}", fails if number % 3 == 0 else add, f"{number}") for number in range(60)
        ]

        outcomes = await asyncio.gather(*units, return_exceptions=True)

        assert [isinstance(each, LookupError) for each in outcomes] == [number % 3 == 0 for number in range(60)]
        assert names(database) == {f"{number}" for number in range(60) if number % 3}

    async def test_a_reader_sees_one_moment(self, store: Store, database: Database) -> None:
        assert await store.read(looked_twice, database) == (0, 0)
        assert await store.read(authorizing.how_many_accounts) == 1

    async def test_a_reader_cannot_write(self, store: Store, database: Database) -> None:
        with pytest.raises(StoreUnavailableError):
            await store.read(add, "ada")

        assert names(database) == set()

    async def test_of_two_that_add_the_same_the_second_sees_the_first(self, store: Store, database: Database) -> None:
        found, runs = await two_that_add_the_same(store)

        assert sorted(found) == [0, 1]
        assert runs == [0, 0, 1]
        assert names(database) == {"ada"}

    async def test_those_that_hold_the_same_never_overlap(self, store: Store) -> None:
        inside = 0
        most = 0

        def enters(_: Tx) -> None:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            wait_for(asyncio.sleep(0.01))
            inside -= 1

        await asyncio.gather(*[store.write_holding("a", enters) for _ in range(20)])

        assert most == 1

    async def test_limits_hold_in_each_transaction_and_stay_in_none(
        self, store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blueport.server.store.postgres.connecting.LOCK_TIMEOUT_MS", 50)

        with database.locked(), pytest.raises(StoreUnavailableError):
            await store.write(add, "ada")

        assert await store.write(add, "carl") == "carl"
        assert names(database) == {"carl"}

    # srv-082
    async def test_who_knows_nobody_says_so(
        self, store: Store, direct: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        alive = await store.read(lambda tx: tx.processes())

        assert alive == (None if direct is None else {store.process})
        said = [*caplog.get_records("setup"), *caplog.records]  # it begins with the store
        assert ("only_a_pooler" in [record.getMessage() for record in said]) == (direct is None)

    def test_one_that_is_run_by_itself_goes_through(self, pooled: Database, database: Database) -> None:
        assert once(pooled.named, Clock(), lambda tx: add(tx, "ada")) == "ada"
        assert names(database) == {"ada"}

    def test_a_new_database_is_migrated_through_it(self, empty: Database, pooler: PgBouncer) -> None:
        through = pooler.through(empty.named)

        assert upgrade(through) is None
        assert upgrade(through) == NEWEST


class TestCounts:
    async def test_of_calls_over_two_processes_exactly_as_many_pass_as_may(
        self, pooled: Database, direct: str | None
    ) -> None:
        stores = [opened(pooled.named, Clock(), CONNECTIONS, direct_url=direct) for _ in range(2)]

        async def is_over(store: Store, number: int) -> bool:
            asked = Asked(f"key {number % 3}", 100, 1000, 1)
            return (await store.read(lambda _: store.counts.count(asked))).is_over

        over = await asyncio.gather(*[is_over(store, number) for number in range(300) for store in stores])

        assert Counter(over) == {False: 300, True: 300}
        for store in stores:
            await store.close()


class TestHints:
    # srv-081
    async def test_they_take_the_direct_way(self, pooled: Database, database: Database) -> None:
        stores = [opened(pooled.named, Clock(), direct_url=database.named) for _ in range(2)]
        for store in stores:
            await store.join()
        ticket = stores[1].wakeups.ticket("outbox")

        await stores[0].write(lambda tx: tx.wake("outbox"))

        assert await waited(ticket, PATIENCE_S)
        for store in stores:
            await store.close()


@pytest.fixture
def ships(pooled: Database, direct: str | None) -> Iterator[Fleet]:
    settings = {} if direct is None else {"DATABASE_DIRECT": direct}
    with fleet(pooled, DATABASE_CONNECTIONS=f"{CONNECTIONS}", **settings) as ships:
        yield ships


def message(text: str) -> Json:
    return {"from": LINE, "to": ADA, "text": text}


class TestAFleet:
    # srv-081, srv-086: alone, no process hears of another's work but by looking for it.
    def test_a_text_is_heard_answered_and_told(self, ships: Fleet) -> None:
        api, other = ships.start("api"), ships.start("api")
        ships.start("worker")
        with Receiver() as receiver:
            wanted = {"from": LINE, "url": receiver.url, "events": ["message.received", "message.sent"]}
            ships.api(api, "POST", "/v1/webhooks", wanted)
            ships.knock(api, "hello", Hello("j", "1", (LineReport(LINE, "ok", None),)))
            ships.knock(api, "sightings", Sightings("j", (text_from(ADA, LINE, "Hi"),)))
            outbox_id = ships.api(other, "POST", "/v1/messages", message("Hello"))["id"]
            claimed = ships.knock(api, "claim", Claim("j", (), 1, wait_s=20))
            (item,) = msgspec.convert(claimed, Claimed).items
            assert ships.knock(other, f"outbox/{item.id}/begin", Begin(item.token, "n"))["held"]
            ships.knock(api, "sightings", Sightings("j", (proof_of(item),)))
            until(lambda: len(receiver.heard) == 2)

        assert [heard.event["event"] for heard in receiver.heard] == ["message.received", "message.sent"]
        assert ships.api(api, "GET", f"/v1/outbox?id={outbox_id}")["status"] == "sent"
        assert "Traceback" not in ships.log

    def test_many_clients_at_once_are_all_served(self, ships: Fleet) -> None:
        port = ships.start("all")
        ships.knock(port, "sightings", Sightings("j", (text_from(ADA, LINE, "Hi"),)))

        replies = asyncio.run(_calls(ships, [port], each=5))

        assert Counter(reply.status for reply in replies) == {201: CLIENTS * 5, 200: CLIENTS * 5}
        assert ships.database.sql("SELECT count(*) FROM outbox") == [(CLIENTS * 5,)]
        assert "Traceback" not in ships.log

    def test_calls_are_counted_exactly(self, pooled: Database, direct: str | None) -> None:
        settings = {} if direct is None else {"DATABASE_DIRECT": direct}
        with fleet(pooled, HOURLY_LIMIT="300", **settings) as ships:
            ports = [ships.start("api"), ships.start("api")]
            replies = asyncio.run(_calls(ships, ports, each=5, posts=False))

        assert Counter(reply.status for reply in replies) == {200: 300, 429: CLIENTS * 5 - 300}

    def test_when_the_pooler_dies_and_comes_back_all_goes_on(self, ships: Fleet, pooler: PgBouncer) -> None:
        port = ships.start("all")
        ships.knock(port, "sightings", Sightings("j", (text_from(ADA, LINE, "Hi"),)))
        first = ships.api(port, "POST", "/v1/messages", message("before"))["id"]

        pooler.kill()
        health, ready = ships.status(port, "/healthz"), ships.status(port, "/readyz")
        pooler.start()
        until(lambda: ships.is_ready(port))
        second = ships.api(port, "POST", "/v1/messages", message("after"))["id"]

        assert (health, ready) == (200, 503)
        assert ships.database.sql("SELECT id FROM outbox ORDER BY seq") == [(first,), (second,)]
        assert "Traceback" not in ships.log


async def _calls(ships: Fleet, ports: list[int], *, each: int, posts: bool = True) -> list[Reply]:
    async def calling(number: int) -> list[Reply]:
        client = Client(ports[number % len(ports)], ships.key)
        replies = []
        for turn in range(each):
            replies.append(
                await client.call("GET", f"/v1/messages?from=%2B{LINE[1:]}&to=%2B{ADA[1:]}" if posts else "/v1/lines")
            )
            if posts:
                replies.append(await client.call("POST", "/v1/messages", message(f"{number} {turn}")))
        client.close()
        return replies

    return [reply for replies in await asyncio.gather(*map(calling, range(CLIENTS))) for reply in replies]
