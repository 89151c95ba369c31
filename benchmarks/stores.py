"""Databases of both kinds with an account, a line and a daemon in them, ready to be filled."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import NamedTuple

from benchmarks import filling
from benchmarks.filling import Filler
from benchmarks.measuring import Bench
from benchmarks.units import Database, Postgresql, Sqlite, provide
from blueport.server.addressing import queries as addressing
from blueport.server.authorizing import keys
from blueport.server.authorizing import queries as authorizing
from blueport.server.ids import DaemonId
from blueport.server.resources.chats.queries import Shelf
from blueport.server.store.tx import Tx
from tests import postgres
from tests.postgres import Postgres

_TOKEN = keys.new_daemon_token()
_NO_FLUSHES = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


class Opened(NamedTuple):
    """A database, what fills it, and what is to be called when it is filled."""

    database: Database
    filler: Filler
    settle: Callable[[], object]


class Store(NamedTuple):
    """A kind of database; `opened` makes a new one of that name."""

    name: str
    opened: Callable[[str], Opened]


class Ids(NamedTuple):
    """What is in a new database."""

    shelf: Shelf
    daemon_id: DaemonId


def stores(bench: Bench) -> Iterator[Store]:
    """Return those that can be had here; nothing of them is flushed, and all of it ends with the bench."""
    yield Store("SQLite", partial(_sqlite, bench))
    try:
        server = bench.stack.enter_context(postgres.running(is_durable=True, **_NO_FLUSHES))
    except postgres.MissingPostgresError as missing:
        print(f"PostgreSQL: skipped: {missing}", file=sys.stderr)
        return
    yield Store("PostgreSQL", partial(_postgresql, bench, server))


def ids(tx: Tx) -> Ids:
    """Find what is in a new database."""
    line, daemon = addressing.any_line(tx, filling.LINE), authorizing.live_daemon(tx, keys.digest(_TOKEN))
    assert line is not None
    assert daemon is not None
    return Ids(Shelf(line.id, line.account_id), daemon.id)


def _sqlite(bench: Bench, name: str) -> Opened:
    path = bench.folder / f"{name}.db"
    database = bench.stack.enter_context(closing(Sqlite(path)))
    database.done(_provided)
    return Opened(database, filling.sqlite(path, is_in_use=False), lambda: None)


def _postgresql(bench: Bench, server: Postgres, _name: str) -> Opened:
    url = server.new_database()
    database = bench.stack.enter_context(closing(Postgresql(url)))
    database.done(_provided)
    # As it would have done by itself long since.
    return Opened(database, filling.postgresql(url), partial(postgres.psql, url, "VACUUM (ANALYZE)"))


def _provided(tx: Tx) -> None:
    provide(tx, key=keys.new_key(), daemon_token=_TOKEN)
