"""Which addresses are public, by a table of our own: `ipaddress.is_global` differs from one Python to the next.

An IPv6 address may stand for an IPv4 one, which a gateway or the kernel then dials. So each that could hide in it is
judged too, and one that may not be dialled is not dialled in any clothes.
"""

import ipaddress
from typing import NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Carrier(NamedTuple):
    """A block of IPv6 addresses that hold an IPv4 one *shift* bits from their end, its bits inverted by *flips*."""

    block: Network
    shift: int
    flips: int = 0


def _networks(*blocks: str) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, blocks))


# The registries of special-purpose addresses (RFC 6890) as of 2026, and what else has no receiver behind it.
_NOT_PUBLIC = _networks(
    "0.0.0.0/8",  # this network, and this host
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # shared by the customers of a carrier
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link-local
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocols of the IETF
    "192.0.2.0/24",  # documentation
    "192.31.196.0/24",  # AS112: whoever is nearest answers
    "192.52.193.0/24",  # relays of multicast
    "192.88.99.0/24",  # relays of 6to4
    "192.168.0.0/16",  # private
    "192.175.48.0/24",  # AS112
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and broadcast
    "2001::/23",  # protocols of the IETF
    "2001:db8::/32",  # documentation
    "2620:4f:8000::/48",  # AS112
    "3ffe::/16",  # the 6bone, given back
    "3fff::/20",  # documentation
)
# All that is public in IPv6 begins with these three bits: no loopback, no fe80::, no fd00::, no multicast does.
_UNICAST = ipaddress.IPv6Network("2000::/3")
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_HERE = ipaddress.IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_TEREDO = ipaddress.IPv6Network("2001::/32")
# Whether these lead to somewhere public is for the addresses in them to say.
_GATEWAYS = (_MAPPED, _NAT64, _SIX_TO_FOUR, _TEREDO)
_CARRIERS = (
    Carrier(_MAPPED, 0),
    Carrier(_NAT64, 0),
    Carrier(_NAT64_HERE, 0),
    Carrier(_SIX_TO_FOUR, 80),
    Carrier(_TEREDO, 64),  # the server
    Carrier(_TEREDO, 0, flips=0xFFFF_FFFF),  # the client
    Carrier(ipaddress.IPv6Network("::/96"), 0),  # IPv4-compatible
    Carrier(ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),  # SIIT
)
# A local NAT64 may also have a prefix of 48, 56 or 64 bits: the address follows it, with eight bits of zero within.
_NAT64_HERE_SHIFTS = (40, 32, 24)
_ISATAP = 0x0000_5EFE
# Whether an ISATAP address claims to be unique, and to be a group's, changes nothing.
_ISATAP_FLAGS = 0x0300_0000
# Where a cloud tells its machines their secrets, and what else its provider answers there.
_METADATA = _networks(
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure's wire server
    "169.254.0.23/32",  # Tencent
    "169.254.42.42/32",  # Scaleway
    "169.254.169.0/24",  # nearly all: metadata at .254, names and time beside it
    "169.254.170.0/24",  # roles of Amazon's containers
    "192.0.0.192/32",  # Oracle's older cloud
    "192.80.8.124/32",  # Equinix
    "fd00:42::42/128",  # Scaleway
    "fd00:100::100:200/128",  # Alibaba
    "fd00:a9fe:a9fe::/48",  # Linode
    "fd00:c1::a9fe:a9fe/128",  # Oracle
    "fd00:ec2::/32",  # Amazon
    "fd20:ce::254/128",  # Google
    "fe80::a9fe:a9fe/128",  # OpenStack
)


def read(word: str) -> Address | None:
    """Return the address that *word* is, whatever its zone; None if it is none."""
    try:
        return ipaddress.ip_address(word.partition("%")[0])
    except ValueError:
        return None


def as_dialled(address: Address) -> Address:
    """Return what is dialled for *address*: a mapped one is IPv4 to the kernel. All other forms lead elsewhere."""
    return (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped) or address


def is_public(address: Address) -> bool:
    """Tell whether *address* leads to the internet, and every address that it could stand for does."""
    return _is_routed(address) and all(map(_is_listed_nowhere, hidden(address))) and not is_metadata(address)


def is_metadata(address: Address) -> bool:
    """Tell whether a cloud answers its machines at *address*, or at one that it could stand for."""
    return any(each in block for each in (address, *hidden(address)) for block in _METADATA)


def hidden(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 one could stand for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    bits = int(address)
    found = [bits >> each.shift ^ each.flips for each in _CARRIERS if address in each.block]
    if address in _NAT64_HERE:
        found += [_without_its_zeros(bits) >> shift for shift in _NAT64_HERE_SHIFTS]
    if bits >> 32 & 0xFFFF_FFFF & ~_ISATAP_FLAGS == _ISATAP:
        found.append(bits)
    return [ipaddress.IPv4Address(each & 0xFFFF_FFFF) for each in found]


def _without_its_zeros(bits: int) -> int:
    """Return the 120 bits of an address that RFC 6052 fills: bits 64 to 71 are none of them."""
    return bits >> 64 << 56 | bits & (1 << 56) - 1


def _is_routed(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return _is_listed_nowhere(address)
    if any(address in block for block in _GATEWAYS):
        return True
    return address in _UNICAST and _is_listed_nowhere(address)


def _is_listed_nowhere(address: Address) -> bool:
    return not any(address in block for block in _NOT_PUBLIC)
