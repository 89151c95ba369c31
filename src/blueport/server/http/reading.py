"""Reads what a client says, for as long as that does no harm.

Whoever has not been let in may say little, and not take long over it: else a few strangers who say one letter now and
then would hold every place there is. Nor may a customer dawdle for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from starlette.types import Receive

from blueport.server.errors import ApiError
from blueport.server.http.bodies import BODY_LIMIT
from blueport.server.http.exchange import exchange_of
from blueport.server.http.problems import ClientGoneError

STRANGER_S = 2.0
GRACE_S = 30
# Nobody who means it is slower, whatever he sends.
SLOWEST_BYTES_PER_S = 16 * 1024


async def body_within_limit(
    receive: Receive, admit: Callable[[], Awaitable[object]], limit: int = BODY_LIMIT
) -> bytes | ApiError:
    """Read the body, counting what really comes; more than *limit* bytes is a refusal, and so is to be too slow.

    A body that is large or slow is awaited only once *admit* has let its bearer in.

    Raises:
        ApiError: As *admit*.
        ClientGoneError: The client hung up.
    """
    at_hand = body_at_hand(receive, limit)
    if at_hand is not None:
        return at_hand
    body = _Body(receive)
    with suppress(TimeoutError):
        async with asyncio.timeout(STRANGER_S):
            await body.read(BODY_LIMIT)
    if body.is_more and body.size <= limit:
        await admit()
        try:
            async with asyncio.timeout(longest_s(limit)):
                await body.read(limit)
        except TimeoutError:
            return too_slow()
    if body.size > limit:
        return _too_large(limit)
    return b"".join(body.parts)


def body_at_hand(receive: Receive, limit: int = BODY_LIMIT) -> bytes | ApiError | None:
    """Return what `body_within_limit` would if nothing has to be waited for, else None: most come with their head."""
    exchange = exchange_of(receive)
    here = None if exchange is None else exchange.taken_body()
    return here if here is None or len(here) <= limit else _too_large(limit)


async def parts_of(receive: Receive) -> AsyncIterator[bytes]:
    """Return the body of a request as it comes.

    Raises:
        ClientGoneError: The client hung up before its end.
    """
    is_more = True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        is_more = message.get("more_body", False)
        if part := message.get("body", b""):
            yield part


async def hung_up(receive: Receive) -> None:
    """Return once the client is gone; what it still says is dropped."""
    while (await receive())["type"] != "http.disconnect":
        pass


def longest_s(limit: int) -> float:
    """Return for how long so many bytes are awaited."""
    return GRACE_S + limit / SLOWEST_BYTES_PER_S


def too_slow() -> ApiError:
    """Return the refusal of a body that takes too long."""
    return ApiError("request_timeout", f"The body came more slowly than {SLOWEST_BYTES_PER_S} bytes a second.")


def _too_large(limit: int) -> ApiError:
    return ApiError("request_too_large", f"The request body is larger than {limit} bytes.")


class _Body:
    """What was read so far."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.parts: list[bytes] = []
        self.size = 0
        self.is_more = True

    async def read(self, limit: int) -> None:
        """Read on to the end, or until there is more than *limit*."""
        while self.is_more and self.size <= limit:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            self.parts.append(message.get("body", b""))
            self.size += len(self.parts[-1])
            self.is_more = message.get("more_body", False)
