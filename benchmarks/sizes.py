"""What lists and claims cost in tables of ten thousand rows, of a million, and of ten million.

It is the units of work that are measured, without the requests around them, which would hide what grows.
"""

import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple, TypeVar

from benchmarks import filling
from benchmarks.filling import Filler
from benchmarks.measuring import Bench, Figure, Probe, SkippedError
from benchmarks.units import Database, Postgresql, Sqlite, Unit, provide
from blueport.protocol.door import Claim
from blueport.server.addressing import queries as addressing
from blueport.server.authorizing import keys
from blueport.server.authorizing import queries as authorizing
from blueport.server.blobs.links import links_of
from blueport.server.ids import ChatId, DaemonId
from blueport.server.notifying import service as notifying
from blueport.server.resources.chats import queries as chats
from blueport.server.resources.chats.queries import Shelf
from blueport.server.resources.messages import queries as messages
from blueport.server.sending import service as sending
from blueport.server.store.tx import Tx
from tests import postgres

# A row of each table that is filled, with all that finds it: in SQLite, and in PostgreSQL with its log.
ROW_BYTES = 1_600 + 2_500
# How much of the disk may be filled.
DISK_SHARE = 0.8
PAGE = 50
OPEN_ITEMS = 10
OPEN_DELIVERIES = 40
# How long a unit is repeated in each round.
REPEATED_S = 0.5
REPEATED_LEAST = 20
_NEVER_MS = 2**62
_BIG_CHAT = ChatId(filling.BIG_CHAT)
_TOKEN = keys.new_daemon_token()
_random = random.Random(0)
_LINKS = links_of(b"a secret", None, "http://127.0.0.1")
_NO_FLUSHES = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "4GB"}

Row = TypeVar("Row")


class Filled(NamedTuple):
    """A database of a size."""

    store: str
    rows: int
    database: Database
    units: dict[str, Unit[object]]


def probes(bench: Bench) -> Sequence[Probe]:
    """Fill a database for each size and store, and return what measures them one after the other."""
    sizes = [rows for rows in bench.options.rows if _has_room(bench, rows)]
    if not sizes:
        raise SkippedError("there is no room for the smallest of these databases")
    filled = [*_sqlite_filled(bench, sizes), *_postgres_filled(bench, sizes)]
    return [partial(_measured, name, each, sizes[0]) for name in filled[0].units for each in filled]


def spelled(rows: int) -> str:
    """Return a number of rows as it stands in the names of figures."""
    exponent = len(str(rows)) - 1
    return f"10^{exponent}" if rows == 10**exponent else f"{rows:,}"


def _measured(name: str, filled: Filled, least: int) -> list[Figure]:
    unit = filled.units[name]
    took_ms = [took_s * 1000 for took_s in _repeated(partial(filled.database.undone, unit))]
    told, reference = (f"{name}, {filled.store}, {spelled(rows)} rows" for rows in (filled.rows, least))
    return [Figure(told, statistics.median(took_ms), "ms", None if told == reference else reference)]


def _repeated(once: Callable[[], float]) -> Iterator[float]:
    ends_at = time.perf_counter() + REPEATED_S
    repeated = 0
    while repeated < REPEATED_LEAST or time.perf_counter() < ends_at:
        yield once()
        repeated += 1


def _sqlite_filled(bench: Bench, sizes: list[int]) -> Iterator[Filled]:
    for rows in sizes:
        path = bench.folder / f"{rows}.db"
        database = bench.stack.enter_context(closing(Sqlite(path)))
        database.done(partial(provide, key=keys.new_key(), daemon_token=_TOKEN))
        _fill(filling.sqlite(path, is_in_use=False), "SQLite", rows)
        yield Filled("SQLite", rows, database, database.done(partial(_units, rows=rows)))


