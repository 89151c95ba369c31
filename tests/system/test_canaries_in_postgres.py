"""PostgreSQL's log, and our processes' beside it, hold nothing of what passes through, also where statements fail."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueport.server.sealing import new_sealing_key
from blueport.server.store.schema import upgrade
from tests import postgres
from tests.databases import Database
from tests.postgres import MissingPostgresError, Postgres
from tests.system.blueport import until
from tests.system.keepalive import Client
from tests.system.receiver import Receiver
from tests.system.servers import LINE, Fleet, fleet
from tests.system.test_canaries import LOUDEST, Canaries


@pytest.fixture
def server() -> Iterator[Postgres]:
    """Run a PostgreSQL that logs each statement that fails, as it does unless it is told otherwise."""
    try:
        with postgres.running(log_min_messages="info") as server:
            yield server
    except MissingPostgresError as missing:
        pytest.skip(str(missing))


def test_neither_log_holds_a_canary(server: Postgres, tmp_path: Path) -> None:
    assert server.folder is not None
    canaries = Canaries()
    url = server.new_database()
    upgrade(url)
    settings = {name.removeprefix("BLUEPORT_"): value for name, value in LOUDEST.items()}
    settings["SECRETS_KEY"] = canaries.learn("secrets key", new_sealing_key())
    with fleet(Database(url, tmp_path), **settings) as ships, Receiver(lambda _: 500) as receiver:
        canaries.learn("key", ships.key)
        canaries.learn("daemon token", ships.daemon_token)
        ports = [ships.start(), ships.start("api")]
        hook = f"{receiver.url}?{canaries.at('url')}"
        made = ships.api(ports[0], "POST", "/v1/webhooks", {"from": "", "url": hook, "events": ["message.received"]})
        canaries.learn("webhook secret", made["secret"])
        person = f"{canaries.at('person')}@example.com"
        ships.hears(ports[0], person, canaries.at("text of a person"))
        until(lambda: receiver.heard)
        ships.database.sql("UPDATE lines SET is_contact_first = 0")
        _meet(ships, ports, canaries)
        _fail(ships, ports[0], person, canaries)
        logs = ships.log

    said = (server.folder / "log").read_text()
    assert "canceling statement" in said or "does not exist" in said  # failures are told there
    assert canaries.found_in(said) == set()
    assert canaries.found_in(logs) == set()


def _meet(ships: Fleet, ports: list[int], canaries: Canaries) -> None:
    """Have requests begin the same chats at the same time, at two processes."""

    async def all_at_once() -> None:
        people = [f"{canaries.at(f'new person {number}')}@example.com" for number in range(8)]
        clients = [Client(port, ships.key) for port in ports for _ in people]
        texts = [{"from": LINE, "to": people[number % 8], "text": f"{number}"} for number in range(16)]
        calls = [client.call("POST", "/v1/messages", text) for client, text in zip(clients, texts, strict=True)]
        assert {reply.status for reply in await asyncio.gather(*calls)} == {201}
        for client in clients:
            client.close()

    asyncio.run(all_at_once())


def _fail(ships: Fleet, port: int, person: str, canaries: Canaries) -> None:
    """Have statements fail with people's words in them."""
    message = {"from": LINE, "to": person, "text": canaries.at("text that fails"), "reply_to": None}

    async def sent(name: str) -> int:
        client = Client(port, ships.key)
        try:
            return (await client.call("POST", "/v1/messages", message, f"Idempotency-Key: {name}")).status
        finally:
            client.close()

    ships.database.sql("ALTER TABLE outbox RENAME TO lost")
    assert asyncio.run(sent(canaries.at("name"))) == 503
    ships.database.sql("ALTER TABLE lost RENAME TO outbox")
    ships.database.sql("ALTER TABLE outbox ADD CONSTRAINT refused CHECK (created_at = 0) NOT VALID")
    assert asyncio.run(sent(canaries.at("other name"))) == 500
