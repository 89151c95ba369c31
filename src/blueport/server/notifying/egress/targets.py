"""Reads the URL of a receiver, for who judges it as for who dials it: where two readings differ, there is a way in."""

import ipaddress
import re
import unicodedata

import msgspec
from yarl import URL

from blueport.server.notifying.egress import addresses
from blueport.server.notifying.egress.addresses import Address

URL_LIMIT = 2048
NAME_LIMIT = 253
HTTPS_PORT = 443
HTTP_PORT = 80

_URL = re.compile(r"(https?)://([^/?#]*)(?:[/?].*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@%]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# Resolvers take `10.1`, `0x7f.1` and `2130706433` for addresses.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LAST_PORT = 65_535


class UnfitUrlError(ValueError):
    """What a URL of a receiver may not be; the message goes on from `url`."""


class Target(msgspec.Struct, frozen=True):
    """Where a URL leads: *host* as it is looked up (small, by IDNA, without a last dot), or the *address* it is."""

    is_https: bool
    host: str
    address: Address | None
    port: int


def as_given(url: str) -> URL:
    """Return *url* as its owner wrote it: receivers sign and route by every character.

    Raises:
        ValueError: It is no URL.
    """
    return URL(url, encoded=url.isascii())


def target_of(url: str) -> Target:
    """Read *url*.

    Raises:
        UnfitUrlError: It is none, or could be read in more than one way.
    """
    scheme, authority = _parts(url)
    if "@" in authority:
        raise UnfitUrlError("may hold no user name or password")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise UnfitUrlError("needs a host, and may have a port in digits")
    is_https = scheme.lower() == "https"
    port = int(match[2] or (HTTPS_PORT if is_https else HTTP_PORT))
    if not 0 < port <= _LAST_PORT:
        raise UnfitUrlError("needs a port from 1 to 65535")
    address = _bracketed(match[1]) if match[1].startswith("[") else addresses.read(match[1])
    host = str(address) if address is not None else name_of(match[1])
    if host is None:
        raise UnfitUrlError("needs a host that can be looked up")
    target = Target(is_https, host, address, port)
    if not _is_dialled(url, target):
        raise UnfitUrlError("is not a URL")
    return target


def name_of(given: str) -> str | None:
    """Return the name that is looked up for the host *given*; None if it cannot be, or if another one would be.

    A name in another alphabet must be what its IDNA form is shown as: one of full-width or circled letters is not.
    """
    try:
        read = URL.build(scheme="https", host=given)
        looked_up, shown = read.raw_host or "", read.host or ""
    except ValueError:
        return None
    is_same = (looked_up if given.isascii() else shown).lower() == unicodedata.normalize("NFC", given).lower()
    return looked_up.lower().removesuffix(".") if is_same else None


def is_domain(host: str) -> bool:
    """Tell whether *host* could be a name in the domain name system, and no resolver takes it for an address."""
    labels = host.split(".")
    is_name = len(host) <= NAME_LIMIT and all(map(_LABEL.fullmatch, labels))
    return is_name and not _NUMBER.fullmatch(labels[-1])


def _parts(url: str) -> tuple[str, str]:
    """Return scheme and authority."""
    if len(url) > URL_LIMIT:
        raise UnfitUrlError(f"may have at most {URL_LIMIT} characters")
    if any(character.isspace() or not character.isprintable() for character in url) or "\\" in url:
        raise UnfitUrlError("may hold no spaces, control characters or backslashes")
    if "#" in url:
        raise UnfitUrlError("may hold no fragment")
    match = _URL.fullmatch(url)
    if match is None:
        raise UnfitUrlError("must begin with https://")
    return match[1], match[2]


def _bracketed(given: str) -> Address:
    address = addresses.read(given[1:-1])
    if not isinstance(address, ipaddress.IPv6Address):
        raise UnfitUrlError("may have brackets around an IPv6 address only")
    return address


def _is_dialled(url: str, target: Target) -> bool:
    """Tell whether the client, which reads URLs in its own way, will go to *target*."""
    try:
        read = as_given(url)
    except ValueError:
        return False
    host = read.raw_host or ""
    is_there = host.lower().removesuffix(".") == target.host or addresses.read(host) == target.address is not None
    return is_there and (read.scheme == "https", read.port) == (target.is_https, target.port)
