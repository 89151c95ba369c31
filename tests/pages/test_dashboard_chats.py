"""Chats on the dashboard in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from blueport.server.blobs.audio import transcode
from tests.pages.judging import HOSTILE, assert_accessible
from tests.pages.simulated import PNG, sent, tone
from tests.system.blueport import ADA, Blueport, until


@pytest.fixture(scope="module")
def blueport(blueport: Blueport) -> Blueport:
    """One to which Ada has written."""
    blueport.hears_first(ADA, "Hi")
    return blueport


@pytest.fixture
def chats(dashboard: Page, blueport: Blueport) -> Page:
    dashboard.goto(f"{blueport.said['api_url']}/dashboard/chats")
    return dashboard


@pytest.fixture
def chat(chats: Page) -> Page:
    chats.get_by_role("link", name=ADA).click()
    expect(chats.get_by_role("heading", level=1)).to_have_text(ADA)
    return chats


def test_a_new_text_moves_its_chat_to_the_top_while_one_looks(chats: Page, blueport: Blueport) -> None:
    first = chats.get_by_role("region", name="Chats").get_by_role("row").nth(1)
    expect(first).to_contain_text(ADA)
    assert_accessible(chats)

    carl = "+15550100002"
    blueport.texts(carl, HOSTILE)

    expect(first).to_contain_text(carl)
    expect(first).to_contain_text("<img src=x")
    assert "pwned" not in chats.title()


def test_what_is_typed_into_the_search_stays_when_the_list_changes(chats: Page, blueport: Blueport) -> None:
    field = chats.get_by_role("searchbox", name="Name, handle or words")
    field.fill("order 47")
    blueport.texts(ADA, "Where is order 4711?")
    expect(chats.get_by_role("region", name="Chats")).to_contain_text("order 4711?")

    field.press_sequentially("11")
    field.press("Enter")

    expect(chats.get_by_role("region", name="Chats")).to_contain_text("No chat is called so")
    assert_accessible(chats)
    chats.get_by_role("link", name="Where is order 4711?").click()
    expect(chats.locator(".looked-for")).to_contain_text("Where is order 4711?")
    expect(chats.locator(".looked-for")).to_be_in_viewport()
    assert_accessible(chats)


def test_a_conversation_is_followed_on_both_sides(chat: Page, blueport: Blueport) -> None:
    thread = chat.get_by_role("region", name="What was said")
    guid = blueport.texts(ADA, f"Look {HOSTILE}")
    hers = thread.get_by_role("listitem").filter(has_text="Look")
    expect(hers).to_contain_text("<img src=x")

    outbox_id = blueport.sends(ADA, "I see", reply_to=guid)
    ours = thread.locator("li.ours").filter(has_text="I see")
    expect(ours).to_contain_text("sent by the API")
    expect(ours).to_contain_text(f"Answers {ADA}: Look")
    expect(ours.get_by_role("link", name="sent by the API")).to_have_attribute("href", f"/dashboard/outbox/{outbox_id}")
    expect(chat.get_by_role("region", name="Activity")).to_contain_text("message.sent")

    blueport.simulator("POST", f"/people/{ADA}/reactions", {"guid": guid, "emoji": "🎉"})
    expect(hers.get_by_role("list", name="Reactions")).to_contain_text("🎉")
    blueport.simulator("POST", f"/people/{ADA}/typing", {"is_typing": True})
    expect(thread).to_contain_text(f"{ADA} is typing")
    blueport.simulator("POST", f"/people/{ADA}/typing", {"is_typing": False})
    expect(thread).not_to_contain_text("is typing")
    blueport.simulator("POST", f"/people/{ADA}/unsends", {"guid": guid})
    expect(thread).to_contain_text("This message was unsent.")
    assert "pwned" not in chat.title()
    assert_accessible(chat)


def test_it_begins_at_its_end_and_stays_there(chat: Page, blueport: Blueport) -> None:
    for number in range(12):
        blueport.texts(ADA, f"One of many, number {number}")
    newest = chat.get_by_text("number 11", exact=False)

    expect(newest).to_be_in_viewport()
    chat.reload()
    expect(newest).to_be_in_viewport()


def test_pictures_are_seen_and_other_files_can_be_saved(chat: Page, blueport: Blueport) -> None:
    heic = b"\0\0\0\x18ftypheic"
    for file in (
        sent("dot.png", PNG, "image/png"),
        sent("grace.vcf", b"BEGIN:VCARD", "text/vcard"),
        sent("IMG_1.HEIC", heic, "image/heic"),
    ):
        blueport.simulator("POST", f"/people/{ADA}/messages", {"attachment": file})

    picture = chat.get_by_role("img", name="Picture dot.png")
    expect(picture).to_be_visible()
    until(lambda: picture.evaluate("picture => picture.complete && picture.naturalWidth"))
    card = chat.get_by_role("link", name="grace.vcf")
    expect(card).to_be_visible()
    with chat.expect_download() as saved:
        card.click()
    assert saved.value.suggested_filename == "grace.vcf"
    expect(chat.get_by_role("listitem").filter(has_text="IMG_1.HEIC")).to_contain_text("image/heic · 12 Bytes")
    assert_accessible(chat)


def test_a_voice_message_is_played_and_read_while_the_chat_goes_on(
    chat: Page, blueport: Blueport, tmp_path: Path
) -> None:
    (tmp_path / "memo.wav").write_bytes(tone(seconds=1))
    transcode(tmp_path / "memo.wav", tmp_path / "memo.caf")
    for content in ((tmp_path / "memo.caf").read_bytes(), b"caff\0\1\0\0broken"):
        memo = {
            "attachment": sent("memo.caf", content, "audio/x-caf"),
            "is_audio": True,
            "transcription": "See you at six",
        }
        blueport.simulator("POST", f"/people/{ADA}/messages", memo)
    heard = chat.get_by_role("listitem").filter(has_text="See you at six")
    expect(heard).to_have_count(2)
    assert_accessible(chat)

    heard.first.get_by_role("button", name="Play").press("Enter")

    player = heard.first.get_by_label("The voice message")
    expect(player).to_be_focused()
    until(lambda: player.evaluate("player => player.duration > 0.9 && player.duration < 1.1 && player.ended"))
    assert_accessible(chat)
    blueport.texts(ADA, "Did you hear?")
    expect(chat.get_by_role("region", name="What was said")).to_contain_text("Did you hear?")
    expect(player).to_be_focused()
    heard.last.get_by_role("button", name="Play").click()
    expect(heard.last).to_contain_text("This browser cannot play it")
    expect(heard.last.get_by_role("link", name="Audio Message.caf")).to_be_visible()


def test_what_failed_stays_in_the_chat_with_its_reason(chat: Page, blueport: Blueport) -> None:
    blueport.simulator("POST", "/faults", {"next": "undelivered", "number": 22})
    blueport.sends(ADA, "To nobody")

    expect(chat.locator("li.ours").filter(has_text="To nobody")).to_contain_text("Not sent")
    assert_accessible(chat)
    chat.get_by_role("link", name="Not sent").click()
    expect(chat.locator(".notice")).to_contain_text("Nobody can be reached by iMessage")


def test_a_chat_is_searched_by_keyboard(chat: Page, blueport: Blueport) -> None:
    blueport.texts(ADA, "The needle")
    expect(chat.get_by_role("region", name="What was said")).to_contain_text("The needle")

    chat.get_by_role("searchbox", name="Words in this chat").press_sequentially("NEEDLE")
    chat.keyboard.press("Enter")

    expect(chat.get_by_role("region", name="Messages")).to_contain_text("The needle")
    assert_accessible(chat)
    chat.get_by_role("link", name="The needle").press("Enter")
    expect(chat.locator(".looked-for")).to_contain_text("The needle")
