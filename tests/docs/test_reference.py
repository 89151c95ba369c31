"""The reference leaves nothing out: each endpoint, each shape and each code is on one page, with what came."""

import re

import pytest

from blueport.server.app import ENDPOINTS
from blueport.server.describing import openapi, pages
from blueport.server.describing.remedies import REMEDIES
from blueport.server.errors import CODES
from blueport.server.http.endpoint import Endpoint
from tests.docs.blocks import DOCS, Block, blocks_of
from tests.docs.blocks import pages as all_pages
from tests.docs.compiling import LANGUAGES

REFERENCE = {page: page.read_text() for page in sorted((DOCS / "reference").glob("*.md"))}


def drawn(kind: str) -> list[str]:
    return [name for text in REFERENCE.values() for name in re.findall(rf"<!-- draw {kind}: (.+) -->", text)]


def part_about(endpoint: Endpoint) -> list[Block]:
    """Return the blocks that stand where *endpoint* is described."""
    place = f"<!-- draw endpoint: {endpoint.method} {endpoint.path} -->"
    [part] = [text.partition(place)[2].partition("\n## ")[0] for text in REFERENCE.values() if place in text]
    return [block for block in blocks_of(part) if not block.is_hidden]


def test_each_endpoint_is_described_once() -> None:
    assert sorted(drawn("endpoint")) == sorted(f"{each.method} {each.path}" for each in ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_an_endpoint_is_shown_in_curl_python_and_typescript_with_what_came(endpoint: Endpoint) -> None:
    curl, python, typescript, answer = part_about(endpoint)[:4]

    assert curl.language == "bash"
    assert f"$MESSAGES_API_URL{endpoint.path}" in curl.code
    assert python.language == "python"
    assert typescript.language in LANGUAGES
    assert (answer.language, answer.title) == ("json", "Answer")
    assert '"request_id"' in answer.code
    assert all(block.is_run for block in (curl, python, typescript))


def test_each_shape_that_is_answered_is_described_once() -> None:
    own = {"ChangePacing", "ChangeLoopGuard"}

    assert sorted(set(drawn("shape")) - own) == sorted(openapi.answers(ENDPOINTS))
    assert len(drawn("shape")) == len(set(drawn("shape")))


def test_for_each_code_it_is_said_what_to_do() -> None:
    assert REMEDIES.keys() == CODES.keys()


def test_each_page_is_in_the_order_of_the_site() -> None:
    named = [page.name for page in pages.pages()]

    assert sorted(named) == sorted(page.relative_to(DOCS).as_posix() for page in all_pages())


def test_each_page_says_in_a_sentence_what_it_is_for() -> None:
    said = {page.name: page.description for page in pages.pages()}

    assert {name: text for name, text in said.items() if not text.endswith(".") or ": " in text} == {}
