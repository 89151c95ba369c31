"""Puts the routes, the page and the Mac together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.news import News
from blueport.simulator.routes import refused, routes
from blueport.simulator.settings import Settings

_PAGES = Path(__file__).parent / "pages"


class State(TypedDict):
    """What each request has at hand."""

    mac: SimulatedMac


def app_of(settings: Settings, news: News) -> Starlette:
    """Return the app; its lifespan is the life of the Mac."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        async with running(settings, news) as mac:
            yield {"mac": mac}

    page = [Route("/", show_page), Mount("/pages", StaticFiles(directory=_PAGES))]
    return Starlette(routes=[*routes(), *page], exception_handlers={HTTPException: refused}, lifespan=lifespan)


async def show_page(_request: Request) -> FileResponse:
    """Answer with the page that has a phone in it."""
    return FileResponse(_PAGES / "phone.html")
