"""Connections to PostgreSQL: as many as are allowed, opened when they are needed, replaced when they broke.

asyncpg's own pool says a statement more for each loan, and makes a task of each wait that has an end.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from asyncpg import Connection

from blueport.server.errors import StoreUnavailableError

# How long somebody waits for a connection before he is told to come again.
PATIENCE_S = 5.0


class Pool:
    """Lends connections, the one that was used last first."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int) -> None:
        self._connect = connect
        self._free = size
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def lend(self) -> Connection:
        """Return a connection that nobody else has; it has to come back.

        Raises:
            StoreUnavailableError: None came free in time.
        """
        if self._free:
            self._free -= 1
        else:
            await self._turn()
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        try:
            return await self._connect()
        except BaseException:
            self._pass_on()
            raise

    def take_back(self, connection: Connection) -> None:
        """Have a connection back, in whatever state."""
        if not connection.is_closed():
            self._idle.append(connection)
        self._pass_on()

    async def close(self) -> None:
        """Close what nobody has."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close(timeout=PATIENCE_S)

    async def _turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # it came at the very moment at which we gave up
            if isinstance(error, TimeoutError):
                raise StoreUnavailableError("all connections to the database are busy") from None
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
