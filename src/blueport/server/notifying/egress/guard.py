"""Which hosts a webhook may reach: public ones, and those that the operator allows.

What is judged is the address that is dialled, when it is dialled: a name that was public at creation may not be any
more. That the URL is judged as well tells its owner at once.
"""

import ipaddress
from functools import lru_cache

import msgspec

from blueport.server.errors import MisconfiguredError
from blueport.server.notifying.egress import addresses
from blueport.server.notifying.egress.addresses import Address, Network
from blueport.server.notifying.egress.targets import (
    HTTPS_PORT,
    URL_LIMIT,
    Target,
    UnfitUrlError,
    is_domain,
    name_of,
    target_of,
)
from blueport.server.settings import words_in

# How many URLs are not judged anew at each try.
KEPT_VERDICTS = 4096
# Below, each port has its service.
FIRST_FREE_PORT = 1024
# Above, these have one that is no web server's, and that could take what it is sent for orders.
OTHER_SERVICES = frozenset(
    {
        *(1433, 1434, 1521, 2483, 2484, 3050, 3306, 5432, 5433, 5439, 6432, 33060, 50000),  # SQL databases
        *(5984, 7199, 7474, 7687, 8087, 9042, 9160, 9200, 9300, 27017, 27018, 27019, 28015, 28017),  # and others
        *(6379, 6380, 11210, 11211, 16379, 26379),  # caches
        *(1883, 4222, 5671, 5672, 8883, 9092, 15672, 61613, 61616),  # queues
        *(2181, 2379, 2380, 4369, 7946, 8300, 8301, 8500, 8600),  # what holds clusters together
        *(2375, 2376, 2377, 4243, 6443, 10250, 10255, 10256, 10257, 10259),  # Docker and Kubernetes
        *(1099, 3389, 3690, 4045, 5037, 5555, 5900, 5901, 5985, 5986, 9418),  # remote control, and code
        *(2049, 3260, 6566, 9100, 10080, 50070),  # disks, backups and printers
        *(2525, 3268, 3269, 3659, 4190, 10025),  # mail and directories
        *(1719, 1720, 1723, 5038, 5060, 5061, 5222, 5269),  # telephones and tunnels
        *(1080, 3128),  # proxies
        *range(6000, 6064),  # X11
        *(*range(6660, 6670), 6679, 6697),  # IRC
    }
)
# Names for within a house or a company, and those that the domain name system keeps for itself (RFC 6761 and 2606).
INNER_DOMAINS = frozenset(
    {
        *("alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion", "test"),
        *("consul", "corp", "docker", "domain", "gateway", "home", "intranet", "lan", "localdomain", "localnet"),
        *("mail", "private", "svc", "workgroup"),
    }
)
_EVERYWHERE: tuple[Network, ...] = (ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0"))


class AddressRefusedError(OSError):
    """An address that nobody may dial; it has no message, which could tell a stranger what a name leads to."""


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong with a URL, if anything is, and whether the operator named its host."""

    fault: str | None
    is_named: bool = False


class Guard:
    """Judges by the operator's exceptions: hosts and networks that need not be public, and may be spoken to in http."""

    def __init__(self, hosts: frozenset[str], networks: tuple[Network, ...], *, allows_metadata: bool = False) -> None:
        """Allow *hosts* and *networks*, and of the latter those addresses that *allows_metadata* is about."""
        self._hosts = hosts
        self._networks = networks
        self._allows_metadata = allows_metadata
        # A URL is judged at each try of each delivery, and always alike.
        self._kept = lru_cache(KEPT_VERDICTS)(self._judged)

    def url_fault(self, url: str) -> str | None:
        """Say what is wrong with *url* as the address of a receiver, or None."""
        return self._verdict(url).fault

    def trusts(self, url: str) -> bool:
        """Tell whether the operator named the host of *url*, wherever it may be."""
        return self._verdict(url).is_named

    def may_dial(self, dialled: str) -> bool:
        """Tell whether a connection to the address *dialled* is allowed, whatever name led there."""
        address = addresses.read(dialled)
        if address is None or self._is_secret(address):
            return False
        return self._is_allowed(address) or addresses.is_public(address)

    def of_named_hosts(self) -> "Guard":
        """Return the guard of connections to hosts that the operator named: they may be anywhere but at metadata."""
        return Guard(self._hosts, _EVERYWHERE, allows_metadata=self._allows_metadata)

    def _verdict(self, url: str) -> Verdict:
        # What is too long would only take memory.
        return self._kept(url) if len(url) <= URL_LIMIT else self._judged(url)

    def _judged(self, url: str) -> Verdict:
        try:
            target = target_of(url)
        except UnfitUrlError as error:
            return Verdict(str(error))
        is_named = target.address is None and target.host in self._hosts
        if is_named or (target.address is not None and self._is_open(target.address)):
            return Verdict(None, is_named)
        return Verdict(_fault(target))

    def _is_open(self, address: Address) -> bool:
        return self._is_allowed(address) and not self._is_secret(address)

    def _is_allowed(self, address: Address) -> bool:
        dialled = addresses.as_dialled(address)
        return any(dialled in network for network in self._networks)

    def _is_secret(self, address: Address) -> bool:
        return not self._allows_metadata and addresses.is_metadata(address)


def guard_of(allowed: str, *, allows_metadata: bool = False) -> Guard:
    """Read the operator's comma-separated list of hosts, addresses and networks, as in `n8n,192.168.1.0/24`.

    Raises:
        MisconfiguredError: A word is none of them.
    """
    hosts: set[str] = set()
    networks: list[Network] = []
    for word in words_in(allowed):
        address = addresses.read(word)
        if "/" in word or address is not None:
            networks.append(_network(word if address is None else str(address)))
        else:
            hosts.add(_host(word))
    return Guard(frozenset(hosts), tuple(networks), allows_metadata=allows_metadata)


def _network(word: str) -> Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        raise _misconfigured() from None


def _host(word: str) -> str:
    host = name_of(word)
    if host is None or not is_domain(host):
        raise _misconfigured()
    return host


def _misconfigured() -> MisconfiguredError:
    return MisconfiguredError("`webhook_allow` takes hosts as `n8n` is one, and networks as `192.168.1.0/24` is one")


def _fault(target: Target) -> str | None:
    """Say what is wrong with what the operator did not allow."""
    if not target.is_https:
        return "must begin with https://"
    is_public = _is_public_name(target.host) if target.address is None else addresses.is_public(target.address)
    if not is_public:
        return "must name a public host"
    if target.port != HTTPS_PORT and (target.port < FIRST_FREE_PORT or target.port in OTHER_SERVICES):
        return f"may have port {HTTPS_PORT}, or one from {FIRST_FREE_PORT} on that is not another service's"
    return None


def _is_public_name(host: str) -> bool:
    labels = host.split(".")
    return len(labels) > 1 and is_domain(host) and labels[-1] not in INNER_DOMAINS
