"""The outbox of the dashboard in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.judging import HOSTILE, assert_accessible
from tests.system.blueport import ADA, Blueport, until


@pytest.fixture(scope="module")
def blueport(blueport: Blueport) -> Blueport:
    """One to which Ada has written."""
    blueport.hears_first(ADA, "Hi")
    return blueport


@pytest.fixture
def outbox(dashboard: Page, blueport: Blueport) -> Page:
    dashboard.goto(f"{blueport.said['api_url']}/dashboard/outbox")
    return dashboard


def test_what_is_sent_appears_and_its_state_follows(outbox: Page, blueport: Blueport) -> None:
    outbox_id = blueport.sends(ADA, "On its way")

    row = outbox.get_by_role("row").filter(has=outbox.locator(f"a[href$='{outbox_id}']"))
    expect(row).to_contain_text("sent")
    expect(row).to_contain_text(ADA)
    assert_accessible(outbox)


def test_an_item_tells_its_story_live(outbox: Page, blueport: Blueport) -> None:
    blueport.simulator("POST", "/faults", {"next": "late", "after_ms": 3_000})
    outbox_id = blueport.sends(ADA, HOSTILE)
    outbox.goto(f"{outbox.url}/{outbox_id}")

    story = outbox.get_by_role("region", name="Timeline")
    expect(story).to_contain_text("To be seen in Messages")
    expect(story).to_contain_text("Seen in Messages")
    expect(outbox.get_by_role("region", name="Request")).to_contain_text("<img src=x")
    assert "pwned" not in outbox.title()
    assert_accessible(outbox)


def test_why_it_failed_is_said_in_words_and_the_failed_ones_can_be_listed(outbox: Page, blueport: Blueport) -> None:
    blueport.simulator("POST", "/faults", {"next": "undelivered", "number": 22})
    outbox_id = blueport.sends(ADA, "To nobody")
    until(lambda: blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"] == "failed")

    outbox.get_by_role("link", name="Failed").click()
    row = outbox.get_by_role("row").filter(has=outbox.locator(f"a[href$='{outbox_id}']"))
    expect(row).to_contain_text("Nobody can be reached by iMessage")
    assert_accessible(outbox)
    row.get_by_role("link", name="text").click()

    expect(outbox.locator(".notice")).to_contain_text("recipient_not_on_imessage")
    expect(outbox.locator(".notice")).to_contain_text("Send by SMS")
    assert_accessible(outbox)


def test_nothing_that_waits_is_said_so(outbox: Page) -> None:
    outbox.get_by_role("link", name="Waiting").click()

    expect(outbox.get_by_role("region", name="Items")).to_contain_text("Nothing waits")
    assert_accessible(outbox)


def test_a_line_can_be_chosen(outbox: Page, blueport: Blueport) -> None:
    blueport.sends(ADA, "From the usual line")
    expect(outbox.get_by_role("region", name="Items").get_by_role("row").nth(1)).to_be_visible()

    outbox.get_by_label("Line").select_option(blueport.said["sandbox_line"])

    expect(outbox.get_by_role("region", name="Items")).to_contain_text("Nothing was sent yet")
    expect(outbox.get_by_label("Line")).to_have_value(outbox.url.rpartition("line=")[2])
