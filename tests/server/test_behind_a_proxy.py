"""Whose address a request is known by, where a proxy stands before the server."""

from collections.abc import Iterator

import pytest

from blueport.server.errors import MisconfiguredError
from tests.databases import Database
from tests.server.browsers import Browser
from tests.server.dashboard import seen
from tests.server.world import Clock, World

pytestmark = pytest.mark.one_store("headers are read the same, whatever the store")
PROXY, INNER_PROXY, CLIENT = "203.0.113.1", "10.0.0.7", "198.51.100.9"
TRUSTED = f"{PROXY}, 10.0.0.0/24, 2001:db8::/64"


@pytest.fixture(scope="module")
def world(shared_database: Database) -> Iterator[World]:
    with World(shared_database, Clock(), dashboard_token="a-token", trusted_proxies=TRUSTED).open() as world:
        yield world


def known_by(world: World, peer: str, **headers: str) -> str:
    """Return the address that the audit log has of one who connects from *peer*."""
    Browser(world, peer).get("/dashboard?token=a-token", **headers)
    return str(world.sql("SELECT address FROM audit_log ORDER BY seq DESC")[0][0])


def test_a_client_is_who_a_trusted_proxy_says(world: World) -> None:
    assert known_by(world, PROXY, X_Forwarded_For=CLIENT) == CLIENT
    assert known_by(world, "2001:db8::5", X_Forwarded_For=CLIENT) == CLIENT
    assert known_by(world, PROXY, X_Forwarded_For=f"{CLIENT}, {INNER_PROXY}") == CLIENT


@pytest.mark.parametrize("claimed", ["127.0.0.1", PROXY, "10.0.0.1", "unknown", "<script>", ""])
def test_what_a_client_claims_before_the_proxy_added_its_address_counts_for_nothing(world: World, claimed: str) -> None:
    assert known_by(world, PROXY, X_Forwarded_For=f"{claimed}, {CLIENT}") == CLIENT


def test_who_is_no_trusted_proxy_is_known_by_the_connection(world: World) -> None:
    assert known_by(world, CLIENT, X_Forwarded_For="192.0.2.77") == CLIENT
    assert known_by(world, "2001:db8:0:1::5", X_Forwarded_For="192.0.2.77") == "2001:db8:0:1::5"


def test_a_proxy_that_says_nothing_is_the_client(world: World) -> None:
    assert known_by(world, PROXY) == PROXY
    assert known_by(world, PROXY, X_Forwarded_For="") == PROXY


def test_wrong_secrets_are_counted_for_who_shows_them_and_not_for_the_proxy(world: World) -> None:
    proxy = Browser(world, PROXY)
    statuses = [proxy.get("/dashboard?token=x", X_Forwarded_For="192.0.2.55").status_code for _ in range(201)]

    assert set(statuses[:-1]) == {403}
    assert statuses[-1] == 429
    assert proxy.get("/dashboard?token=x", X_Forwarded_For="192.0.2.56").status_code == 403


def test_the_scheme_is_what_a_trusted_proxy_says(world: World) -> None:
    said = {"Origin": "https://testserver", "X-Forwarded-Proto": "https"}
    trusted, stranger = Browser(world, PROXY), Browser(world, CLIENT)
    for browser in (trusted, stranger):
        browser.get("/dashboard?token=a-token")
        browser.at_home()

    assert trusted.asks("POST", "/dashboard/sign-out", {"csrf": trusted.csrf}, said).status_code == 303
    assert stranger.asks("POST", "/dashboard/sign-out", {"csrf": stranger.csrf}, said).status_code == 403


def test_without_a_named_proxy_no_header_is_believed(database: Database) -> None:
    with World(database, Clock(), dashboard_token="a-token").open() as world:
        assert known_by(world, "127.0.0.1", X_Forwarded_For=CLIENT) == "127.0.0.1"


def test_the_settings_tell_who_is_believed(world: World) -> None:
    operator = Browser(world)
    operator.get("/dashboard?token=a-token")

    assert TRUSTED in seen(operator, "/dashboard/settings")


@pytest.mark.parametrize("trusted", ["*", "0.0.0.0/0", "::/0", "proxy.internal", "10.0.0.1/24", "127.0.0.1; ::1"])
def test_what_is_no_proxy_stops_the_start(database: Database, trusted: str) -> None:
    with (
        pytest.raises(MisconfiguredError, match="trusted_proxies"),
        World(database, Clock(), trusted_proxies=trusted).open(),
    ):
        pass
