"""Keeps pages live: what is drawn anew is sent (server-sent events) when it has become something else.

A page is looked at again and again, so that nothing has to say what it shows; between two looks nothing is kept but
how it was drawn last.
"""

from collections.abc import Awaitable, Callable

from starlette.types import Receive

from blueport.server.dashboard.rendering import HEADERS
from blueport.server.http.answers import Answer
from blueport.server.http.following import STREAM, STREAM_HEADERS
from blueport.server.http.watching import Look, Watching

PATH = "/dashboard/live"
LOOK_EVERY_S = 0.5

# Draws a page, or returns None if there is no such page for who looks, any more.
Draw = Callable[[], Awaitable[str | None]]


class Live:
    """All pages that are looked at just now."""

    def __init__(self) -> None:
        self._watching = Watching(LOOK_EVERY_S)

    def close(self) -> None:
        """End all streams."""
        self._watching.close()

    def streamed(self, draw: Draw, receive: Receive) -> Answer:
        """Answer with each drawing of a page that differs from the one before, for as long as somebody listens.

        Raises:
            ApiError: `service_unavailable`.
        """
        stream = self._watching.stream(_looking(draw), receive)
        return Answer(200, b"", (*HEADERS, *STREAM_HEADERS), STREAM, stream=stream, for_us_alone=True)


def _looking(draw: Draw) -> Look:
    seen: str | None = None

    async def look() -> bytes | None:
        nonlocal seen
        before, seen = seen, await draw()
        if seen is None:
            return None
        return b"" if seen == before else _message(seen)

    return look


def _message(drawn: str) -> bytes:
    return b"".join(b"data: %b\n" % line.encode() for line in drawn.splitlines()) + b"\n"
