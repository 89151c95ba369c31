"""Connections to PostgreSQL as all of ours are: what takes too long is given up, and a pooler may be in between.

Behind a pooler (PgBouncer in transaction mode) a connection is another one for each transaction: nothing that is set or
prepared on it stays. It is told by the process id of the server, which is not the one that the pooler made up.
"""

import contextlib
from collections.abc import AsyncIterator

import asyncpg
from asyncpg import Connection

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 15_000
LOCK_TIMEOUT_MS = 5_000
IDLE_TIMEOUT_MS = 30_000

_NAME = {"application_name": "blueport"}


class Connector:
    """The way to one database."""

    def __init__(self, url: str, direct_url: str | None = None) -> None:
        """Lead to *url*; *direct_url* leads to the same database, past any pooler."""
        self._url = url
        self._direct_url = direct_url
        self._is_pooled: bool | None = None

    async def connect(self) -> Connection:
        """Open a connection."""
        if self._is_pooled is None:
            self._is_pooled = await _is_pooled(self._url)
        if self._is_pooled:
            return await _opened(self._url, statement_cache_size=0)
        return await _direct(self._url)

    async def connect_past_poolers(self) -> Connection | None:
        """Open a connection that stays the same one, None if there is only a pooler."""
        if self._direct_url is not None:
            return await _direct(self._direct_url)
        if self._is_pooled is None:
            self._is_pooled = await _is_pooled(self._url)
        return None if self._is_pooled else await _direct(self._url)

    @property
    def is_only_pooled(self) -> bool:
        """Tell whether there is no way but through a pooler; known once there was a connection."""
        return bool(self._is_pooled) and self._direct_url is None

    def preface(self, begin: str) -> str:
        """Return what begins a transaction, with the limits in it where a connection cannot keep them."""
        if not self._is_pooled:
            return begin
        beginning, _, rest = begin.partition(";")
        return f"{beginning}; {_limits('SET LOCAL')};{rest}"

    @contextlib.asynccontextmanager
    async def together(self, connection: Connection) -> AsyncIterator[None]:
        """Have what is said over *connection* meanwhile reach one server.

        Even one statement is said in parts: it is parsed, and then run. Without a pooler each commits by itself.
        """
        if not self._is_pooled:
            yield
            return
        async with connection.transaction():
            await connection.execute(_limits("SET LOCAL"))
            yield


async def _direct(url: str) -> Connection:
    connection = await _opened(url)
    await connection.execute(_limits("SET"))
    return connection


async def _is_pooled(url: str) -> bool:
    connection = await _opened(url, statement_cache_size=0)
    try:
        async with connection.transaction():
            return bool(await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid())
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


async def _opened(url: str, *, statement_cache_size: int = 500) -> Connection:
    return await asyncpg.connect(
        url, timeout=CONNECT_TIMEOUT_S, server_settings=_NAME, statement_cache_size=statement_cache_size
    )


def _limits(setting: str) -> str:
    given = {
        "statement_timeout": STATEMENT_TIMEOUT_MS,
        "lock_timeout": LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
    }
    return "; ".join(f"{setting} {name} = {value}" for name, value in given.items())
