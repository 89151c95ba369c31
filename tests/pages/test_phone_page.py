"""The phone page in a real browser, with a whole Blueport behind it: what a newcomer does in the first five minutes."""

import os
import signal
import time

import pytest
from playwright.sync_api import Page, expect

from tests.pages.judging import HOSTILE
from tests.system.blueport import ADA, Blueport, Json, until

HOSTILE_TEXT = f"{HOSTILE} \u202eabc\u202c 👩‍👩‍👧 "


@pytest.fixture
def phone(page: Page, blueport: Blueport) -> Page:
    page.goto(blueport.said["phone_url"])
    page.locator("#people").get_by_text("Ada").click()
    expect(page.locator(".owner")).to_have_text("Ada")
    return page


def test_what_is_typed_reaches_the_line_and_shows_as_a_bubble(phone: Page, blueport: Blueport) -> None:
    phone.get_by_label("Message", exact=True).fill("Typed in a browser")
    phone.keyboard.press("Enter")

    expect(phone.locator(".bubbles")).to_contain_text("Typed in a browser")
    expect(phone.get_by_label("Message", exact=True)).to_have_value("")
    assert until(lambda: "Typed in a browser" in _texts(blueport))


def test_a_reply_arrives_without_a_reload(phone: Page, blueport: Blueport) -> None:
    blueport.texts(ADA, "Anybody?")
    until(lambda: "Anybody?" in _texts(blueport))

    blueport.sends(ADA, "An answer out of the API")

    expect(phone.locator(".bubbles")).to_contain_text("An answer out of the API")


def test_a_new_person_can_be_added_and_texts_at_once(phone: Page, blueport: Blueport) -> None:
    phone.get_by_role("button", name="New person").click()
    phone.get_by_label("Phone number or email").fill("+1 (555) 010-0042")
    phone.get_by_role("dialog").get_by_label("Name").fill("Grace")
    phone.get_by_role("button", name="Add", exact=True).last.click()

    expect(phone.locator(".owner")).to_have_text("Grace")
    phone.get_by_label("Message", exact=True).fill("Hello from Grace")
    phone.keyboard.press("Enter")

    assert until(lambda: "Hello from Grace" in _texts(blueport, "+15550100042"))


def test_a_hostile_text_is_shown_as_text(phone: Page, blueport: Blueport) -> None:
    blueport.texts(ADA, HOSTILE_TEXT)
    until(lambda: HOSTILE_TEXT.strip() in [text.strip() for text in _texts(blueport)])

    blueport.sends(ADA, HOSTILE_TEXT + "back")

    expect(phone.locator(".bubbles")).to_contain_text("back")
    assert phone.locator(".bubbles img").count() == 0
    assert phone.title() != "pwned"


def test_a_very_long_text_does_not_break_the_page(phone: Page, blueport: Blueport) -> None:
    blueport.texts(ADA, "x" * 5000)

    expect(phone.locator(".bubbles")).to_contain_text("x" * 100)
    assert _is_within_its_width(phone)


def test_it_fits_a_narrow_window(phone: Page) -> None:
    phone.set_viewport_size({"width": 360, "height": 720})

    expect(phone.get_by_label("Message", exact=True)).to_be_visible()
    assert _is_within_its_width(phone)


def test_after_a_death_of_the_simulated_mac_it_shows_what_came_and_nothing_twice(
    phone: Page, blueport: Blueport
) -> None:
    blueport.texts(ADA, "Before the end")
    expect(phone.locator(".bubbles")).to_contain_text("Before the end")
    before = blueport.child("simulate")
    os.kill(before, signal.SIGKILL)
    until(lambda: blueport.child("simulate") != before and _is_up(blueport))

    blueport.texts(ADA, "After the end")

    expect(phone.locator(".bubbles")).to_contain_text("After the end")
    shown = phone.locator(".bubbles").inner_text()
    assert (shown.count("Before the end"), shown.count("After the end")) == (1, 1)


def _texts(blueport: Blueport, person: str = ADA) -> list[str]:
    chats: list[Json] = blueport.api("GET", f"/v1/chats?from={blueport.line}")["data"]
    if not any(chat["identifier"] == person for chat in chats):
        return []
    page = blueport.api("GET", f"/v1/messages?from={blueport.line}&to={person}&limit=100")
    return [message["text"] for message in page["data"]]


def _is_within_its_width(phone: Page) -> bool:
    return bool(phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def _is_up(blueport: Blueport) -> bool:
    try:
        return bool(blueport.simulator("GET", "/healthz"))
    except OSError:
        time.sleep(0.1)
        return False
