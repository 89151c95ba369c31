"""Puts the routes, the page and the Mac together."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from blueport.simulator import inspecting
from blueport.simulator.browsing import ToldToBrowsers
from blueport.simulator.inspecting import Inspected, inspected
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.network import relaying
from blueport.simulator.news import News
from blueport.simulator.routes import refused, routes
from blueport.simulator.settings import Settings

_PAGES = Path(__file__).parent / "pages"
# The dashboard has it too.
_CAF = Path(__file__).parents[1] / "caf.js"


class State(TypedDict):
    """What each request has at hand."""

    mac: SimulatedMac
    inspected: Inspected


def app_of(settings: Settings, news: News, relay: socket.socket | None = None) -> Starlette:
    """Return the app; its lifespan is the life of the Mac, whose network others may reach by *relay*."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        async with (
            running(settings, news) as mac,
            relaying(relay, settings.server_url, mac.faults.network),
            inspected(settings, news) as server,
        ):
            yield {"mac": mac, "inspected": server}

    page = [
        Route("/", show_page),
        Route("/pages/phone/caf.js", show_caf),
        Mount("/pages", StaticFiles(directory=_PAGES)),
    ]
    return Starlette(
        routes=[*routes(), *inspecting.routes(), *page],
        middleware=[Middleware(ToldToBrowsers)],
        exception_handlers={HTTPException: refused},
        lifespan=lifespan,
    )


async def show_page(_request: Request) -> FileResponse:
    """Answer with the page that has a phone in it."""
    return FileResponse(_PAGES / "phone.html")


async def show_caf(_request: Request) -> FileResponse:
    """Answer with what reads voice memos."""
    return FileResponse(_CAF, media_type="text/javascript")
