"""What came of a try, in words: a closed list, for the log, the metrics and the owner of the webhook."""

import email.utils
import errno
import ssl
from typing import NamedTuple

import aiohttp

from blueport.server.notifying.egress.guard import AddressRefusedError

GONE = 410
TOO_BUSY = (429, 503)
TIMED_OUT = ("timeout", "connect_timeout")

_OF_ERRNO = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ETIMEDOUT: "connect_timeout",
}
# OpenSSL's numbers of what is wrong with a certificate.
_OF_CERTIFICATE = {10: "certificate_expired", 62: "certificate_of_another_host", 64: "certificate_of_another_host"}
# What a try is called whose end nobody knows: the process that made it has died.
INTERRUPTED = "interrupted"
NOT_RENDERED = "not_rendered"
NOT_SIGNED = "not_signed"
URL_NOT_ALLOWED = "url_not_allowed"


class Outcome(NamedTuple):
    """How a try ended: a 2xx, or a reason why not; `response` is the beginning of the answer's body.

    `wish_ms` is how long the receiver asked to be left alone.
    """

    is_delivered: bool
    reason: str
    status: int | None = None
    address: str | None = None
    response: str | None = None
    wish_ms: int = 0

    @property
    def is_final(self) -> bool:
        """Tell whether another try could come to nothing else."""
        return self.status == GONE or self.reason == NOT_RENDERED


def reason_of(error: Exception) -> str:
    """Return the word for what kept a try from being answered."""
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ClientConnectorCertificateError():
            return _reason_of_connecting(error)
        case aiohttp.ConnectionTimeoutError():
            return "connect_timeout"
        case TimeoutError():
            return "timeout"
        case OSError():
            return _OF_ERRNO.get(error.errno or 0, "not_connected")
        case _:
            return "hung_up" if isinstance(error, aiohttp.ServerDisconnectedError) else "bad_answer"


def _reason_of_connecting(error: aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _reason_of_certificate(error.certificate_error)
    if isinstance(error, aiohttp.ClientSSLError) or isinstance(error.os_error, ConnectionResetError):
        return "tls_failed"  # who wants no connection refuses it; one that is cut off was about to agree on TLS
    if isinstance(error.os_error, AddressRefusedError):
        return "address_not_allowed"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "name_not_resolved"
    return _OF_ERRNO.get(error.os_error.errno or 0, "not_connected")


def _reason_of_certificate(error: Exception) -> str:
    number = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else None
    return _OF_CERTIFICATE.get(number or 0, "certificate_not_trusted")


def wish_ms(retry_after: str | None, now_ms: int) -> int:
    """Return for how long a `Retry-After`, in seconds or as a date, asks us to wait; 0 if it does not say."""
    if not retry_after:
        return 0
    if retry_after.isdecimal() and retry_after.isascii():
        return int(retry_after[:12]) * 1000
    try:
        asked_at = email.utils.parsedate_to_datetime(retry_after).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0
    return max(0, round(asked_at * 1000) - now_ms)
