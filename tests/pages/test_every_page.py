"""The whole dashboard, walked from link to link as its operator would: nothing is missed, and nothing leads astray."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from blueport.server.dashboard.rooms import PAGES
from tests.pages.judging import assert_accessible
from tests.system.blueport import ADA, Blueport, until
from tests.system.receiver import Receiver

PATTERNS = {page.path: re.compile(re.sub(r"\{\w+\}", "[^/]+", page.path)) for page in PAGES}


@pytest.fixture(scope="module")
def blueport(blueport: Blueport) -> Iterator[Blueport]:
    """One where there is something on each page: a failure and a delivery too."""
    with Receiver() as receiver:
        blueport.api("POST", "/v1/webhooks", {"from": "", "url": receiver.url, "events": ["message.received"]})
        blueport.api("POST", "/v1/sandbox")
        blueport.texts(ADA, "Hi")
        until(lambda: receiver.heard)
        blueport.simulator("POST", "/faults", {"next": "undelivered"})
        outbox_id = blueport.sends(ADA, "To nobody")
        until(lambda: blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"] == "failed")
        yield blueport


def test_every_page_is_reached_by_links_and_is_accessible(dashboard: Page, blueport: Blueport) -> None:
    dashboard.goto(f"{blueport.said['api_url']}/dashboard/lines/pair")
    dashboard.get_by_label("Name").fill("second")
    dashboard.get_by_role("button", name="Create a code").click()
    expect(dashboard.locator("main")).to_contain_text("second")

    seen: dict[str, list[str]] = {path: [] for path in PATTERNS}
    for path in walk(dashboard, seen):
        seen[pattern_of(path)].append(path)
        assert_accessible(dashboard)
        expect(dashboard.get_by_role("heading", level=1)).to_have_count(1)

    assert [path for path, visits in seen.items() if not visits] == []


def walk(page: Page, seen: dict[str, list[str]]) -> Iterator[str]:
    """Open one page after the other, each that a link on those before leads to; each answers as a page."""
    ahead = [*links_on(page)]
    known = set(ahead)
    while ahead:
        path = ahead.pop(0)
        if seen[pattern_of(path)]:  # they are alike but for what they show
            continue
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        yield path
        found = [each for each in links_on(page) if each not in known]
        known.update(found)
        ahead += found


def links_on(page: Page) -> list[str]:
    """Return where links and searches of the dashboard lead from here, each once, and not to another part of a page."""
    links = page.eval_on_selector_all("a[href], form[method=get]", "all => all.map(each => each.href ?? each.action)")
    ours = [link.partition("#")[0] for link in links if urlsplit(link).path.startswith("/dashboard")]
    return list(dict.fromkeys(ours))


def pattern_of(url: str) -> str:
    """Return the path of the page that answers there: of several the one that has fewest gaps."""
    path = urlsplit(url).path
    fitting = [each for each, pattern in PATTERNS.items() if pattern.fullmatch(path)]
    assert fitting, f"no page is at {url}"
    return min(fitting, key=lambda each: each.count("{"))
