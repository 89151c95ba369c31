"""Connections to PostgreSQL as all of ours are: what takes too long is given up, and a pooler may be in between.

Behind a pooler (PgBouncer in transaction mode) a connection is another one for each transaction: nothing that is set or
prepared on it stays. It is told by the process id of the server, which is not the one that the pooler made up.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import asyncpg
from asyncpg import Connection

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 15_000
LOCK_TIMEOUT_MS = 5_000
IDLE_TIMEOUT_MS = 30_000
# The limits above are the server's to keep; so long one is waited for that has gone without a word, or stands still.
SILENCE_TIMEOUT_S = 30.0

# From this version on, others than superusers may be let set what only those could.
_GRANTS_PARAMETERS = 15
# What comes of a database that cannot be had. The third is no PostgresError, and what asyncpg comes to if a connection
# breaks between two statements.
TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_NAME = {"application_name": "blueport"}


class _Way(NamedTuple):
    """Whether a pooler is on it, and whether we may say there what the server logs of our failures."""

    is_pooled: bool
    is_terse: bool


# By URL, of those that this process has looked at: it costs a connection.
_ways: dict[str, _Way] = {}


class Connector:
    """The way to one database."""

    def __init__(self, url: str, direct_url: str | None = None) -> None:
        """Lead to *url*; *direct_url* leads to the same database, past any pooler."""
        self._url = url
        self._direct_url = direct_url

    async def connect(self) -> Connection:
        """Open a connection."""
        await self._look()
        if self._is_pooled:
            return await _opened(self._url, statement_cache_size=0)
        return await self._direct(self._url)

    async def connect_past_poolers(self) -> Connection | None:
        """Open a connection that stays the same one, None if there is only a pooler."""
        await self._look()
        if self._direct_url is not None:
            return await self._direct(self._direct_url)
        return None if self._is_pooled else await self._direct(self._url)

    @property
    def is_only_pooled(self) -> bool:
        """Tell whether there is no way but through a pooler; known once there was a connection."""
        return self._is_pooled and self._direct_url is None

    async def connect_beside(self) -> Connection:
        """Open a connection for what is said beside transactions: past any pooler, where that can be."""
        return await self.connect_past_poolers() or await self.connect()

    def preface(self, begin: str) -> str:
        """Return what begins a transaction, with the limits in it where a connection cannot keep them."""
        if not self._is_pooled:
            return begin
        beginning, _, rest = begin.partition(";")
        return f"{beginning}; {self._terms('SET LOCAL')};{rest}"

    @contextlib.asynccontextmanager
    async def together(self, connection: Connection) -> AsyncIterator[None]:
        """Have what is said over *connection* meanwhile reach one server.

        Even one statement is said in parts: it is parsed, and then run. Without a pooler each commits by itself.
        """
        if not self._is_pooled:
            yield
            return
        async with connection.transaction():
            await connection.execute(self._terms("SET LOCAL"))
            yield

    @property
    def _is_pooled(self) -> bool:
        return self._url in _ways and _ways[self._url].is_pooled

    async def _look(self) -> None:
        if self._url not in _ways:
            _ways[self._url] = await _looked_at(self._url)

    async def _direct(self, url: str) -> Connection:
        connection = await _opened(url)
        await connection.execute(self._terms("SET"))
        return connection

    def _terms(self, setting: str) -> str:
        return _terms(setting, is_terse=_ways[self._url].is_terse)


@contextlib.contextmanager
def expecting(connection: Connection) -> Iterator[None]:
    """Have *connection* break if what is done with it meanwhile takes so long that nobody can be at its other end."""
    timer = asyncio.get_running_loop().call_later(SILENCE_TIMEOUT_S, connection.terminate)
    try:
        yield
    finally:
        timer.cancel()


async def _looked_at(url: str) -> _Way:
    """Find out what is on the way to *url*."""
    connection = await _opened(url, statement_cache_size=0)
    try:
        async with connection.transaction():
            is_terse = bool(await connection.fetchval(_may_set_verbosity(connection)))
            pid = await connection.fetchval("SELECT pg_backend_pid()")
        return _Way(pid != connection.get_server_pid(), is_terse)
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


async def _opened(url: str, *, statement_cache_size: int = 500) -> Connection:
    return await asyncpg.connect(
        url, timeout=CONNECT_TIMEOUT_S, server_settings=_NAME, statement_cache_size=statement_cache_size
    )


def _may_set_verbosity(connection: Connection) -> str:
    if connection.get_server_version().major >= _GRANTS_PARAMETERS:
        return "SELECT has_parameter_privilege('log_error_verbosity', 'SET')"
    return "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"


def _terms(setting: str, *, is_terse: bool) -> str:
    """Return the statements that set how long things may take, and that failures are logged without their values.

    All of our statements have one good plan: to make one for each run was a third of the time of a page of messages. It
    is by an index, also when it is made while the table is small, and kept while that grows.
    """
    given: dict[str, object] = {
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "jit": "off",  # before PostgreSQL 18, whatever is read whole all the same would be held for costly
        "statement_timeout": STATEMENT_TIMEOUT_MS,
        "lock_timeout": LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
    }
    if is_terse:
        given["log_error_verbosity"] = "terse"
    return "; ".join(f"{setting} {name} = {value}" for name, value in given.items())
