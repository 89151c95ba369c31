"""Every block of code on every page of the documentation does what the page says."""

import collections
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, ROOT, blocks_of, pages
from tests.docs.performing import Performance, environment, furnish, reset, wrong_with_form
from tests.docs.sessions import opened
from tests.docs.standing_in import StandIns
from tests.system.blueport import Blueport

# What is not run, page by page: whoever marks one more says so here.
NOT_RUN = {
    "guides/agents.md": 1,
    "guides/from-hosted.md": 1,
    "guides/mac-mini.md": 12,
    "guides/operating.md": 1,
    "quickstart.md": 1,
}
PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(DOCS)))


@PAGES
def test_a_page_does_what_it_says(
    page: Path, blueport: Blueport, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    furnish(tmp_path, blueport)
    with opened(tmp_path, environment(blueport, tmp_path)) as sessions:
        known = StandIns(pages().index(page), blueport.said)
        performance = Performance(page, known, sessions, lambda: request.getfixturevalue("typescript"))
        wrong = list(performance.go_through())
    reset(blueport)
    performance.write()

    assert wrong == []


@PAGES
def test_a_block_is_of_a_known_kind_and_well_formed(page: Path) -> None:
    blocks = blocks_of(page.read_text())

    judged = {f"{page.relative_to(ROOT)}:{block.line}": wrong_with_form(block) for block in blocks}
    assert {place: wrong for place, wrong in judged.items() if wrong} == {}


def test_no_block_is_left_out_unnoticed() -> None:
    not_run = collections.Counter(
        str(page.relative_to(DOCS)) for page in pages() for block in blocks_of(page.read_text()) if not block.is_run
    )

    assert dict(not_run) == NOT_RUN
