"""The documentation's site in a real browser, as `make docs` built it and a server serves it."""

import re

import pytest
from playwright.sync_api import Page, expect

from blueport.server.describing.site import BUILT
from tests.pages.judging import assert_accessible
from tests.system.blueport import Blueport


@pytest.fixture
def docs(blueport: Blueport) -> str:
    if not (BUILT / "index.html").exists():
        pytest.skip("the documentation is not built: `make docs`")
    return f"{blueport.said['api_url']}/docs"


def test_all_of_a_page_is_there_under_its_policy(page: Page, docs: str) -> None:
    page.goto(f"{docs}/reference/messages/")

    expect(page.get_by_role("heading", name=re.compile("^Send a message"))).to_be_visible()
    expect(page.get_by_role("cell", name="reply_to", exact=True).first).to_be_visible()
    fonts = page.evaluate("getComputedStyle(document.body).fontFamily")
    assert "system" in fonts


def test_a_language_that_was_chosen_is_chosen_on_every_page(page: Page, docs: str) -> None:
    page.goto(f"{docs}/reference/messages/")
    page.get_by_text("TypeScript", exact=True).first.click()

    page.goto(f"{docs}/reference/chats/")

    expect(page.locator("code", has_text="client.listChats").first).to_be_visible()
    expect(page.locator("code", has_text="client.list_chats").first).to_be_hidden()


def test_the_search_finds_a_code(page: Page, docs: str) -> None:
    page.goto(f"{docs}/")

    page.get_by_role("button", name="Search").first.click()
    page.locator("input:focus").fill("loop_detected")

    page.get_by_role("heading", name="loop_detected").first.click()
    expect(page).to_have_url(re.compile("/docs/reference/errors/.*loop_detected"))


def test_the_reader_chooses_the_colours(page: Page, docs: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{docs}/")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")

    page.get_by_title("Switch to light").click()
    page.reload()

    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "default")


def test_what_is_copied_of_a_session_is_what_was_typed(page: Page, docs: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{docs}/quickstart/")

    session = page.locator(".language-console", has_text="make run")
    session.hover()
    session.get_by_role("button").click()

    expect(page.get_by_text("Copied to clipboard")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "make run"


def test_navigation_and_search_of_a_narrow_page_open_by_keyboard(page: Page, docs: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{docs}/quickstart/")

    page.get_by_role("button", name="Search").press("Enter")
    page.locator("input:focus").fill("loop_detected")
    expect(page.get_by_role("heading", name="loop_detected").first).to_be_visible()

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Navigation").press("Space")
    expect(page.get_by_role("link", name="Quickstart").first).to_be_in_viewport()


@pytest.mark.parametrize("path", ["/", "/guides/from-hosted/", "/reference/messages/"])
def test_everybody_can_use_it(page: Page, docs: str, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(docs + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    assert_accessible(page)