def _postgres_filled(bench: Bench, sizes: list[int]) -> Iterator[Filled]:
    try:
        server = bench.stack.enter_context(postgres.running(is_durable=True, **_NO_FLUSHES))
    except postgres.MissingPostgresError as missing:
        print(f"sizes on PostgreSQL: skipped: {missing}", file=sys.stderr)
        return
    for rows in sizes:
        url = server.new_database()
        database = bench.stack.enter_context(closing(Postgresql(url)))
        database.done(partial(provide, key=keys.new_key(), daemon_token=_TOKEN))
        _fill(filling.postgresql(url), "PostgreSQL", rows)
        postgres.psql(url, "VACUUM (ANALYZE)")  # as it would have done by itself long since
        yield Filled("PostgreSQL", rows, database, database.done(partial(_units, rows=rows)))


def _fill(filler: Filler, store: str, rows: int) -> None:
    print(f"filling {store} with {spelled(rows)} rows of each kind ...", file=sys.stderr)
    filling.add_webhooks(filler)
    filling.fill(filler, rows)
    filling.add_open(filler, rows, items=OPEN_ITEMS, deliveries=OPEN_DELIVERIES)


def _units(tx: Tx, *, rows: int) -> dict[str, Unit[object]]:
    """Return what is measured, by name."""
    line, daemon = addressing.any_line(tx, filling.LINE), authorizing.live_daemon(tx, keys.digest(_TOKEN))
    assert line is not None
    assert daemon is not None
    shelf = Shelf(line.id, line.account_id)
    return {
        "first page of messages": _first_messages,
        "page deep in the messages": partial(_deep_messages, rows=rows),
        "first page of chats": partial(_first_chats, shelf=shelf),
        "page deep in the chats": partial(_deep_chats, shelf=shelf, rows=rows),
        "a daemon's claim": partial(_claim, daemon_id=daemon.id),
        "the dispatcher's claim": partial(notifying.claim, links=_LINKS, lease_s=40),
    }


def _first_messages(tx: Tx) -> object:
    return _whole_page(messages.messages_after(tx, _BIG_CHAT, messages.Place(_NEVER_MS, ""), PAGE))


def _deep_messages(tx: Tx, *, rows: int) -> object:
    return _whole_page(messages.messages_after(tx, _BIG_CHAT, messages.Place(_any_moment(rows), ""), PAGE))


def _first_chats(tx: Tx, *, shelf: Shelf) -> object:
    newest = chats.newest_activity(tx, shelf)
    return _whole_page(chats.chats_after(tx, shelf, chats.Place(newest, _NEVER_MS, ""), PAGE))


def _deep_chats(tx: Tx, *, shelf: Shelf, rows: int) -> object:
    # Each of the others has its last message among as many as they are, and as many of the big chat between them.
    moment = filling.FIRST_MS + (rows - 2 * _random.randrange(filling.how_many_chats(rows) - PAGE)) * 1000
    return _whole_page(chats.chats_after(tx, shelf, chats.Place(rows, moment, ""), PAGE))


def _claim(tx: Tx, *, daemon_id: DaemonId) -> object:
    claimed = sending.claim(tx, daemon_id, Claim("journal", (), tx.now_ms), lease_s=60)
    assert len(claimed) == OPEN_ITEMS
    return claimed


def _any_moment(rows: int) -> int:
    """Return a moment behind which the big chat has a whole page."""
    return filling.FIRST_MS + _random.randrange(2 * PAGE, rows) * 1000


def _whole_page(rows: list[Row]) -> list[Row]:
    assert len(rows) == PAGE
    return rows


def _has_room(bench: Bench, rows: int) -> bool:
    """Tell whether there is room for a database of that size in each store, and say so if there is not."""
    if rows * ROW_BYTES < shutil.disk_usage(bench.folder).free * DISK_SHARE:
        return True
    print(f"sizes: {spelled(rows)} rows skipped: they take {rows * ROW_BYTES >> 30} GiB", file=sys.stderr)
    return False
