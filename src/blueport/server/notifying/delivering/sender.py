"""Makes one try of a delivery: one POST to one receiver, within bounds that no receiver can stretch."""

import asyncio
import contextvars
import functools
import socket
import ssl
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractResolver

from blueport.server.notifying.delivering.outcomes import TIMED_OUT, URL_NOT_ALLOWED, Outcome, reason_of, wish_ms
from blueport.server.notifying.delivering.service import RUNNING_LIMIT
from blueport.server.notifying.delivering.signing import Signed
from blueport.server.notifying.egress.guard import AddressRefusedError, Guard
from blueport.server.notifying.egress.resolving import JudgingResolver
from blueport.server.notifying.egress.targets import as_given

DNS_TRY_S = 1.5
DNS_TRIES = 2
CONNECT_S = 5.0
BODY_LIMIT = 16 * 1024
KEPT_OF_BODY = 2 * 1024
# The status is the answer: what follows is only kept to be looked at, and not awaited for long.
BODY_S = 2.0
# Receivers close what is idle after 5 s and more, and a try that finds its connection closed is made again.
IDLE_S = 3.0
# Hosts of which it is known where their connections lead.
KNOWN_HOSTS = 10_000

# Where the try that runs in this context connected to; nothing, if it went over a connection that was there.
_dialled: contextvars.ContextVar[list[str]] = contextvars.ContextVar("dialled")


class Sender(Protocol):
    """What can try a delivery; no try takes longer than `limit_s`."""

    limit_s: float

    async def attempt(self, url: str, ready: Signed, now_ms: int) -> Outcome:
        """Try once, at *now_ms* (Unix milliseconds); a receiver's refusal is an outcome, not an error."""


class HttpSender:
    """Tries deliveries over HTTP: no redirects, no proxies, and one time limit for name, connection, headers and body.

    Connections are kept for the next try. That a receiver has closed one shows only when it is used: then the same try
    goes over another.
    """

    def __init__(
        self,
        guard: Guard,
        limit_s: float,
        resolver: AbstractResolver | None = None,
        trusted_resolver: AbstractResolver | None = None,
        authorities: ssl.SSLContext | None = None,
    ) -> None:
        """Dial only what *guard* allows; must be made in a running loop.

        The resolvers, of public names and of those that the operator named, and the *authorities* that certificates are
        judged by are the system's by default.
        """
        self.limit_s = limit_s
        self._guard = guard
        self._tls = authorities or ssl.create_default_context()
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        # What a kept connection leads to.
        self._dialled_of: dict[tuple[str | None, int | None], str] = {}
        # Lookups in threads would have to share few: one customer's dead names would hold up everybody's deliveries.
        self._resolver = resolver or aiohttp.AsyncResolver(timeout=DNS_TRY_S, tries=DNS_TRIES)
        self._public = self._session(self._resolver, guard)
        # The operator's own names may be known to this machine alone, as those of Bonjour are.
        known_here = trusted_resolver or aiohttp.ThreadedResolver()
        self._trusted = self._session(known_here, guard.of_named_hosts())

    def _session(self, resolver: AbstractResolver, guard: Guard) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=IDLE_S,
            use_dns_cache=False,
            resolver=JudgingResolver(resolver, guard),
            ssl=self._tls,
            socket_factory=functools.partial(_judged_socket, guard),
        )
        # One receiver's cookies are no business of another's.
        jar = aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(connector=connector, auto_decompress=False, cookie_jar=jar)

    async def close(self) -> None:
        """Give up the sessions."""
        await self._public.close()
        await self._trusted.close()
        await self._resolver.close()

    async def attempt(self, url: str, ready: Signed, now_ms: int) -> Outcome:
        """Try once; see `Sender.attempt`."""
        if self._guard.url_fault(url) is not None:
            return Outcome(is_delivered=False, reason=URL_NOT_ALLOWED)
        ends_at_s = asyncio.get_running_loop().time() + self.limit_s
        # Each of a receiver's kept connections may have been closed by it meanwhile.
        for _ in range(RUNNING_LIMIT):
            left_s = ends_at_s - asyncio.get_running_loop().time()
            if left_s <= 0:
                return Outcome(is_delivered=False, reason=TIMED_OUT[0])
            outcome = await self._posted(url, ready, left_s, now_ms)
            if outcome is not None:
                return outcome
        return Outcome(is_delivered=False, reason="hung_up")

    async def _posted(self, url: str, ready: Signed, left_s: float, now_ms: int) -> Outcome | None:
        """Post once, within *left_s*; None if it went over a kept connection, which was closed."""
        session = self._trusted if self._guard.trusts(url) else self._public
        timeout = aiohttp.ClientTimeout(total=left_s, sock_connect=CONNECT_S)
        dialled: list[str] = []
        _dialled.set(dialled)
        try:
            posting = session.post(
                as_given(url), data=ready.body, headers=ready.headers, timeout=timeout, allow_redirects=False
            )
            async with posting as answer:
                return await self._outcome(answer, dialled, now_ms)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if not dialled and _is_of_kept_connection(error):
                return None
            return Outcome(is_delivered=False, reason=reason_of(error), address=dialled[-1] if dialled else None)

    async def _outcome(self, answer: aiohttp.ClientResponse, dialled: list[str], now_ms: int) -> Outcome:
        host = (answer.url.host, answer.url.port)
        if dialled:
            self._note_dialled(host, dialled[-1])
        response = await _beginning(answer)
        is_delivered = answer.status // 100 == 2  # noqa: PLR2004 - 2xx
        wish = 0 if is_delivered else wish_ms(answer.headers.get("Retry-After"), now_ms)
        reason = f"http_{answer.status}"
        return Outcome(is_delivered, reason, answer.status, self._dialled_of.get(host), response, wish)

    def _note_dialled(self, host: tuple[str | None, int | None], address: str) -> None:
        """Remember where a connection leads; customers may name as many hosts as they like, and memory has an end."""
        if len(self._dialled_of) >= KNOWN_HOSTS:
            self._dialled_of.clear()
        self._dialled_of[host] = address


def _judged_socket(guard: Guard, candidate: aiohttp.AddrInfoType) -> socket.socket:
    """Make a socket for the address that is dialled, if that may be; names are judged before, but literals are not."""
    family, kind, protocol, _, address = candidate
    if not guard.may_dial(str(address[0])):
        raise AddressRefusedError
    _dialled.get([]).append(str(address[0]))
    return socket.socket(family, kind, protocol)


def _is_of_kept_connection(error: Exception) -> bool:
    """Tell whether *error* can mean that a connection was closed while it was idle."""
    is_closed = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
    return is_closed and not isinstance(error, aiohttp.ClientConnectorError)


async def _beginning(answer: aiohttp.ClientResponse) -> str | None:
    """Read the answer's body, if it is short: then its connection may be kept; return the beginning as text."""
    read = answer.content.read_nowait(BODY_LIMIT)
    if answer.content.at_eof():
        return _text_of(read)
    try:
        async with asyncio.timeout(BODY_S):
            while not answer.content.at_eof() and len(read) < BODY_LIMIT:
                read += await answer.content.read(BODY_LIMIT - len(read))
    except (aiohttp.ClientError, TimeoutError, OSError):
        answer.close()
    return _text_of(read)


def _text_of(body: bytes) -> str | None:
    return body[:KEPT_OF_BODY].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}") or None
