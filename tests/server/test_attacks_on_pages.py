"""What the dashboard owes its operator on every page and in every form, also those that are made tomorrow."""

import re
from collections.abc import Iterator
from html import unescape
from typing import get_type_hints
from urllib.parse import urlsplit

import pytest

from blueport.protocol.sightings import AttachmentSeen
from blueport.server.dashboard.pages import Action, Done, Told
from blueport.server.dashboard.rendering import HEADERS
from blueport.server.dashboard.rooms import ACTIONS, PAGES
from blueport.server.operating import service as operating
from blueport.server.operating.service import LineChange
from tests.databases import WRITTEN_ASIDE, Database
from tests.server.browsers import Browser
from tests.server.dashboard import Running
from tests.server.world import ADA, Clock, Customer, World, reaction_to, text_from, text_in_group

pytestmark = pytest.mark.one_store("pages are drawn, and forms believed, whatever the store")
# What a browser would run, were it markup: in words, in an attribute, in a template, and as htmx's own.
HOSTILE = "\"'><script>x</script><img src=x onerror=x>{{7*7}}</pre><b hx-get=/x>"
LINK = re.compile(r'<a [^>]*href="([^"]*)"|<form [^>]*method="get" [^>]*action="([^"]*)"')
PATTERNS = {page.path: re.compile(re.sub(r"\{\w+\}", "[^/]+", page.path)) for page in PAGES}
# Secrets, which no address may hold: what draws them stands in the history as the page that it was asked on.
TOLD_ONCE = {
    "/dashboard/webhooks/new",
    "/dashboard/webhooks/{id}/rotate",
    "/dashboard/keys/new",
    "/dashboard/keys/{key_id}/roll",
    "/dashboard/lines/token",
    "/dashboard/lines/pair",
    "/dashboard/daemons/{id}/code",
}
# By what addresses say where a page begins, and how much it shows.
ASKED = ("after", "at", "before", "days", "ended", "notice", "q")
UNASKED = (*WRITTEN_ASIDE, "sessions.seen_at")
ANYTHING = {
    name: "x_0"
    for path in (*(page.path for page in PAGES), *(each.path for each in ACTIONS))
    for name in re.findall(r"\{(\w+)\}", path)
}


@pytest.fixture(scope="module")
def world(shared_database: Database) -> Iterator[World]:
    """One in which everybody whose words are shown has written what is hostile."""
    with World(shared_database, Clock(), dashboard_token="a-token").open() as world:
        Browser(world).owns()
        alice = world.customer("Alice", "+15550101000")
        everybody_attacks(world, alice)
        yield world


@pytest.fixture(scope="module")
def olga(world: World) -> Browser:
    return Browser(world).is_let_in()


def everybody_attacks(world: World, alice: Customer) -> None:
    picture = AttachmentSeen("at_0_1", f"{HOSTILE}.png", "image/png", 3)
    guid = alice.hears(ADA, HOSTILE, attachments=(picture,))
    alice.mac.sees(text_from(ADA, alice.line, HOSTILE, reply_to_guid=guid))
    alice.mac.sees(reaction_to(guid, alice.line, tapback=None, emoji="<b>x</b>"))
    named = text_in_group("chat1", f"{ADA}", alice.line, HOSTILE)
    alice.mac.sees(named)
    alice.webhook(f"http://127.0.0.1:9/?{HOSTILE}".replace(" ", ""))
    alice.sets(extended_events=True)
    alice.sends(HOSTILE)
    alice.mac.fail(alice.mac.claim()[0], HOSTILE, permanent=True)
    world.do(operating.change_account, alice.account_id, name=HOSTILE[:200], owner=HOSTILE[:200])
    world.do(operating.change_line, alice.line, LineChange(label=HOSTILE[:200]))
    world.do(operating.create_key, alice.account_id, operating.KeyTerms(HOSTILE[:200]))
    alice.mac.hello(alice.line, health="degraded")
    alice.hears(ADA)


def reached(browser: Browser) -> Iterator[tuple[str, str]]:
    """Yield each page that links lead to from the first one on, with its text: one of each kind."""
    ahead, known, seen = ["/dashboard", "/dashboard/me"], {"/dashboard"}, set()
    while ahead:
        url = ahead.pop(0)
        pattern = pattern_of(url)
        if pattern in seen:
            continue
        answer = browser.get(url)
        assert answer.status_code == 200, url
        seen.add(pattern)
        yield url, answer.text
        found = [unescape(first or second) for first, second in LINK.findall(answer.text)]
        ahead += [each for each in found if each.startswith("/dashboard") and each not in known]
        known.update(found)


