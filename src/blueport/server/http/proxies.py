"""Whose word on where a request comes from is believed, beside that of the connection."""

import ipaddress

from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from blueport.server.errors import MisconfiguredError
from blueport.server.settings import words_in


def believing(app: ASGIApp, trusted: str) -> ASGIApp:
    """Have *app* see a request as it came to the proxies of *trusted*, a list with commas of addresses and networks.

    The client is the rightmost address of X-Forwarded-For that is none of theirs: what stands left of it the client
    said. The scheme is X-Forwarded-Proto. Nobody else's headers count, and with no proxy none.

    Raises:
        MisconfiguredError: A word is no address and no network, or a network is everybody.
    """
    networks = [_network(word) for word in words_in(trusted)]
    # Starlette's and uvicorn's names for the same shapes differ.
    return ProxyHeadersMiddleware(app, networks) if networks else app  # type: ignore[arg-type,return-value]


def _network(word: str) -> str:
    try:
        network = ipaddress.ip_network(word)
    except ValueError:
        raise _misconfigured() from None
    if network.prefixlen == 0:  # whoever believes everybody believes the client too
        raise _misconfigured()
    return str(network)


def _misconfigured() -> MisconfiguredError:
    return MisconfiguredError(
        "`trusted_proxies` takes addresses as `127.0.0.1` is one, and networks as `10.0.0.0/24` is"
    )
