"""Any number of processes on one database, of either kind: what one knows all know, and any may die or be replaced."""

import asyncio
import signal
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from blueport.server.store.opening import opened
from blueport.server.store.tx import Tx
from blueport.server.store.wakeups import waited
from tests.databases import Database
from tests.patience import PATIENCE_S
from tests.server.world import ADA, CARL, Clock
from tests.system.blueport import until
from tests.system.keepalive import Client, Reply
from tests.system.receiver import Heard, Receiver
from tests.system.servers import LINE, Fleet, Json, fleet


@pytest.fixture
def ships(database: Database) -> Iterator[Fleet]:
    with fleet(database) as ships:
        yield ships


def hooked(ships: Fleet, port: int, url: str) -> None:
    ships.api(port, "POST", "/v1/webhooks", {"from": LINE, "url": url, "events": ["message.received"]})


def texted(heard: Heard) -> str:
    return heard.event["data"]["text"]


def alive(tx: Tx) -> frozenset[str]:
    names = tx.processes()
    assert names is not None
    return names


def message(text: str) -> Json:
    return {"from": LINE, "to": ADA, "text": text}


class TestRoles:
    def test_an_api_delivers_nothing_and_a_worker_serves_nobody_else(self, ships: Fleet) -> None:
        api = ships.start("api")
        with Receiver() as receiver:
            hooked(ships, api, receiver.url)
            ships.hears(api, ADA)
            assert ships.database.sql("SELECT state, attempts FROM deliveries") == [("pending", 0)]

            worker = ships.start("worker")
            until(lambda: receiver.heard)

        assert [ships.status(worker, path) for path in ("/healthz", "/readyz", "/v1/lines")] == [200, 200, 404]

    def test_what_a_worker_was_trying_when_it_died_another_tries_at_once(self, ships: Fleet) -> None:
        is_heard = threading.Event()

        def status_of(_: Heard) -> int:
            """Let the first try hang until it is over."""
            if not is_heard.is_set():
                is_heard.set()
                is_over.wait(PATIENCE_S)
            return 200

        is_over = threading.Event()
        api, first = ships.start("api"), ships.start("worker")
        with Receiver(status_of) as receiver:
            hooked(ships, api, receiver.url)
            ships.hears(api, ADA)
            is_heard.wait(PATIENCE_S)
            ships.kill(first)
            ships.start("worker")
            until(lambda: ships.database.sql("SELECT 1 FROM deliveries WHERE state = 'delivered'"))
            is_over.set()

        assert len({heard.event["delivery_id"] for heard in receiver.heard}) == 1

    @pytest.mark.one_store("who shares a file shares a clock", kind="postgres")
    @pytest.mark.parametrize("leads_s", [(0, 3600), (-3600, 0)])
    def test_what_a_worker_tries_none_takes_whose_clock_is_another(
        self, ships: Fleet, leads_s: tuple[int, int]
    ) -> None:
        # srv-093
        is_over = threading.Event()
        with Receiver(lambda heard: (texted(heard) != "slow" or is_over.wait(PATIENCE_S)) and 200) as receiver:
            api = ships.start("api")
            hooked(ships, api, receiver.url)
            ships.start("worker", lead_s=leads_s[0], WEBHOOK_TIMEOUT_S="300")
            ships.hears(api, ADA, "slow")
            until(lambda: receiver.heard)
            ships.start("worker", lead_s=leads_s[1], WEBHOOK_TIMEOUT_S="300")

            tried_by = "SELECT count(DISTINCT claimed_by) FROM deliveries"
            until(lambda: ships.hears(api, CARL, "next") or ships.database.sql(tried_by) == [(2,)])
            is_over.set()
            until(lambda: ships.database.sql("SELECT DISTINCT state FROM deliveries") == [("delivered",)])

        assert [texted(heard) for heard in receiver.heard].count("slow") == 1

    def test_who_stood_still_for_longer_than_its_lease_has_no_say_any_more(self, ships: Fleet) -> None:
        # srv-094: what it comes with is from before another took over.
        failpoints = ships.database.folder / "failpoints"
        failpoints.mkdir()
        (failpoints / "server.tried").write_text("SIGSTOP")
        api = ships.start("api")
        answers = [500, 200]
        with Receiver(lambda _: answers.pop(0)) as receiver:
            hooked(ships, api, receiver.url)
            stopped = ships.start("worker", FAILPOINTS=str(failpoints), WEBHOOK_TIMEOUT_S="0.1")
            ships.hears(api, ADA)
            until(lambda: not any(failpoints.iterdir()))
            ships.start("worker")

            until(lambda: ships.database.sql("SELECT 1 FROM deliveries WHERE state = 'delivered'"))
            ships.processes[stopped].send_signal(signal.SIGCONT)
            until(lambda: "delivery_outlived_its_lease" in ships.log)

        tries = ships.database.sql("SELECT number, reason FROM delivery_attempts ORDER BY number")
        assert tries == [(1, "interrupted"), (2, "http_200")]
        assert ships.database.sql("SELECT state, attempts FROM deliveries") == [("delivered", 2)]

    def test_what_a_worker_cannot_end_in_time_it_gives_back(self, ships: Fleet) -> None:
        # srv-038
        is_over = threading.Event()
        api, worker = ships.start("api"), ships.start("worker", GRACE_S="0.2")
        with Receiver(lambda _: is_over.wait(PATIENCE_S) and 200) as receiver:
            hooked(ships, api, receiver.url)
            ships.hears(api, ADA)
            until(lambda: receiver.heard)

            assert ships.end(worker) == 0
            given_back = ships.database.sql("SELECT state, claimed_by FROM deliveries")
            is_over.set()

        assert given_back == [("pending", None)]


