"""Passes on what a server tells of a conversation, so that the page beside the phones asks nobody but us.

The server's token stays here. What the server is told of comes from the page: two paths, and nothing else.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from blueport.simulator.news import News
from blueport.simulator.settings import Settings

_CONNECT_S = 2
_JSON = "application/json"
_STREAM = "changes"
_PASSED_ON = ("conversation", _STREAM)


class Inspected:
    """The server that is looked into, by one client; None where there is none."""

    def __init__(self, client: httpx2.AsyncClient | None, news: News) -> None:
        self.client = client
        self._news = news

    async def until_the_end(self) -> None:
        """Return when this Mac ends."""
        with self._news.reading() as changes:
            while await changes.get() is not None:
                pass


@asynccontextmanager
async def inspected(settings: Settings, news: News) -> AsyncIterator[Inspected]:
    """Be ready to ask the server that the settings name."""
    if settings.server_url is None or settings.inspect_token is None:
        yield Inspected(None, news)
        return
    headers = {"Authorization": f"Bearer {settings.inspect_token}"}
    timeout = httpx2.Timeout(None, connect=_CONNECT_S)
    async with httpx2.AsyncClient(
        base_url=settings.server_url, headers=headers, timeout=timeout, trust_env=False
    ) as client:
        yield Inspected(client, news)


def routes() -> list[Route]:
    """Return the paths; each request finds what it asks in its state."""
    return [
        Route("/inspector", is_on),
        Route("/inspector/{what:str}", passed_on),
    ]


async def is_on(request: Request) -> Response:
    """Answer whether there is a server to look into, and where."""
    client = _inspected(request).client
    url = "" if client is None else str(client.base_url).rstrip("/")
    return Response(msgspec.json.encode({"is_on": client is not None, "url": url}), media_type=_JSON)


async def passed_on(request: Request) -> Response:
    """Answer as the server does, as it comes."""
    what, inspected = request.path_params["what"], _inspected(request)
    if inspected.client is None or what not in _PASSED_ON:
        return _refusal(404, "There is no server to look into.")
    asked = inspected.client.build_request("GET", f"/inspect/{what}", params=str(request.query_params))
    try:
        answer = await inspected.client.send(asked, stream=True)
    except httpx2.HTTPError:
        return _away(what)
    headers = {"Cache-Control": "no-store", "Content-Type": answer.headers.get("content-type", _JSON)}
    return StreamingResponse(_parts(answer, inspected), answer.status_code, headers)


async def _parts(answer: httpx2.Response, inspected: Inspected) -> AsyncIterator[bytes]:
    """Return the body as it comes, until it or this Mac ends."""
    over = asyncio.create_task(inspected.until_the_end())
    parts = answer.aiter_bytes()
    try:
        while (part := await _next(parts, over)) is not None:
            yield part
    except httpx2.HTTPError:
        return  # the page sees that it ends, and asks again
    finally:
        over.cancel()
        await answer.aclose()


async def _next(parts: AsyncIterator[bytes], over: asyncio.Task[None]) -> bytes | None:
    part = asyncio.ensure_future(anext(parts, None))
    try:
        await asyncio.wait({part, over}, return_when=asyncio.FIRST_COMPLETED)
        return part.result() if part.done() else None
    finally:
        part.cancel()


def _away(what: str) -> Response:
    """Say that the server does not answer: in a stream as an event, or browsers call it an error of the page."""
    if what == _STREAM:
        return Response(b"event: away\ndata: {}\n\n", media_type="text/event-stream")
    return _refusal(502, "The server does not answer.")


def _inspected(request: Request) -> Inspected:
    found: Inspected = request.state.inspected
    return found


def _refusal(status: int, message: str) -> Response:
    return Response(msgspec.json.encode({"error": {"message": message}}), status, media_type=_JSON)
