"""Runs a server: opens its database, serves until it is told to end, and ends so that nothing is cut off.

Told to end, a server says so at `/readyz`, takes on who has connected already, answers what it is asked with the word
that this is the connection's last answer, and hangs up on the others. What it was trying for webhooks and cannot end
in time is given back.
"""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator

import uvicorn

from blueport import clock
from blueport.server import provisioning
from blueport.server.app import Server
from blueport.server.http.protocol import EnvelopeProtocol
from blueport.server.link import service as link
from blueport.server.listening import listening, stop_listening
from blueport.server.notifying.delivering import service as delivering
from blueport.server.notifying.log import service as event_log
from blueport.server.settings import Settings
from blueport.server.store.opening import opened
from blueport.server.store.schema import upgrade
from blueport.server.store.tx import Tx

# How many more objects there are until the garbage collector looks at the young ones; Python's own number is 700.
_NEW_OBJECTS = 10_000
TELL_EVERY_S = 0.05


async def serve(settings: Settings, sockets: list[socket.socket] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; *sockets* are listening already, else `host` and `port` are bound.

    Raises:
        MisconfiguredError: With these settings there is nothing to serve.
        StoreUnavailableError: The database cannot be had.
    """
    await asyncio.to_thread(upgrade, settings.database)
    store = opened(
        settings.database,
        clock.now_ms,
        settings.database_connections,
        direct_url=settings.database_direct,
        follows_clock=True,
    )
    try:
        await store.join()
        secret = await store.write(provisioning.prepare, settings)
        await store.write(_begun, store.process)
        server = _Uvicorn(Server(settings, store, secret), settings, is_sole_listener=sockets is None)
        leave_alone_what_stays()
        await server.serve(sockets or [listening(settings.host, settings.port)])
    finally:
        await store.close()


def _begun(tx: Tx, process: str) -> None:
    """Take over from those who are gone; whoever is the only one knows of no line that it is served."""
    delivering.recover(tx)
    event_log.set_right(tx)
    if tx.processes() == frozenset([process]):
        link.note_all_silent(tx)


def leave_alone_what_stays() -> None:
    """Spare the garbage collector what was loaded, and most of what requests make: it was 6 % of each of them.

    Nearly all that a request makes goes by its count of references; few cycles are left to be found.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


class _Uvicorn(uvicorn.Server):
    """Takes leave of its clients before it ends; a socket that others listen on too needs no leave."""

    def __init__(self, server: Server, settings: Settings, *, is_sole_listener: bool) -> None:
        super().__init__(_config(server, settings))
        self._server = server
        self._is_sole_listener = is_sole_listener

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._server.let_go()
        telling = asyncio.create_task(self._tell_all_clients())
        if self._is_sole_listener:
            await stop_listening(sockets or [])
        await super().shutdown(sockets)
        telling.cancel()

    async def _tell_all_clients(self) -> None:
        """Have each connection end, those too that are made even now."""
        while True:
            for connection in list(self.server_state.connections):
                connection.shutdown()
            await asyncio.sleep(TELL_EVERY_S)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End as one who was told to: uvicorn would have the signal end the process before the store is closed."""
        loop = asyncio.get_running_loop()
        for told in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(told, self.handle_exit, told, None)
        yield


def _config(server: Server, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        server.app,
        http=EnvelopeProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(settings.grace_s)),
    )
