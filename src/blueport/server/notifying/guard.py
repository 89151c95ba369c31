"""Which hosts a webhook may reach: public ones, and those that the operator allows.

What is judged is the address that is dialled, when it is dialled: a name that was public at creation may not be any
more.
"""

import ipaddress
import re
from urllib.parse import urlsplit

import msgspec

from blueport.server.errors import MisconfiguredError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# `is_global` calls these public although no public receiver lives there.
_NEVER_PUBLIC: tuple[Network, ...] = (
    ipaddress.IPv4Network("168.63.129.16/32"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv4Network("224.0.0.0/4"),
    ipaddress.IPv6Network("::/96"),
    ipaddress.IPv6Network("::ffff:0:0:0/96"),
    ipaddress.IPv6Network("64:ff9b:1::/48"),
    ipaddress.IPv6Network("3fff::/20"),
    ipaddress.IPv6Network("5f00::/16"),
    ipaddress.IPv6Network("fec0::/10"),
    ipaddress.IPv6Network("ff00::/8"),
)


class AddressRefusedError(OSError):
    """A name leads to, or a URL is, an address that may not be dialled."""


class Guard(msgspec.Struct, frozen=True):
    """The operator's exceptions: hosts and networks that need not be public, and may be spoken to in plain http."""

    hosts: frozenset[str]
    networks: tuple[Network, ...]

    def url_fault(self, url: str) -> str | None:
        """Say what is wrong with *url* as the address of a receiver, or None."""
        try:
            parts = urlsplit(url)
            host, port = _host(parts.hostname or ""), parts.port
        except ValueError:
            return "is not a URL"
        if any(character.isspace() or not character.isprintable() for character in url) or "\\" in url:
            return "may hold no spaces, control characters or backslashes"
        if not host or port == 0 or ("[" in parts.netloc and _literal(host) is None):
            return "needs a host"
        if parts.username is not None or parts.password is not None:
            return "may hold no user name or password"
        return self._host_fault(parts.scheme, host)

    def trusts(self, url: str) -> bool:
        """Tell whether the operator named the host of *url*, wherever it may be."""
        return _host(urlsplit(url).hostname or "") in self.hosts

    def may_dial(self, dialled: str) -> bool:
        """Tell whether a connection to the address *dialled* is allowed, whatever name led there."""
        address = ipaddress.ip_address(dialled.partition("%")[0])
        return self._is_allowed(address) or _is_public(address)

    def _host_fault(self, scheme: str, host: str) -> str | None:
        address = _literal(host)
        is_allowed = host in self.hosts or (address is not None and self._is_allowed(address))
        if scheme == "http" and not is_allowed:
            return "must begin with https://"
        if scheme not in ("http", "https"):
            return "must begin with https://"
        if address is not None and not is_allowed and not _is_public(address):
            return "must name a public host"
        if address is None and not is_allowed and not _is_domain(host):
            return "must name a public host"
        return None

    def _is_allowed(self, address: Address) -> bool:
        # A mapped address is dialled as IPv4; all other forms that hold one lead elsewhere.
        plain = (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped) or address
        return any(plain in network for network in self.networks)


def guard_of(allowed: str) -> Guard:
    """Read the operator's comma-separated list of hosts and networks, as in `n8n,192.168.1.0/24`.

    Raises:
        MisconfiguredError: A word with a slash is no network.
    """
    hosts: set[str] = set()
    networks: list[Network] = []
    for word in filter(None, (part.strip().lower() for part in allowed.split(","))):
        if "/" in word:
            networks.append(_network(word))
        else:
            hosts.add(word)
    return Guard(frozenset(hosts), tuple(networks))


def _network(word: str) -> Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        raise MisconfiguredError("`webhook_allow` takes hosts, and networks as `192.168.1.0/24` is one") from None


def _host(given: str) -> str:
    """Return the host as it will be looked up, names in other alphabets as IDNA writes them.

    Raises:
        ValueError: It cannot be written so.
    """
    return given if given.isascii() else given.encode("idna").decode()


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_domain(host: str) -> bool:
    """Tell whether *host* could be a public name. `10.1` and `0x7f.1` are not: resolvers take them for addresses."""
    labels = host.removesuffix(".").split(".")
    return len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, if it stands for one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    teredo = address.teredo
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _is_public(address: Address) -> bool:
    plain = _unwrapped(address)
    return plain.is_global and not any(plain in network for network in _NEVER_PUBLIC)
