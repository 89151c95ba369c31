"""What other sites can do to the simulated people by way of a developer's browser, on every path alike: nothing."""

import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from blueport.simulator.app import app_of
from blueport.simulator.news import News
from blueport.simulator.settings import Settings
from tests.simulator.scripting import ADA

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
]
OURS: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://testserver"},
]
ELSEWHERE = ["evil.example", "evil.example:8026", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example."]
HERE = ["127.0.0.1:8026", "localhost:8026", "[::1]:8026", "192.168.1.7", "macmini.local:8026", "simulator", "LOCALHOST"]


@pytest.fixture
def app(settings: Settings) -> Starlette:
    return app_of(settings, News())


@pytest.fixture
def browser(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def requests(app: Starlette) -> list[tuple[str, str]]:
    """Return a method and a path for all that there is: whatever is made tomorrow is among it."""
    made: list[tuple[str, str]] = []
    for route in app.routes:
        assert isinstance(route, Route | Mount)
        methods = ["GET"] if isinstance(route, Mount) else sorted((route.methods or set()) - {"HEAD"})
        path = re.sub(r"\{handle\}", ADA, route.path) + ("/phone.css" if isinstance(route, Mount) else "")
        made += [(method, re.sub(r"\{[^}]*\}", "any", path)) for method in methods]
    return made


def test_no_page_of_another_site_changes_anything_anywhere(app: Starlette, browser: TestClient) -> None:
    changing = [(method, path) for method, path in requests(app) if method != "GET"]

    statuses = {
        (method, path, *said.values()): browser.request(method, path, headers=said, content=b"{}").status_code
        for method, path in changing
        for said in FOREIGN
    }

    assert len(changing) > 10
    assert {asked for asked, status in statuses.items() if status != 403} == set()


@pytest.mark.parametrize("said", OURS)
def test_a_page_of_ours_and_a_program_do(browser: TestClient, said: dict[str, str]) -> None:
    assert browser.post("/people", json={"handle": ADA}, headers=said).status_code == 201


def test_a_name_that_is_made_to_point_here_finds_nothing(app: Starlette, browser: TestClient) -> None:
    statuses = {
        (method, path, host): browser.request(method, path, headers={"Host": host}).status_code
        for method, path in requests(app)
        for host in ELSEWHERE
    }

    assert {asked for asked, status in statuses.items() if status != 403} == set()


@pytest.mark.parametrize("host", HERE)
def test_the_names_of_this_machine_lead_here(browser: TestClient, host: str) -> None:
    assert browser.get("/people", headers={"Host": host}).status_code == 200


def test_every_answer_tells_browsers_what_to_trust_and_lets_nobody_frame_it(
    app: Starlette, browser: TestClient
) -> None:
    asked = [path for method, path in requests(app) if method == "GET" and not path.endswith("/events")]
    for path in [*asked, "/nowhere"]:
        told = browser.get(path).headers

        policy = told["content-security-policy"].split("; ")
        assert {"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"} <= set(policy)
        assert "unsafe" not in told["content-security-policy"]
        assert (told["x-content-type-options"], told["x-frame-options"]) == ("nosniff", "DENY"), path
        assert told["referrer-policy"] == "no-referrer"
