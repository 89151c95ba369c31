"""Looks names up for who dials, and hands on only what may be dialled.

aiohttp asks no resolver for an address that stands in the URL itself: that one is judged at the socket.
"""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from blueport.server.notifying.egress.guard import AddressRefusedError, Guard


class JudgingResolver(AbstractResolver):
    """Refuses a name of which any answer may not be dialled: nobody who means well mixes them."""

    def __init__(self, inner: AbstractResolver, guard: Guard) -> None:
        """Look names up by *inner*, which is closed with this one."""
        self._inner = inner
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return all addresses of *host*.

        Raises:
            AddressRefusedError: One of them may not be dialled.
        """
        answers = await self._inner.resolve(host, port, family)
        if not all(self._guard.may_dial(answer["host"]) for answer in answers):
            raise AddressRefusedError
        return answers

    async def close(self) -> None:
        """Close the resolver within."""
        await self._inner.close()
