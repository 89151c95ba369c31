"""Receivers behind TLS: their certificates are judged, always."""

import asyncio
import contextlib
import datetime as dt
import ssl
import warnings
from pathlib import Path

import pytest

from blueport.server.notifying.delivering.outcomes import Outcome
from blueport.server.notifying.delivering.sender import HttpSender
from blueport.server.notifying.egress.guard import guard_of
from tests.server.certificates import Authority
from tests.server.receiver import READY

HOME = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError):
        await reader.readuntil(b"\n")
        writer.write(OK)
        await writer.drain()
    writer.close()


async def _outcome(server: ssl.SSLContext | None, trust: ssl.SSLContext | None) -> Outcome:
    """Try a receiver that shows what *server* has; without one it speaks no TLS."""
    sender = HttpSender(guard_of(HOME), 5, authorities=trust)
    async with await asyncio.start_server(_answer, HOME, 0, ssl=server) as listening:
        port = listening.sockets[0].getsockname()[1]
        outcome = await sender.attempt(f"https://{HOME}:{port}/hook", READY, 0)
    await sender.close()
    return outcome


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_a_certificate_of_the_host_by_who_is_trusted_is_taken(authority: Authority) -> None:
    outcome = await _outcome(authority.server(HOME), authority.trust())

    assert (outcome.is_delivered, outcome.reason, outcome.address) == (True, "http_200", HOME)


async def test_one_of_another_host_is_refused(authority: Authority) -> None:
    assert (await _outcome(authority.server("example.com"), authority.trust())).reason == "certificate_of_another_host"


async def test_one_that_is_over_is_refused(authority: Authority) -> None:
    over = authority.server(HOME, until=-dt.timedelta(days=2))

    assert (await _outcome(over, authority.trust())).reason == "certificate_expired"


async def test_one_by_who_is_not_trusted_is_refused(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")  # whom this machine trusts
    stranger = Authority(tmp_path)

    assert (await _outcome(stranger.server(HOME), authority.trust())).reason == "certificate_not_trusted"
    assert (await _outcome(stranger.server(HOME), None)).reason == "certificate_not_trusted"


async def test_who_speaks_an_old_version_is_refused(authority: Authority) -> None:
    old = authority.server(HOME)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    trust = authority.trust()
    trust.set_ciphers("ALL:@SECLEVEL=0")

    assert (await _outcome(old, trust)).reason == "tls_failed"


async def test_who_speaks_none_is_refused(authority: Authority) -> None:
    assert (await _outcome(None, authority.trust())).reason in ("tls_failed", "reset")
