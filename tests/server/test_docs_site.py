"""GET /docs: the documentation as it was built, and nothing else."""

import base64
import contextlib
import hashlib
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from starlette.routing import Router
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from blueport.server.describing.site import Site
from blueport.server.http.routing import Paths
from tests.server.answers import assert_refused
from tests.server.world import World

SCRIPT = b"document.body.className = 'js'"
PAGE = b"<!doctype html><title>Lines</title><script>" + SCRIPT + b"</script>"
LOST = b"<!doctype html><title>Not found</title>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / "lines").mkdir(parents=True)
    (site / "assets").mkdir()
    (site / "index.html").write_bytes(b"<!doctype html><title>Blueport</title>")
    (site / "lines" / "index.html").write_bytes(PAGE)
    (site / "404.html").write_bytes(LOST)
    (site / "assets" / "main.0a1b2c3d.min.css").write_bytes(b"body {}")
    (tmp_path / "secret.txt").write_text("secret")
    return site


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with _client_of(folder) as client:
        yield client


def _client_of(folder: Path) -> TestClient:
    paths = Paths(Site(folder).routes(), _nothing)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await paths(scope, receive, send)

    return TestClient(app, follow_redirects=False)


@contextlib.asynccontextmanager
async def _nothing(_app: Router) -> AsyncIterator[None]:
    yield


def test_a_folder_answers_with_its_index(client: TestClient) -> None:
    answer = client.get("/docs/lines/")

    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/docs", "/docs/lines"])
def test_a_page_that_is_asked_for_without_its_slash_is_behind_it(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.headers["location"]) == (308, f"{path}/")


def test_no_script_runs_but_those_that_the_page_was_built_with(client: TestClient) -> None:
    digest = base64.b64encode(hashlib.sha256(SCRIPT).digest()).decode()

    policy = client.get("/docs/lines/").headers["content-security-policy"]

    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in client.get("/docs/").headers["content-security-policy"]


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    etag = client.get("/docs/lines/").headers["etag"]

    again = client.get("/docs/lines/", headers={"If-None-Match": etag})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag


def test_what_has_a_hash_in_its_name_is_kept_for_a_year_and_a_page_is_asked_for_again(client: TestClient) -> None:
    assert "immutable" in client.get("/docs/assets/main.0a1b2c3d.min.css").headers["cache-control"]
    assert client.get("/docs/lines/").headers["cache-control"] == "no-cache"


def test_a_head_has_the_headers_alone(client: TestClient) -> None:
    answer = client.head("/docs/lines/")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(PAGE))


@pytest.mark.parametrize(
    "path",
    ["/docs/nothing", "/docs/../secret.txt", "/docs/%2e%2e/secret.txt", "/docs//etc/passwd"],
)
def test_nothing_else_is_there(client: TestClient, path: str) -> None:
    assert_refused(client.request("GET", f"http://testserver{path}"), 404, "route_not_found")


def test_a_browser_is_shown_a_page_where_there_is_none(client: TestClient) -> None:
    answer = client.get("/docs/nothing", headers={"Accept": "text/html,*/*;q=0.8"})

    assert (answer.status_code, answer.content) == (404, LOST)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_a_link_that_leads_out_of_it_leads_nowhere_new(folder: Path) -> None:
    (folder / "out").symlink_to(folder.parent)

    with _client_of(folder) as client:
        assert_refused(client.get("/docs/out/secret.txt"), 404, "route_not_found")


def test_one_that_is_not_built_says_how(tmp_path: Path) -> None:
    with _client_of(tmp_path) as client:
        answer = client.get("/docs/")

    assert_refused(answer, 404, "route_not_found")
    assert "make docs" in answer.json()["error"]["message"]


def test_one_that_is_built_anew_is_read_anew(client: TestClient, folder: Path) -> None:
    client.get("/docs/")
    (folder / "new.html").write_text("new")
    (folder / "index.html").write_bytes(b"anew")
    os.utime(folder / "index.html", ns=(1, 1))

    assert client.get("/docs/").content == b"anew"
    assert client.get("/docs/new.html").status_code == 200


def test_every_page_is_there_as_markdown_built_or_not(world: World) -> None:
    links = re.findall(r"\]\(http://testserver(/docs/[^)]+\.md)\)", world.client.get("/llms.txt").text)

    answers = [world.client.get(link) for link in links]

    assert len(links) > 20
    assert {(answer.status_code, answer.headers["content-type"]) for answer in answers} == {
        (200, "text/plain; charset=utf-8")
    }
