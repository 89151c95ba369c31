"""Other processes on one PostgreSQL: who is alive, and hints that there may be work.

Hints are notifications, sent beside the transactions that they tell of and at most every HINT_EVERY_S: within them they
would make all commits wait for each other. They, and the lock by which a process shows that it is alive, need a
connection of their own that is no pooler's. Where there is none, nobody is known to be gone, and all poll.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, get_args

from asyncpg import Connection

from blueport.logs.lines import logger
from blueport.server.store.postgres.connecting import TROUBLE, expecting
from blueport.server.store.postgres.timing import ASK, DatabaseClock, monotonic_ms
from blueport.server.store.tx import Topic

HINT_EVERY_S = 0.05
# A connection that says nothing may be a dead one: it is asked so often, and has so long to answer.
PING_EVERY_S = 5.0
PING_TIMEOUT_S = 3.0
RECONNECT_AFTER_S = 1.0

_CHANNEL = "blueport"
_TOPICS: tuple[Topic, ...] = get_args(Topic)
# The class of the locks by which processes show that they are alive.
_ALIVE = 0x616C6976
NAMES = (
    f"SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = {_ALIVE} AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_log = logger(__name__)


class Hints:
    """The processes on one database, as one of them sees the others."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection | None]],
        wake: Callable[[Iterable[Topic]], None],
        clock: DatabaseClock | None = None,
    ) -> None:
        """Take a name; *connect* returns None where there is only a pooler. *clock* is told the database's time."""
        self._number = secrets.randbits(31)
        self.name = f"{self._number}"
        self._connect = connect
        self._wake = wake
        self._clock = clock
        self._connection: Connection | None = None
        self._listening: asyncio.Task[None] | None = None
        self._is_broken = asyncio.Event()
        self._turn = asyncio.Lock()
        self._topics: set[Topic] = set()
        self._sending: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Become one of them, and listen from now on."""
        with suppress(*TROUBLE):
            await self._listen()
            await self._ping()
        self._listening = asyncio.create_task(self._keep_listening())

    async def leave(self) -> None:
        """Be no longer one of them."""
        tasks = [task for task in (self._listening, self._sending) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close(timeout=PING_TIMEOUT_S)

    def hint(self, topics: Iterable[Topic]) -> None:
        """Tell the others that there may be work, soon."""
        self._topics.update(topics)
        if self._sending is None and self._connection is not None:
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._topics and self._connection is not None:
                said, self._topics = f"{self.name} {' '.join(self._topics)}", set()
                with suppress(*TROUBLE):
                    await self._say(self._connection, f"NOTIFY {_CHANNEL}, '{said}'")
                await asyncio.sleep(HINT_EVERY_S)
        finally:
            self._sending = None

    async def _keep_listening(self) -> None:
        while True:
            try:
                if self._connection is None or self._connection.is_closed():
                    await self._listen()
                    self._wake(_TOPICS)  # nobody knows what was missed
                if self._connection is None:
                    _log.warning("only_a_pooler")  # so we look by ourselves, and know nobody to be gone
                    return
                await self._ping()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._is_broken.wait(), PING_EVERY_S)
            except TROUBLE:
                self._drop()
                await asyncio.sleep(RECONNECT_AFTER_S)

    async def _ping(self) -> None:
        """Find out whether the connection is alive, and what the database's time is."""
        if self._connection is None:
            return
        async with asyncio.timeout(PING_TIMEOUT_S), self._turn:
            asked_at = monotonic_ms()
            told_ms = await self._connection.fetchval(ASK)
            if self._clock is not None:
                self._clock.note(told_ms, asked_at=asked_at, heard_at=monotonic_ms())

    async def _say(self, connection: Connection, statement: str) -> None:
        async with asyncio.timeout(PING_TIMEOUT_S), self._turn:
            await connection.execute(statement)

    async def _listen(self) -> None:
        connection = await self._connect()
        if connection is not None:
            try:
                await self._listen_over(connection)
            except BaseException:
                connection.terminate()
                raise
        self._connection = connection

    async def _listen_over(self, connection: Connection) -> None:
        with expecting(connection):
            # Shared with ourselves: a connection that fell silent may hold it for a long time yet.
            await connection.execute(f"SELECT pg_advisory_lock_shared({_ALIVE}, {self._number})")
            await connection.add_listener(_CHANNEL, self._hear)
        self._is_broken.clear()
        connection.add_termination_listener(lambda _: self._is_broken.set())

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    def _hear(self, _connection: Any, _pid: int, _channel: str, said: object) -> None:
        name, *topics = f"{said}".split()
        if name != self.name:
            self._wake([topic for topic in _TOPICS if topic in topics])