def pattern_of(url: str) -> str:
    path = urlsplit(url).path
    fitting = [each for each, pattern in PATTERNS.items() if pattern.fullmatch(path)]
    return min(fitting, key=lambda each: each.count("{"), default=path)


@pytest.fixture(scope="module")
def shown(olga: Browser) -> dict[str, str]:
    return dict(reached(olga))


def test_what_people_write_runs_on_no_page(shown: dict[str, str]) -> None:
    assert {url: found for url, text in shown.items() if (found := Running(text).found)} == {}
    hostile = [pattern_of(url) for url, text in shown.items() if "&lt;script&gt;" in text]
    assert len(hostile) > 10, hostile
    assert len(shown) > len(PAGES) - 5


@pytest.mark.parametrize("said", ["9" * 5_000, "-1", "%ff%00", "²"])
def test_no_page_fails_whatever_its_address_asks(olga: Browser, shown: dict[str, str], said: str) -> None:
    query = "&".join(f"{name}={said}" for name in ASKED)

    answers = {url: olga.get(f"{urlsplit(url).path}?{query}").status_code for url in shown}

    assert {url: status for url, status in answers.items() if status not in (200, 303, 404)} == {}


@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_no_page_is_shown_to_a_stranger(world: World, path: str) -> None:
    answer = Browser(world, "198.51.100.9").get(path.format(**ANYTHING))

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/dashboard/sign-in")


@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_every_page_has_the_same_protection_also_where_nothing_is(olga: Browser, path: str) -> None:
    answer = olga.get(path.format(**ANYTHING))

    assert answer.status_code in (200, 404)
    for name, value in HEADERS:
        assert answer.headers[name.decode()] == value.decode()
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", sorted({each.path for each in ACTIONS} - {page.path for page in PAGES}))
def test_who_opens_the_address_of_a_form_is_led_to_a_page_of_ours(olga: Browser, path: str) -> None:
    answer = olga.get(path.format(**ANYTHING))

    assert answer.status_code == 303
    assert pattern_of(answer.headers["location"]) in PATTERNS


@pytest.mark.parametrize("path", ["/dashboard/nowhere", "/dashboard/keys/", "/dashboard/lines/x/y/z"])
def test_where_nothing_is_a_page_says_so(olga: Browser, path: str) -> None:
    for answer in (olga.get(path), olga.post(path)):
        assert answer.status_code == 404
        assert "There is nothing here" in answer.text
        assert answer.headers["content-security-policy"] == dict(HEADERS)[b"content-security-policy"].decode()


def test_a_slash_behind_the_dashboard_leads_to_it(olga: Browser) -> None:
    assert olga.get("/dashboard/").headers["location"] == "/dashboard"


@pytest.mark.parametrize("path", [action.path for action in ACTIONS])
def test_no_form_is_believed_that_is_not_of_a_page_of_this_session(world: World, olga: Browser, path: str) -> None:
    other, stranger = Browser(world).is_let_in(), Browser(world, "198.51.100.9")
    posted = path.format(**ANYTHING)
    before = world.database.rows_of_all(but=UNASKED)

    refused = [
        olga.asks("POST", posted, {"csrf": olga.csrf}, {"Sec-Fetch-Site": "cross-site"}),
        olga.asks("POST", posted, {"csrf": olga.csrf}, {"Origin": "https://evil.example"}),
        olga.asks("POST", posted, {}, {"Sec-Fetch-Site": "same-origin"}),
        olga.post(posted, {"csrf": other.csrf}),
        stranger.post(posted, {"csrf": olga.csrf}),
    ]

    assert [answer.status_code for answer in refused] == [403] * 5
    assert world.database.rows_of_all(but=UNASKED) == before


@pytest.mark.parametrize("action", ACTIONS, ids=[action.path for action in ACTIONS])
def test_what_answers_a_form_leads_on_or_shows_what_is_shown_once(action: Action) -> None:
    answers = get_type_hints(action.unit)["return"]

    assert answers is Done or (answers is Told and action.path in TOLD_ONCE)


@pytest.mark.parametrize("path", [action.path for action in ACTIONS])
def test_what_is_no_form_of_ours_is_refused_and_changes_nothing(world: World, olga: Browser, path: str) -> None:
    bodies = (b"", b"\xff\xfe", b"x" * (1 << 20), b"a=b&" * 600, b'{"a": 1}', b"account=%00")
    before = world.database.rows_of_all(but=UNASKED)

    answers = [olga.post(path.format(**ANYTHING), body) for body in bodies]

    assert {answer.status_code // 100 for answer in answers} == {4}
    assert world.database.rows_of_all(but=UNASKED) == before
