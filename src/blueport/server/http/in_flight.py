"""Keeps the number of requests that are answered at a time within a limit.

What comes beyond it is told so at once, before its body is read or anything is done: a server that takes on more than
it can do answers nobody in time.
"""

from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from blueport.server.http.answers import Answer
from blueport.server.http.problems import Answered, busy


class InFlight:
    """An ASGI app around another. Requests to the paths *uncounted* are let through always."""

    def __init__(self, app: ASGIApp, limit: int, uncounted: Collection[str]) -> None:
        self._app = app
        self._limit = self._left = limit
        self._uncounted = frozenset(uncounted)
        self.busy = Answered(_refuse)

    @property
    def requests(self) -> int:
        """How many are answered now."""
        return self._limit - self._left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in self._uncounted:
            await self._app(scope, receive, send)
        elif self._left == 0:
            await self.busy(scope, receive, send)
        else:
            self._left -= 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._left += 1


async def _refuse(_scope: Scope, _receive: Receive, _request_id: str) -> Answer:
    raise busy()