class TestHints:
    async def test_a_hint_reaches_every_process(self, database: Database) -> None:
        stores = [opened(database.named, Clock()) for _ in range(3)]
        for store in stores:
            await store.join()
        tickets = [store.wakeups.ticket("outbox") for store in stores]
        others = [store.wakeups.ticket("signals") for store in stores]

        await stores[0].write(lambda tx: tx.wake("outbox"))

        assert [await waited(ticket, PATIENCE_S) for ticket in tickets] == [True, True, True]
        assert not any(ticket.is_set() for ticket in others)
        for store in stores:
            await store.close()

    async def test_who_is_alive_is_known(self, database: Database) -> None:
        first, second = opened(database.named, Clock()), opened(database.named, Clock())
        await first.join()
        await second.join()
        both = await first.write(alive)
        await second.close()

        assert both == {first.process, second.process}
        assert await first.write(alive) == {first.process}
        await first.close()

    def test_who_was_killed_is_not_alive(self, ships: Fleet) -> None:
        first, second = ships.start("api"), ships.start("api")
        ships.kill(second)

        async def how_many() -> int:
            store = opened(ships.database.named, Clock())
            await store.join()
            try:
                return len(await store.write(alive))
            finally:
                await store.close()

        until(lambda: asyncio.run(how_many()) == 2)  # the first one, and who asks
        assert ships.is_ready(first)


class TestLimits:
    def test_of_5000_calls_at_once_over_two_processes_exactly_1000_pass(self, database: Database) -> None:
        with fleet(database, HOURLY_LIMIT="1000") as ships:
            ports = [ships.start("api"), ships.start("api")]
            replies = asyncio.run(_calls(ships, ports, clients=100, each=50))

        assert Counter(reply.status for reply in replies) == {200: 1000, 429: 4000}
        left = [int(reply.headers["ratelimit-remaining"]) for reply in replies if reply.status == 200]
        assert sorted(left) == list(range(1000))


async def _calls(ships: Fleet, ports: list[int], *, clients: int, each: int) -> list[Reply]:
    async def calling(number: int) -> list[Reply]:
        client = Client(ports[number % len(ports)], ships.key)
        try:
            return [await client.call("GET", "/v1/lines") for _ in range(each)]
        finally:
            client.close()

    return [reply for replies in await asyncio.gather(*map(calling, range(clients))) for reply in replies]


