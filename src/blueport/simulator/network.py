"""The Mac's way out: what Messages sends and receives goes by it, and the daemon's calls go through its relay."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

_PIECE_BYTES = 64 * 1024


class Network:
    """Online from the start; *until_offline* and *until_online* return at once where that is so."""

    def __init__(self) -> None:
        self._online, self._offline = asyncio.Event(), asyncio.Event()
        self.set(is_online=True)

    @property
    def is_online(self) -> bool:
        """Whether anything goes in or out."""
        return self._online.is_set()

    def set(self, *, is_online: bool) -> None:
        """Cut the Mac off, or let it out again."""
        begins, ends = (self._online, self._offline) if is_online else (self._offline, self._online)
        ends.clear()
        begins.set()

    async def until_online(self) -> None:
        """Wait until something goes out."""
        await self._online.wait()

    async def until_offline(self) -> None:
        """Wait until nothing goes out any more."""
        await self._offline.wait()


@asynccontextmanager
async def relaying(listening: socket.socket | None, url: str | None, network: Network) -> AsyncIterator[None]:
    """Lead whoever connects there to the server at *url*; while the Mac is offline all connections break."""
    if listening is None or url is None:
        yield
        return
    relay = _Relay(url, network)
    server = await asyncio.start_server(relay.lead, sock=listening)
    try:
        yield
    finally:
        server.close()
        await relay.close()


class _Relay:
    """The connections that are open."""

    def __init__(self, url: str, network: Network) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._network = network
        self._open: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    async def lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lead one connection on, until either side or the network ends it."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio calls this in one
        self._open.add(task)
        try:
            await _first_of(self._led(reader, writer), self._network.until_offline(), self._until_closing())
        except OSError:
            pass  # either side sees that the other is gone
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def close(self) -> None:
        """Break all connections; asyncio would log an error for each task of its own that is cancelled."""
        self._closing.set()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _until_closing(self) -> None:
        await self._closing.wait()

    async def _led(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._network.is_online:
            return
        back, forth = await asyncio.open_connection(self._host, self._port)  # noqa: TID251 - where our settings say
        try:
            await _first_of(_pumped(reader, forth), _pumped(back, writer))
        finally:
            forth.transport.abort()


async def _pumped(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass on what comes until there is no more."""
    while piece := await source.read(_PIECE_BYTES):
        sink.write(piece)
        await sink.drain()


async def _first_of(*works: Coroutine[None, None, None]) -> None:
    """Do all of *works* until the first of them ends."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
