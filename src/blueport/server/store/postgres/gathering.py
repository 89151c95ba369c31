"""One connection beside the transactions, for what many ask at once: who asks the same is answered by one statement.

What is asked while the connection is busy waits; then all that asked the same are asked for together, after each of
them did. So nobody is told what was so before he asked, and a busy key costs a statement for a group of its requests.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from asyncpg import Connection

from blueport.server.store.postgres.bridging import wait_for
from blueport.server.store.postgres.connecting import Connector, expecting

Key = TypeVar("Key")
Asked = TypeVar("Asked")
Told = TypeVar("Told")
Answering = Callable[[Connection, Sequence[Asked]], Awaitable[Sequence[Told]]]

_CLOSE_TIMEOUT_S = 1.0


class _Waiting(NamedTuple, Generic[Asked, Told]):
    asked: Asked
    told: asyncio.Future[Told]


class Gathering(Generic[Key, Asked, Told]):
    """Gathers questions by their key; *answer* answers those of one, in their order."""

    def __init__(self, connector: Connector, answer: Answering[Asked, Told]) -> None:
        self._connector = connector
        self._answer = answer
        self._connection: Connection | None = None
        self._waiting: dict[Key, list[_Waiting[Asked, Told]]] = {}
        self._task: asyncio.Task[None] | None = None

    def ask(self, key: Key, asked: Asked) -> Told:
        """Return the answer, from inside a unit of work.

        Raises:
            Exception: Whatever befell who tried to answer.
        """
        return wait_for(self.enqueued(key, asked))

    def enqueued(self, key: Key, asked: Asked) -> asyncio.Future[Told]:
        """Return what will be the answer."""
        waiting: _Waiting[Asked, Told] = _Waiting(asked, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(key, []).append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._answer_all())
        return waiting.told

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close(timeout=_CLOSE_TIMEOUT_S)

    async def _answer_all(self) -> None:
        while self._waiting:
            group = self._waiting.pop(next(iter(self._waiting)))
            try:
                for waiting, told in zip(group, await self._told(group), strict=True):
                    if not waiting.told.done():
                        waiting.told.set_result(told)
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who asked
                for waiting in group:
                    if not waiting.told.done():
                        waiting.told.set_exception(error)
        self._task = None

    async def _told(self, group: list[_Waiting[Asked, Told]]) -> Sequence[Told]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connector.connect_beside()
        with expecting(self._connection):
            async with self._connector.together(self._connection):
                return await self._answer(self._connection, [waiting.asked for waiting in group])
