"""Makes one try of a delivery: one POST to one receiver, within bounds that no receiver can stretch."""

import socket
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from blueport.server.notifying.guard import Guard
from blueport.server.notifying.service import Outcome, Try
from blueport.server.notifying.signing import signed

BODY_LIMIT = 16 * 1024
DNS_TRY_S = 1.5
DNS_TRIES = 2


class Sender(Protocol):
    """What can try a delivery."""

    async def attempt(self, tried: Try) -> Outcome:
        """Try once; a receiver's refusal is an outcome, not an error."""


class HttpSender:
    """Tries deliveries over HTTP: no redirects, no proxies, and one time limit for name, connection, headers and body.

    Each try has its own connection: a receiver that closed a kept one would cost a try.
    """

    def __init__(self, guard: Guard, timeout_s: float, resolver: AbstractResolver | None = None) -> None:
        """Dial only what *guard* allows; must be made in a running loop. *resolver* is the system's by default."""
        self._guard = guard
        # Lookups in threads would have to share few: one customer's dead names would hold up everybody's deliveries.
        self._resolver = resolver or aiohttp.AsyncResolver(timeout=DNS_TRY_S, tries=DNS_TRIES)
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        judged = aiohttp.TCPConnector(
            force_close=True,
            limit=0,
            use_dns_cache=False,
            resolver=self._resolver,
            socket_factory=self._judged_socket,
        )
        self._public = self._session(judged, timeout)
        # The operator's own names may be known to this machine alone, as those of Bonjour are.
        known_here = aiohttp.ThreadedResolver()
        trusted = aiohttp.TCPConnector(force_close=True, limit=0, use_dns_cache=False, resolver=known_here)
        self._trusted = self._session(trusted, timeout)

    @staticmethod
    def _session(connector: aiohttp.TCPConnector, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
        # One receiver's cookies are no business of another's.
        jar = aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=jar)

    async def close(self) -> None:
        """Give up the sessions."""
        await self._public.close()
        await self._trusted.close()
        await self._resolver.close()

    async def attempt(self, tried: Try) -> Outcome:
        """Try once; see `Sender.attempt`."""
        due = tried.due
        fault = self._guard.url_fault(due.url)
        if fault is not None:
            return Outcome(is_delivered=False, reason="url_not_allowed")
        body, headers = signed(due.event_type, due.data, delivery_id=due.id, secret=due.secret, now_ms=tried.started_at)
        session = self._trusted if self._guard.trusts(due.url) else self._public
        try:
            async with session.post(_as_given(due.url), data=body, headers=headers, allow_redirects=False) as answer:
                await answer.content.read(BODY_LIMIT)
                return Outcome(answer.status // 100 == 2, f"http_{answer.status}")  # noqa: PLR2004 - 2xx
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Outcome(is_delivered=False, reason=_reason(error))

    def _judged_socket(self, candidate: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = candidate
        if not self._guard.may_dial(str(address[0])):
            raise OSError("not a public address")
        return socket.socket(family, kind, protocol)


def _as_given(url: str) -> URL:
    """Return *url* as its owner wrote it: receivers sign and route by every character."""
    return URL(url, encoded=url.isascii())


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientConnectorDNSError():
            return "name_not_resolved"
        case aiohttp.ClientSSLError():
            return "tls_failed"
        case aiohttp.ClientConnectorError() | OSError():
            return "not_connected"
        case _:
            return "bad_answer"