class TestRepeating:
    @pytest.fixture
    def ports(self, ships: Fleet) -> list[int]:
        ports = [ships.start("api"), ships.start("api")]
        ships.hears(ports[0], ADA)
        return ports

    def test_equal_messages_to_two_processes_are_two(self, ships: Fleet, ports: list[int]) -> None:
        ids = [ships.api(port, "POST", "/v1/messages", message("twice"))["id"] for port in ports]

        assert ids[0] != ids[1]

    def test_one_whose_process_died_before_it_answered_is_done_once(self, ships: Fleet, ports: list[int]) -> None:
        with ships.database.keeping_all("unanswered"):
            first = ships.api(ports[0], "POST", "/v1/messages", message("once"))
            ships.kill(ports[0])
        # As on PostgreSQL, where the dead one's connections may end a moment later.
        until(lambda: ships.api(ports[1], "POST", "/v1/messages", message("other"))["id"])
        again = ships.api(ports[1], "POST", "/v1/messages", message("once"))

        assert again["id"] == first["id"]

    def test_one_that_a_client_did_not_wait_for_is_done_once(self, ships: Fleet, ports: list[int]) -> None:
        async def given_up_and_asked_again() -> Reply:
            first, second = Client(ports[0], ships.key), Client(ports[1], ships.key)
            with ships.database.locked():  # so that it is done only after the client is gone, or not at all
                asking = asyncio.create_task(first.call("POST", "/v1/messages", message("once")))
                await asyncio.sleep(0.2)
                asking.cancel()
                await first.hang_up()
            reply = await second.call("POST", "/v1/messages", message("once"))
            second.close()
            return reply

        reply = asyncio.run(given_up_and_asked_again())

        until(lambda: not ships.database.sql("SELECT 1 FROM unanswered"))
        assert reply.status == 201
        assert ships.database.sql("SELECT id FROM outbox") == [(reply.body["id"],)]

    def test_of_many_with_one_name_one_is_done(self, ships: Fleet, ports: list[int]) -> None:
        async def all_at_once() -> list[Reply]:
            clients = [Client(ports[number % 2], ships.key) for number in range(30)]
            calls = [client.call("POST", "/v1/messages", message("once"), "Idempotency-Key: a") for client in clients]
            replies = await asyncio.gather(*calls)
            for client in clients:
                client.close()
            return replies

        replies = asyncio.run(all_at_once())

        assert {reply.status for reply in replies} == {201}
        assert len({reply.body["id"] for reply in replies}) == 1
        assert len(ships.database.sql("SELECT id FROM outbox")) == 1


class TestLeaving:
    def test_no_request_fails_while_processes_come_and_go(self, ships: Fleet) -> None:
        port = ships.start("api")
        ships.hears(port, ADA)
        is_over = threading.Event()

        async def calling(number: int) -> list[int]:
            statuses = []
            client = Client(port, ships.key)
            while not is_over.is_set():
                text = message(f"{number}: {len(statuses)}")
                call = ("POST", "/v1/messages", text) if number % 2 else ("GET", "/v1/lines")
                statuses.append((await client.call(*call)).status)
                if number % 3 == 0:
                    client.close()
            client.close()
            return statuses

        async def all_of_them() -> list[list[int]]:
            return await asyncio.gather(*map(calling, range(12)))

        results: list[list[list[int]]] = []
        thread = threading.Thread(target=lambda: results.append(asyncio.run(all_of_them())))
        thread.start()
        ends = []
        for _ in range(3):
            ends.append(ships.end(port))
            ships.start("api", port=port)
        is_over.set()
        thread.join(PATIENCE_S)

        (statuses,) = results
        said = Counter(status for each in statuses for status in each)
        assert set(said) == {200, 201}
        assert ends == [0, 0, 0]
        assert ships.database.sql("SELECT count(*) FROM outbox") == [(said[201],)]

    def test_who_is_leaving_says_so(self, ships: Fleet) -> None:
        port = ships.start("api")
        ships.hears(port, ADA)

        async def asked_while_it_leaves() -> tuple[Reply, Reply]:
            waiting, asking = Client(port, ships.key), Client(port, ships.key)
            await asking.call("GET", "/readyz")
            with ships.database.locked():
                answered = asyncio.create_task(waiting.call("POST", "/v1/messages", message("Hi")))
                await asyncio.sleep(0.2)
                ships.processes[port].send_signal(signal.SIGTERM)
                ready = await asking.call("GET", "/readyz")
                while "connection" not in ready.headers:
                    ready = await asking.call("GET", "/readyz")
            return ready, await answered

        ready, answered = asyncio.run(asked_while_it_leaves())

        assert (ready.status, ready.headers["connection"]) == (503, "close")
        assert (answered.status, answered.headers["connection"]) == (201, "close")
        assert ships.end(port) == 0

    def test_who_hesitates_is_answered_still(self, ships: Fleet) -> None:
        port = ships.start("api")

        async def asked_late() -> list[Reply]:
            clients = [Client(port, ships.key), Client(port, ships.key)]
            await clients[0].call("GET", "/v1/lines")
            await clients[1].connected()
            ships.processes[port].send_signal(signal.SIGTERM)
            await asyncio.sleep(0.6)
            return [await client.call("GET", "/v1/lines") for client in clients]

        replies = asyncio.run(asked_late())

        assert [(reply.status, reply.headers["connection"]) for reply in replies] == [(200, "close")] * 2
        assert ships.end(port) == 0
