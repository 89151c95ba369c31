"""GET /openapi.json, /llms.txt, /llms-full.txt and each page as Markdown: for whoever builds on this installation."""

import asyncio
import functools

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope

from blueport import __version__
from blueport.server.blobs.links import Links
from blueport.server.describing import openapi, texts
from blueport.server.http.answers import Answer
from blueport.server.http.endpoint import Endpoint
from blueport.server.http.problems import Answering
from blueport.server.http.routing import origin_of, route

# Stands in the texts, which are made once, for where each reader reached us.
_BASE = "\0base\0"
_PLAIN = b"text/plain; charset=utf-8"


class Descriptions:
    """What one server says of its API."""

    def __init__(self, endpoints: tuple[Endpoint, ...], *, links: Links, hourly_limit: int) -> None:
        self._endpoints = endpoints
        self._links = links
        self._hourly_limit = hourly_limit

    def routes(self) -> list[Route]:
        """Return a route for each document."""
        documents = [route(f"/{name}", {"GET": self._text(name)}) for name in texts.names()]
        return [route("/openapi.json", {"GET": self._description}), *documents]

    async def _description(self, _scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        return Answer(200, await asyncio.to_thread(_described, self._endpoints))

    def _text(self, name: str) -> Answering:
        async def answer(scope: Scope, _receive: Receive, _request_id: str) -> Answer:
            written = await asyncio.to_thread(_written, self._endpoints, self._hourly_limit)
            base = self._links.seen_from(origin_of(scope)).base
            return Answer(200, written[name].replace(_BASE, base).encode(), content_type=_PLAIN)

        return answer


# One set of endpoints is described once, however many servers a process has; and not before somebody asks, nor in the
# loop: it takes a fifth of a second.
@functools.cache
def _described(endpoints: tuple[Endpoint, ...]) -> bytes:
    return msgspec.json.encode(openapi.description(endpoints, version=__version__))


@functools.cache
def _written(endpoints: tuple[Endpoint, ...], hourly_limit: int) -> dict[str, str]:
    return texts.rendered(endpoints, base=_BASE, hourly_limit=hourly_limit)
