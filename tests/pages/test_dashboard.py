"""The dashboard's first page in a real browser, and what all its pages have alike."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.judging import assert_accessible
from tests.patience import PATIENCE_S
from tests.system.blueport import ADA, Blueport, until
from tests.system.receiver import Receiver

CARL = "+15550100002"


@pytest.fixture
def other(browser: Browser, blueport: Blueport) -> Iterator[Page]:
    """The dashboard in another browser."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_S * 1000)
        page = context.new_page()
        page.goto(blueport.said["dashboard_url"])
        yield page


def test_the_overview_shows_lines_and_daemons_and_goes_on_doing_so(dashboard: Page, blueport: Blueport) -> None:
    lines = dashboard.get_by_role("region", name="Lines")
    expect(lines.get_by_role("row", name=blueport.line)).to_contain_text("works")
    expect(dashboard.get_by_role("region", name="Macs")).to_contain_text("works")
    received = re.compile(r"(\d+) received")
    day = dashboard.get_by_role("region", name="Last 24 hours", exact=True)
    (before,) = received.findall(day.inner_text())

    blueport.texts(ADA, "Look at the dashboard")

    expect(dashboard.get_by_role("region", name="Latest events")).to_contain_text("message.received")
    expect(day).to_contain_text(f" {int(before) + 1} received")


def test_a_webhook_in_trouble_is_on_the_overview_while_it_is(dashboard: Page, blueport: Blueport) -> None:
    with Receiver(lambda _: 500) as receiver:
        hostile = f"{receiver.url}?<script>document.title='pwned'</script>"
        made = blueport.api("POST", "/v1/webhooks", {"from": "", "url": hostile, "events": ["message.received"]})
        blueport.texts(ADA, "Nobody takes this")
        until(lambda: receiver.heard)

        trouble = (
            dashboard.get_by_role("region", name="Webhooks in trouble").get_by_role("row").filter(has_text="<script>")
        )
        expect(trouble).to_be_visible()
        assert "pwned" not in dashboard.title()
        blueport.api("DELETE", "/v1/webhooks", {"id": made["id"]})
        expect(dashboard.get_by_role("region", name="Webhooks in trouble")).to_have_count(0)


def test_what_is_done_in_one_browser_is_seen_in_another(dashboard: Page, other: Page, blueport: Blueport) -> None:
    at = f"{blueport.said['api_url']}/dashboard"

    def done(room: str, form: str, field: str, written: str, button: str, seen: str) -> None:
        other.goto(f"{at}/{room}")
        expect(other.locator("main h1")).to_be_visible()
        expect(other.locator("main")).not_to_contain_text(seen)
        dashboard.goto(f"{at}/{form}")
        if field:
            dashboard.get_by_label(field, exact=True).fill(written)
        dashboard.get_by_role("button", name=button).click()
        expect(other.locator("main")).to_contain_text(seen)

    done("keys", "keys/new", "Name", "a key of one", "Create the key", "a key of one")
    done("webhooks", "webhooks/new", "URL", "http://127.0.0.1:9/of-one", "Create the webhook", "/of-one")
    done("lines", "lines/new", "Phone number or Apple ID", "one@example.com", "Add the line", "one@example.com")
    done("sandbox", "sandbox", "", "", "Get a code", "waits for the code")
    done("audit", "keys/new", "Name", "an audited key", "Create the key", "an audited key")
    done("settings", "settings/new", "Name", "Account of one", "Create the account", "Account of one")
    blueport.deletes_webhooks()  # nobody answers that one, which the overview would tell of


def test_a_phone_the_dashboard_and_the_api_see_the_same(dashboard: Page, other: Page, blueport: Blueport) -> None:
    other.goto(blueport.said["phone_url"])
    other.locator("#people").get_by_text("Ada").click()
    other.get_by_label("Message", exact=True).fill("By the phone")
    other.keyboard.press("Enter")
    dashboard.goto(f"{blueport.said['api_url']}/dashboard/chats")
    dashboard.get_by_role("link", name=ADA).click()
    said = dashboard.get_by_role("region", name="What was said")
    expect(said).to_contain_text("By the phone")

    outbox_id = blueport.sends(ADA, "By the API")

    expect(other.locator(".bubbles")).to_contain_text("By the API")
    expect(said).to_contain_text("By the API")
    other.get_by_label("Message", exact=True).fill("Seen")
    other.keyboard.press("Enter")
    expect(said).to_contain_text("Seen")
    dashboard.goto(f"{blueport.said['api_url']}/dashboard/outbox/{outbox_id}")
    expect(dashboard.get_by_role("region", name="Timeline")).to_contain_text("Seen in Messages")
    messages = blueport.api("GET", f"/v1/messages?from={blueport.line}&to={ADA}&limit=100")["data"]
    assert {"By the phone", "By the API", "Seen"} <= {message["text"] for message in messages}


def test_what_has_the_focus_stays_what_it_is_while_news_comes_above_it(dashboard: Page, blueport: Blueport) -> None:
    for person in (ADA, CARL):
        blueport.texts(person, "First")
    until(lambda: len(blueport.api("GET", f"/v1/chats?from={blueport.line}")["data"]) == 2)
    for room, region in (("", "Latest events"), ("/chats", "Chats"), ("/outbox", "Items"), ("/events", "Events")):
        sent_at_last = blueport.sends(ADA, "Of before")
        until(lambda: blueport.api("GET", f"/v1/outbox?id={sent_at_last}")["status"] == "sent")  # noqa: B023 - at once
        dashboard.goto(f"{blueport.said['api_url']}/dashboard{room}")
        newest = dashboard.get_by_role("region", name=region).locator("td, li").get_by_role("link").first
        newest.focus()
        path = newest.get_attribute("href")
        assert path

        blueport.sends(CARL, "News")

        expect(newest).not_to_have_attribute("href", path)
        assert dashboard.evaluate("document.activeElement.getAttribute('href')") == path


def test_the_keyboard_skips_the_menu(dashboard: Page) -> None:
    dashboard.reload()
    dashboard.keyboard.press("Tab")
    expect(dashboard.get_by_role("link", name="Skip to the content")).to_be_focused()
    dashboard.keyboard.press("Enter")
    expect(dashboard.get_by_role("main")).to_be_focused()
    dashboard.keyboard.press("Tab")
    assert dashboard.evaluate("document.activeElement.closest('main') !== null")


def test_the_overview_is_accessible_everywhere(dashboard: Page) -> None:
    assert_accessible(dashboard)


def test_the_menu_opens_on_a_small_screen_and_escape_closes_it(dashboard: Page) -> None:
    dashboard.set_viewport_size({"width": 390, "height": 800})
    menu = dashboard.locator("header.bar summary")
    menu.focus()
    dashboard.keyboard.press("Enter")
    expect(dashboard.locator("header.bar").get_by_role("link", name="Overview")).to_be_visible()
    assert_accessible(dashboard)

    dashboard.set_viewport_size({"width": 390, "height": 800})
    menu.focus()
    dashboard.keyboard.press("Escape")

    expect(dashboard.locator("header.bar").get_by_role("link", name="Overview")).to_be_hidden()
    expect(menu).to_be_focused()


@pytest.mark.parametrize("path", ["/dashboard/nothing", "/dashboard/static/nothing.js", "/dashboard/live?of=/v1/lines"])
def test_what_is_not_there_is_said_so(dashboard: Page, blueport: Blueport, path: str) -> None:
    answer = dashboard.request.get(blueport.said["api_url"] + path)

    assert answer.status == 404
