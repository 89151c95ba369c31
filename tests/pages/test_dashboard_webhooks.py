"""Webhooks, deliveries and events of the dashboard in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.pages.judging import HOSTILE, assert_accessible
from tests.server.receiver import Receiver, receiving
from tests.system.blueport import ADA, Blueport, until

ROOM = "/dashboard/webhooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def room(dashboard: Page, blueport: Blueport) -> Iterator[Page]:
    """The list of webhooks, of which there are none; what a test makes is gone after it."""
    dashboard.goto(blueport.said["api_url"] + ROOM)
    yield dashboard
    blueport.deletes_webhooks()


def makes(blueport: Blueport, url: str, **more: object) -> str:
    wanted = {"from": "", "url": url, "events": ["message.received"], **more}
    return blueport.api("POST", "/v1/webhooks", wanted)["id"]


def is_at(page: Page, heading: str) -> None:
    """Wait until a page is there, by what it is called."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def opens(page: Page, blueport: Blueport, path: str) -> Page:
    page.goto(blueport.said["api_url"] + path)
    return page


def test_a_webhook_is_made_by_keyboard_and_its_secret_verifies_what_comes(
    room: Page, blueport: Blueport, receiver: Receiver
) -> None:
    expect(room.get_by_role("region", name="Webhooks")).to_contain_text("No webhook yet")
    assert_accessible(room)
    room.get_by_role("link", name="Create a webhook").focus()
    room.keyboard.press("Enter")
    is_at(room, "Create a webhook")
    assert_accessible(room)

    room.get_by_label("URL").focus()
    room.keyboard.type("https://10.0.0.1/hook")
    room.keyboard.press("Tab")
    room.keyboard.press("Tab")
    room.keyboard.press("Space")  # message.sent
    room.keyboard.press("Enter")
    expect(room.get_by_role("alert")).to_have_text("url must name a public host.")
    expect(room.get_by_label("URL")).to_have_value("https://10.0.0.1/hook")
    expect(room.get_by_role("checkbox", name="message.sent A message")).to_be_checked()
    assert_accessible(room)
    room.get_by_label("URL").fill(receiver.url)
    room.keyboard.press("Enter")

    is_at(room, "Your new webhook")
    secret = room.locator(".secret code").inner_text()
    assert_accessible(room)
    blueport.texts(ADA, "Verify this")
    until(lambda: receiver.heard)
    assert receiver.heard[0].is_signed_with(secret)
    (made,) = blueport.api("GET", "/v1/webhooks")["data"]
    assert made["events"] == ["message.received", "message.sent"]
    room.reload()
    is_at(room, "Create a webhook")
    assert len(blueport.api("GET", "/v1/webhooks")["data"]) == 1


def test_how_it_stands_follows_without_a_reload(room: Page, blueport: Blueport, receiver: Receiver) -> None:
    receiver.answering = lambda _: 500
    makes(blueport, f"{receiver.url}?{HOSTILE.replace(' ', '%20')}")
    row = room.get_by_role("row").nth(1)
    expect(row).to_contain_text("none yet")

    blueport.texts(ADA, "Nobody takes this")

    expect(row).to_contain_text("last try failed")
    expect(row).to_contain_text("pending")
    assert "pwned" not in room.title()
    assert_accessible(room)


def test_an_example_is_sent_and_what_comes_of_it_is_told_live(
    room: Page, blueport: Blueport, receiver: Receiver
) -> None:
    webhook_id = makes(blueport, receiver.url, events=["message.received", "reaction.added"])
    receiver.answering = lambda _: 403
    receiver.saying = HOSTILE.encode()
    opens(room, blueport, f"{ROOM}/{webhook_id}")
    expect(room.get_by_role("region", name="Deliveries")).to_contain_text("Nothing was posted yet")
    assert_accessible(room)
    room.get_by_role("link", name="Send a test event").first.click()
    is_at(room, "Send a test event")
    assert_accessible(room)
    room.get_by_label("reaction.added").check()
    room.get_by_role("button", name="Send it").click()

    is_at(room, "reaction.added")
    story = room.get_by_role("region", name="Timeline")
    expect(story).to_contain_text("let us not in (403)")
    story.get_by_text("What it answered").click()
    expect(story.get_by_label("The answer to try 1")).to_have_text(HOSTILE)
    assert "pwned" not in room.title()
    assert_accessible(room)


