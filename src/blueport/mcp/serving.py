"""Runs the server, on standard input and output or over HTTP.

Over HTTP everybody brings a key of his own: the server has none to lend, so whoever reaches its port can do no more
than he can at the API, under the scopes, lines and limits of his own key.
"""

import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator

import httpx2
import uvicorn
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from blueport.mcp.answering import Context, server_for
from blueport.mcp.caller import Caller
from blueport.mcp.downloading import refuse_what_is_large
from blueport.mcp.fence import Fence
from blueport.mcp.gate import Callers, Gate, key_in
from blueport_sdk import AsyncClient

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_GRACE_S = 2


async def serve_stdio(fence: Fence, *, api_key: str, base_url: str, line: str | None) -> None:
    """Serve one client, under one key, until it hangs up; *line* is meant where a tool is told none."""
    async with _connections() as http:
        caller = Caller(AsyncClient(api_key, base_url, http=http), fence, line)
        server = server_for(fence, lambda _context: caller)
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())


async def serve_http(fence: Fence, listening: socket.socket, *, names: list[str], base_url: str) -> None:
    """Serve whoever has a key, on a socket that listens, until told to end.

    Args:
        fence: What holds for all of them.
        listening: Where.
        names: As `host` or `host:port`, under which it may be called beside the loopback's.
        base_url: Where the API is.
    """
    async with _connections() as http:
        callers = Callers(lambda key: Caller(AsyncClient(key, base_url, http=http), fence))
        app = server_for(fence, lambda context: callers.of(_key_of(context))).streamable_http_app(
            transport_security=_security([*names, *_own_names(listening)])
        )
        config = uvicorn.Config(
            Gate(app, callers),
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
        )
        await uvicorn.Server(config).serve([listening])


@contextlib.asynccontextmanager
async def _connections() -> AsyncIterator[httpx2.AsyncClient]:
    """Return the connections to the API, which all callers share."""
    async with httpx2.AsyncClient(event_hooks={"response": [refuse_what_is_large]}) as http:
        yield http


def _key_of(context: Context) -> str:
    """Return the key of the very request: a session that was begun under another one lends nothing."""
    request = context.request
    return "" if request is None else key_in(request.headers.get("authorization", "")) or ""


def _own_names(listening: socket.socket) -> list[str]:
    """Return the address that it listens on, unless that is all of this machine's."""
    address = ipaddress.ip_address(listening.getsockname()[0])
    if address.is_unspecified:
        return []
    return [f"[{address}]" if address.version == 6 else str(address)]  # noqa: PLR2004


def _security(names: list[str]) -> TransportSecuritySettings:
    """Return what keeps a web page from calling us under a name of its own that leads here (DNS rebinding)."""
    hosts = [*names, *(f"{name}:*" for name in (*names, *_LOOPBACK))]
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)
