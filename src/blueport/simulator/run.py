"""Runs a simulated Mac until it is told to stop."""

import asyncio
import socket

import uvicorn

from blueport.simulator.app import app_of
from blueport.simulator.news import News
from blueport.simulator.settings import Settings

_GRACE_S = 2


class _Server(uvicorn.Server):
    """A server that lets its open pages go before it waits for them."""

    def __init__(self, config: uvicorn.Config, news: News) -> None:
        super().__init__(config)
        self._news = news

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._news.end()
        await super().shutdown(sockets)


async def run(settings: Settings, sockets: list[socket.socket], relay: socket.socket | None = None) -> None:
    """Serve on *sockets*, which listen already, as does *relay*, until cancelled, SIGTERM or SIGINT."""
    news = News()
    config = uvicorn.Config(
        app_of(settings, news, relay),
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config, news)
    serving = asyncio.create_task(server.serve(sockets))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
