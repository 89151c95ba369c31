"""A walk through 100,000 rows of the same moment, while more arrive: each old row once, none skipped."""

from collections.abc import Callable, Iterator

import pytest

from blueport.server.store.tables import metadata
from tests.databases import Database
from tests.server.world import ADA, NOON_MS, Clock, Customer, Json, World

ROWS = 100_000
# How many pages pass between two arrivals.
ARRIVALS = 100


@pytest.fixture(scope="module")
def full(shared_database: Database) -> Iterator[Customer]:
    """Run a server that lets a walk be as long as it is, and return Alice, whose line is full, for both walks."""
    with World(shared_database, Clock(), hourly_limit=10 * ROWS).open() as world:
        yield _filled(world.customer("Alice", "+15550101000"))


def _filled(alice: Customer) -> Customer:
    """Fill Alice's line by SQL: a hundred thousand messages of one chat, and as many chats, all of one moment."""
    alice.hears(ADA, sent_at=NOON_MS)
    numbers = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"
    _copy(alice, "messages", numbers, id="'msg_' || n", guid="'G-' || n", seq="n + 1")
    alice.world.sql("UPDATE chats SET activity_seq = (SELECT max(seq) FROM messages)")
    if alice.world.database.is_postgres:  # SQLite counts on from the rows that there are
        alice.world.sql("SELECT setval('messages_seq_seq', max(seq)) FROM messages")
    _copy(alice, "chats", numbers, id="'cht_' || n", key="'+1666' || n", identifier="'+1666' || n")
    if alice.world.database.is_postgres:  # what its autovacuum does within a minute
        alice.world.sql("ANALYZE")
    return alice


def _copy(customer: Customer, table: str, numbers: str, **changed: str) -> None:
    names = metadata.tables[table].columns.keys()
    values = ", ".join(changed.get(name, name) for name in names)
    rows = f"{numbers} SELECT {values} FROM n, {table}"
    customer.world.sql(f"INSERT INTO {table} ({', '.join(names)}) {rows}")


def _walked(customer: Customer, path: str, between: Callable[[int], None], **query: Json) -> list[str]:
    """Return the ids of all rows, page by page, while *between* is called with the number of each page."""
    ids: list[str] = []
    asked: Json = {"from": customer.line, "limit": 100, **query}
    page_number = 0
    while asked.get("cursor", "") is not None:
        page = customer.get(path, asked).json()
        ids += [row["id"] for row in page["data"]]
        asked["cursor"] = page["next_cursor"]
        page_number += 1
        between(page_number)
    return ids


def test_a_walk_over_100_000_messages(full: Customer) -> None:
    (hers,) = full.world.sql("SELECT chat_id FROM messages WHERE guid = 'G-1'")
    old = {name for (name,) in full.world.sql("SELECT id FROM messages WHERE chat_id = ?", *hers)}
    before = full.world.rows("messages")

    def arrive(page_number: int) -> None:
        if page_number % ARRIVALS == 0:
            full.hears(ADA, "of the same moment", sent_at=NOON_MS)
            full.hears(ADA, "new", sent_at=NOON_MS + page_number)

    walked = _walked(full, "/v1/messages", arrive, to=ADA)

    assert len(walked) == len(set(walked))
    assert old <= set(walked)
    assert full.world.rows("messages") == before + 2 * len(range(ARRIVALS, ROWS // 100 + 2, ARRIVALS))


def test_a_walk_over_100_000_chats(full: Customer) -> None:
    old = {name for (name,) in full.world.sql("SELECT id FROM chats")}

    def arrive(page_number: int) -> None:
        if page_number % ARRIVALS == 0:
            full.hears(f"+155501{page_number:05}", "somebody new", sent_at=NOON_MS)
            full.hears(ADA, "of the same moment", sent_at=NOON_MS)
            full.hears(f"+1555020{page_number:04}", "later", sent_at=NOON_MS + page_number)

    walked = _walked(full, "/v1/chats", arrive)

    assert len(walked) == len(set(walked))
    assert old <= set(walked)
