"""The sandbox and usage of the dashboard in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.judging import assert_accessible
from tests.system.blueport import Blueport

DORA = "+15550100003"


@pytest.fixture
def sandbox(dashboard: Page, blueport: Blueport) -> Page:
    """The page of the sandbox."""
    dashboard.goto(f"{blueport.said['api_url']}/dashboard/sandbox")
    expect(dashboard.get_by_role("heading", level=1)).to_have_text("Sandbox")
    return dashboard


def texts(blueport: Blueport, text: str) -> None:
    blueport.simulator("POST", f"/people/{DORA}/messages", {"text": text, "to": blueport.said["sandbox_line"]})


def test_a_phone_is_paired_while_the_page_is_open_and_let_go_again(sandbox: Page, blueport: Blueport) -> None:
    phone = sandbox.get_by_role("region", name="Your phone")
    expect(phone).to_contain_text("No phone is paired")
    assert_accessible(sandbox)
    phone.get_by_role("button", name="Get a code").focus()
    sandbox.keyboard.press("Enter")
    expect(phone.get_by_role("img", name="QR code")).to_be_visible()
    assert_accessible(sandbox)

    code = blueport.api("GET", "/v1/sandbox")["activation_code"]
    expect(phone).to_contain_text(code)
    texts(blueport, code)

    expect(phone).to_contain_text(f"Paired with {DORA}")
    assert_accessible(sandbox)
    body = {"from": blueport.said["sandbox_line"], "to": DORA, "text": "Hello"}
    blueport.api("POST", "/v1/messages", body)
    expect(phone).to_contain_text("Sent today: 1 of 50")
    sandbox.locator("summary", has_text="Pair another phone").click()
    assert_accessible(sandbox)
    sandbox.get_by_role("button", name="Pair another phone").click()

    expect(phone).to_contain_text("waits for the code")
    assert blueport.api("GET", "/v1/sandbox")["status"] == "pending"


def test_usage_shows_what_was_said_and_tells_it_in_a_table_too(dashboard: Page, blueport: Blueport) -> None:
    blueport.hears_first(DORA, "Count me")
    dashboard.get_by_role("navigation").get_by_role("link", name="Usage").click()

    messages = dashboard.get_by_role("region", name="Messages a day")
    expect(messages.get_by_role("img")).to_be_visible()
    expect(dashboard.get_by_role("region", name="By line")).to_contain_text(blueport.line)
    assert_accessible(dashboard)
    messages.locator("summary").focus()
    dashboard.keyboard.press("Enter")
    expect(messages.get_by_role("row")).to_have_count(31)
    assert_accessible(dashboard)
    dashboard.get_by_role("link", name="7 days").click()

    expect(dashboard.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
    messages.locator("summary").click()
    expect(messages.get_by_role("row")).to_have_count(8)