def test_a_delivery_tells_its_tries_live_and_can_be_made_again(
    room: Page, blueport: Blueport, receiver: Receiver
) -> None:
    webhook_id = makes(blueport, receiver.url, retry_delays_s=[1])
    receiver.answering = lambda _: 500
    blueport.texts(ADA, HOSTILE)
    until(lambda: receiver.heard)
    opens(room, blueport, f"{ROOM}/{webhook_id}")
    log = room.get_by_role("region", name="Deliveries")
    expect(log).to_contain_text("failed within itself (500)")
    log.get_by_role("link", name="message.received").click()

    expect(room.locator(".notice.bad")).to_contain_text("not tried again by itself")
    expect(room.get_by_role("region", name="Timeline")).to_contain_text("Given up")
    expect(room.get_by_role("region", name="Request").get_by_label("The body")).to_contain_text("<img src=x")
    assert "pwned" not in room.title()
    assert_accessible(room)
    receiver.answering = lambda _: 200
    room.get_by_role("button", name="Replay").focus()
    room.keyboard.press("Enter")

    expect(room.get_by_role("region", name="Timeline")).to_contain_text("Try 3")
    expect(room.locator(".head")).to_contain_text("delivered")


def test_what_failed_is_made_again_together(room: Page, blueport: Blueport, receiver: Receiver) -> None:
    webhook_id = makes(blueport, receiver.url, retry_delays_s=[])
    receiver.answering = lambda _: 500
    for text in ("One", "Two"):
        blueport.texts(ADA, text)
    opens(room, blueport, f"{ROOM}/{webhook_id}?state=failed")
    expect(room.get_by_role("region", name="Deliveries").get_by_role("row")).to_have_count(3)
    receiver.answering = lambda _: 200

    room.get_by_role("link", name="Replay").click()
    is_at(room, "Replay")
    assert_accessible(room)
    room.get_by_role("button", name="Replay").click()

    expect(room.get_by_role("status")).to_contain_text("They are replayed")
    expect(room.get_by_role("region", name="Deliveries").get_by_text("delivered", exact=True)).to_have_count(2)


def test_one_that_was_switched_off_says_so_and_is_switched_on(
    room: Page, blueport: Blueport, receiver: Receiver
) -> None:
    webhook_id = makes(blueport, receiver.url)
    opens(room, blueport, f"{ROOM}/{webhook_id}")
    receiver.answering = lambda _: 410

    blueport.texts(ADA, "Gone?")

    expect(room.locator(".notice.bad")).to_contain_text("It is disabled")
    assert_accessible(room)
    receiver.answering = lambda _: 200
    room.get_by_role("button", name="Enable").click()
    expect(room.get_by_role("status")).to_contain_text("is enabled")
    expect(room.get_by_role("region", name="Details")).to_contain_text("active")
    assert blueport.api("GET", "/v1/webhooks")["data"][0]["is_active"]


def test_another_secret_is_made_and_a_webhook_is_deleted_only_when_that_was_confirmed(
    room: Page, blueport: Blueport, receiver: Receiver
) -> None:
    webhook_id = makes(blueport, receiver.url)
    opens(room, blueport, f"{ROOM}/{webhook_id}")
    room.get_by_role("link", name="Rotate the secret").click()
    is_at(room, "Rotate the secret")
    assert_accessible(room)
    room.get_by_role("button", name="Create a new secret").click()
    expect(room.locator(".secret code")).to_contain_text("whsec_")
    assert_accessible(room)
    room.get_by_role("link", name="To the webhook").click()
    expect(room.get_by_role("region", name="Details")).to_contain_text("Earlier secret")

    room.locator("summary", has_text="Delete").focus()
    room.keyboard.press("Enter")
    expect(room.locator(".sheet")).to_contain_text("cannot be undone")
    assert_accessible(room)
    room.set_viewport_size({"width": 1100, "height": 800})
    room.get_by_role("button", name="Delete").focus()
    room.keyboard.press("Enter")

    expect(room.get_by_role("status")).to_contain_text("deleted")
    assert blueport.api("GET", "/v1/webhooks")["data"] == []


def test_events_appear_as_they_happen_with_whom_they_were_told(
    room: Page, blueport: Blueport, receiver: Receiver
) -> None:
    makes(blueport, receiver.url)
    room.get_by_role("link", name="Events").click()
    is_at(room, "Events")
    rows = room.get_by_role("region", name="Events").get_by_role("link", name="message.received")
    before = rows.count()

    blueport.texts(ADA, HOSTILE)

    expect(rows).to_have_count(before + 1)
    assert_accessible(room)
    room.get_by_label("Type").select_option("receipt.read")
    expect(room.get_by_role("region", name="Events")).to_contain_text("None of this type")
    room.get_by_label("Type").select_option("message.received")
    rows.first.click()
    is_at(room, "message.received")
    expect(room.get_by_role("region", name="Deliveries")).to_contain_text("delivered")
    expect(room.get_by_label("Its data")).to_contain_text("<img src=x")
    assert "pwned" not in room.title()
    assert_accessible(room)
