"""Opens the database that a setting names: a PostgreSQL by its URL, else a file of SQLite's."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from blueport.server.settings import is_postgres
from blueport.server.store.interface import Store
from blueport.server.store.sqlite import store as sqlite
from blueport.server.store.tx import Tx

T = TypeVar("T")


def opened(
    database: str,
    now_ms: Callable[[], int],
    connections: int = 10,
    *,
    direct_url: str | None = None,
    follows_clock: bool = False,
) -> Store:
    """Open a migrated database; *now_ms* is the clock of all its transactions.

    To PostgreSQL there are up to *connections*; *direct_url* leads there past a pooler. With *follows_clock* its clock
    puts ours right, so that all processes have one.

    Raises:
        StoreUnavailableError: It cannot be opened.
    """
    if is_postgres(database):
        from blueport.server.store.postgres.connecting import Connector  # noqa: PLC0415 - who has a file need not load it
        from blueport.server.store.postgres.store import PostgresStore  # noqa: PLC0415 - as above

        connector = Connector(database, direct_url)
        return PostgresStore(connector, now_ms, connections, follows_clock=follows_clock)
    return sqlite.SqliteStore(Path(database).expanduser(), now_ms)


def once(database: str, now_ms: Callable[[], int], unit: Callable[[Tx], T]) -> T:
    """Run one unit on a connection of its own, whether or not servers work on the database, and return its result.

    Raises:
        StoreUnavailableError: The database did not take it; nothing was done.
    """
    if is_postgres(database):
        from blueport.server.store.postgres import store as postgres  # noqa: PLC0415 - as above

        return asyncio.run(postgres.once(database, now_ms, unit))
    return sqlite.once(Path(database).expanduser(), now_ms, unit)
