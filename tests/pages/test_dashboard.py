"""The status page in a real browser."""

import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from tests.patience import PATIENCE_S
from tests.system.blueport import ADA, Blueport, until
from tests.system.receiver import Receiver


def test_it_shows_the_line_the_queue_and_the_deliveries_and_goes_on_doing_so(page: Page, blueport: Blueport) -> None:
    with Receiver() as receiver:
        page.goto(blueport.said["dashboard_url"])
        expect(page.locator("body")).to_contain_text(blueport.line)
        expect(page.locator("body")).to_contain_text("ok")

        hostile = f"{receiver.url}?<script>document.title='pwned'</script>".replace(" ", "")
        blueport.api("POST", "/v1/webhooks", {"from": "", "url": hostile, "events": ["message.received"]})
        blueport.texts(ADA, "Look at the dashboard")
        until(lambda: receiver.heard)
        outbox_id = blueport.sends(ADA, "Looking")

        expect(page.locator("body")).to_contain_text(outbox_id)
        expect(page.locator("body")).to_contain_text("sent")
        expect(page.locator("body")).to_contain_text("message.received")
        expect(page.locator("body")).to_contain_text("delivered")
        expect(page.locator("body")).to_contain_text("<script>")
        assert page.title() == "Blueport"


def test_it_shows_who_waits_in_the_sandbox_with_a_picture_of_the_code(page: Page, blueport: Blueport) -> None:
    told = blueport.api("POST", "/v1/sandbox")

    page.goto(blueport.said["dashboard_url"])

    waiting = page.locator("section", has_text="Sandbox").locator("tr", has_text=told["activation_code"])
    expect(waiting).to_contain_text("pending")
    expect(waiting.locator("svg")).to_be_visible()


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=%FF", "?other=1"])
@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/status"])
def test_without_its_token_there_is_nothing(blueport: Blueport, path: str, query: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(blueport.said["api_url"] + path + query, timeout=PATIENCE_S)

    assert refused.value.code == 404
    assert b"route_not_found" in refused.value.read()
    refused.value.close()
