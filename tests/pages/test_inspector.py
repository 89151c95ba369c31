"""The inspector and the fault menu beside the phones, in a real browser."""

import contextlib
import itertools
import json
import os
import re
import signal
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.judging import HOSTILE, assert_accessible
from tests.system.blueport import Blueport, until
from tests.system.receiver import Receiver

NOT_ADVANCED = re.compile("AppleScript cannot do this|advanced features")
_numbers = itertools.count(1)


class Talk(NamedTuple):
    """A conversation of somebody's who is new here, and the page that shows it."""

    page: Page
    blueport: Blueport
    person: str

    def texts(self, text: str = "Hi") -> None:
        """Have her write, and the server know of it."""
        self.blueport.texts(self.person, text)
        until(lambda: self.rows("Event", "message.received").count())

    def sends(self, text: str = "Hello") -> str:
        return self.blueport.sends(self.person, text)

    def is_refused(self, text: str = "Hi", line: str = "") -> None:
        """Make a request that is refused. It names her: one that names nobody is in everybody's list."""
        with pytest.raises(AssertionError):
            self.blueport.sends(self.person, text, **{"from": line or self.blueport.line})

    def rows(self, kind: str, title: str = "") -> Locator:
        found = self.page.locator("button.entry").filter(has=self.page.locator(".kind", has_text=kind))
        return found.filter(has=self.page.locator(".title", has_text=title)) if title else found

    def opens(self, row: Locator) -> Locator:
        """Open a row; return its JSON."""
        row.click()
        expect(row).to_have_attribute("aria-expanded", "true")
        return self.page.locator(f"[id='{row.get_attribute('aria-controls')}'] pre")

    def menu(self) -> Locator:
        """Open the menu, unless it is open."""
        opener = self.page.get_by_role("button", name="Make something go wrong")
        if opener.get_attribute("aria-expanded") == "false":
            opener.click()
        return self.page.locator("#faults")


@pytest.fixture
def talk(page: Page, blueport: Blueport) -> Iterator[Talk]:
    page.set_viewport_size({"width": 1440, "height": 900})
    person = f"+155501020{next(_numbers):02}"
    blueport.simulator("POST", "/people", {"handle": person, "name": "Grace"})
    page.goto(f"{blueport.said['phone_url']}#{person}")
    expect(page.locator(".inspector-status")).to_have_text("Live")
    yield Talk(page, blueport, person)
    blueport.simulator("DELETE", "/faults")


class TestTheList:
    def test_a_sending_shows_without_a_reload_as_all_that_it_is(self, talk: Talk) -> None:
        with Receiver() as receiver:
            webhook = talk.blueport.api(
                "POST", "/v1/webhooks", {"from": "", "url": receiver.url, "events": ["message.sent"]}
            )
            talk.texts()
            talk.sends()

            expect(talk.rows("Request", "POST /v1/messages").locator(".state")).to_have_text("201")
            expect(talk.rows("Outbox", "Text").locator(".state")).to_have_text("sent")
            expect(talk.rows("Event", "message.sent")).to_be_visible()
            expect(talk.rows("Delivery", "message.sent").locator(".state")).to_have_text("delivered")
            talk.blueport.api("DELETE", "/v1/webhooks", {"id": webhook["id"]})

    def test_a_delivery_that_failed_says_why(self, talk: Talk) -> None:
        with Receiver(lambda _: 404) as receiver:
            wanted = {"from": "", "url": receiver.url, "events": ["message.received"]}
            webhook = talk.blueport.api("POST", "/v1/webhooks", wanted)
            talk.texts()

            expect(talk.rows("Delivery", "message.received")).to_contain_text("nothing at that path (404)")
            talk.blueport.api("DELETE", "/v1/webhooks", {"id": webhook["id"]})

    def test_a_row_opens_its_json(self, talk: Talk) -> None:
        talk.texts()
        outbox_id = talk.sends("Look inside")

        told = json.loads(talk.opens(talk.rows("Request", "POST /v1/messages")).inner_text())

        assert told["request"]["body"]["text"] == "Look inside"
        assert told["answer"]["body"]["id"] == outbox_id

    def test_its_state_goes_on_while_it_is_open(self, talk: Talk) -> None:
        talk.texts()
        talk.blueport.simulator("POST", "/faults", {"next": "late", "after_ms": 1500})
        talk.sends()
        row = talk.rows("Outbox", "Text")

        expect(row.locator(".state")).to_have_text("claimed")
        told = talk.opens(row)
        expect(told).to_contain_text('"claimed"')

        expect(row.locator(".state")).to_have_text("sent")
        expect(told).to_contain_text('"sent"')
        expect(row).to_have_attribute("aria-expanded", "true")

    def test_a_refusal_says_why_in_words(self, talk: Talk) -> None:
        talk.is_refused()

        row = talk.rows("Request", "POST /v1/messages")

        expect(row.locator(".state")).to_have_text("403")
        expect(row.locator(".note")).to_have_text("They have to message this line first.")

    def test_another_conversation_is_another_list(self, talk: Talk) -> None:
        talk.texts()

        talk.page.locator(".chats").get_by_text("0199").click()
        talk.is_refused(line=talk.blueport.said["sandbox_line"])

        expect(talk.rows("Request", "POST /v1/messages")).to_be_visible()
        expect(talk.rows("Event")).to_have_count(0)

    def test_kinds_can_be_chosen(self, talk: Talk) -> None:
        talk.texts()
        talk.sends()
        expect(talk.rows("Outbox")).to_be_visible()

        talk.page.get_by_role("button", name="Outbox", exact=True).click()

        expect(talk.rows("Outbox")).to_be_visible()
        expect(talk.rows("Request", "POST /v1/messages")).to_be_hidden()
        expect(talk.page.get_by_role("button", name="Outbox", exact=True)).to_have_attribute("aria-pressed", "true")

    def test_a_request_can_be_copied_for_a_shell(self, talk: Talk) -> None:
        talk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        talk.texts()
        talk.sends("It's me; $HOME `id`")
        talk.opens(talk.rows("Request", "POST /v1/messages"))

        talk.page.get_by_role("button", name="Copy as curl").click()

        expect(talk.page.locator(".copied")).to_have_text("Copied")
        copied = talk.page.evaluate("navigator.clipboard.readText()")
        assert f"'{talk.blueport.said['api_url']}/v1/messages'" in copied
        assert "It'\\''s me; $HOME `id`" in copied
        assert talk.blueport.said["api_key"] not in copied

    def test_a_hostile_text_is_shown_as_text(self, talk: Talk) -> None:
        talk.texts(HOSTILE)

        told = talk.opens(talk.rows("Event", "message.received"))

        expect(told).to_contain_text("<img src=x")
        assert talk.page.locator("#inspector img").count() == 0
        assert talk.page.title() != "pwned"

    def test_what_is_new_is_in_sight(self, talk: Talk) -> None:
        for number in range(12):
            talk.texts(f"text {number}")

        expect(talk.rows("Event").last).to_be_in_viewport()
        expect(talk.rows("Event").last.locator(".note")).to_contain_text("text 11")
        expect(talk.menu()).to_be_visible()
        expect(talk.rows("Event").last).to_be_in_viewport()
        talk.texts("text 12")
        expect(talk.rows("Event")).to_have_count(13)
        expect(talk.rows("Event").last).to_be_in_viewport()

    def test_while_the_server_is_away_it_says_so_and_goes_on_afterwards(self, talk: Talk) -> None:
        talk.texts()
        os.kill(talk.blueport.child("serve"), signal.SIGKILL)

        expect(talk.page.locator(".inspector-status")).to_contain_text("away")
        expect(talk.page.locator(".inspector-status")).to_have_text("Live")
        expect(talk.rows("Event", "message.received")).to_be_visible()
        talk.sends("Back again")

        expect(talk.rows("Outbox").locator(".state")).to_have_text("sent")

    def test_while_nothing_has_happened_it_says_how_to_begin(self, talk: Talk) -> None:
        # The server that follows knows of no requests.
        os.kill(talk.blueport.child("serve"), signal.SIGKILL)
        expect(talk.page.locator(".inspector-status")).to_contain_text("away")
        expect(talk.page.locator(".inspector-status")).to_have_text("Live")

        talk.page.reload()

        expect(talk.page.locator(".nothing")).to_be_visible()
        expect(talk.page.locator(".nothing")).to_contain_text(talk.blueport.said["api_url"] + "/v1/messages")
        expect(talk.page.locator(".nothing")).to_contain_text(talk.person)


class TestTheKeyboard:
    def test_rows_are_walked_by_arrows_and_opened_by_enter(self, talk: Talk) -> None:
        talk.texts()
        talk.sends()
        expect(talk.rows("Outbox").locator(".state")).to_have_text("sent")
        talk.rows("Event", "message.received").focus()

        talk.page.keyboard.press("End")
        talk.page.keyboard.press("ArrowUp")
        talk.page.keyboard.press("Enter")

        opened = talk.page.locator("button.entry[aria-expanded='true']")
        expect(opened).to_be_focused()
        assert talk.page.locator("button.entry").all()[-2].get_attribute("aria-expanded") == "true"

    def test_the_tab_key_meets_one_row(self, talk: Talk) -> None:
        talk.texts("one")
        talk.texts("two")

        assert talk.page.locator("button.entry[tabindex='0']").count() == 1

    def test_a_fault_is_made_without_a_mouse(self, talk: Talk) -> None:
        talk.page.get_by_role("button", name="Make something go wrong").focus()
        talk.page.keyboard.press("Enter")
        talk.page.keyboard.press("Tab")
        talk.page.keyboard.press("Enter")
        expect(talk.page.locator("#faults")).to_contain_text("1 to come")

        talk.page.keyboard.press("Escape")

        expect(talk.page.locator("#faults")).to_be_hidden()
        expect(talk.page.get_by_role("button", name="Make something go wrong")).to_be_focused()


def test_everybody_can_use_it_in_any_width_and_colour(talk: Talk) -> None:
    talk.texts()
    talk.is_refused("")
    talk.menu().get_by_role("button", name="Fail", exact=True).click()
    talk.sends("Fails")
    talk.menu().get_by_role("button", name="Hang").click()
    talk.page.get_by_role("switch", name="Advanced features off").click()
    talk.opens(talk.rows("Event", "message.received"))
    expect(talk.rows("Outbox").locator(".state")).to_have_text("failed")
    expect(talk.page.locator("#faults")).to_contain_text("1 to come")
    talk.page.set_viewport_size({"width": 390, "height": 900})
    talk.page.locator("#views").get_by_text("Inspector").click()

    assert_accessible(talk.page)


class TestFaults:
    @pytest.mark.parametrize(
        ("name", "note"),
        [
            ("Fail", "Messages refused the script, with Apple's error -10000."),
            ("Not delivered", "Nobody can be reached by iMessage at this address."),
            ("Ghost", "Messages wrote a message without text or chat"),
        ],
    )
    def test_what_the_line_sends_next_goes_wrong_and_says_how(self, talk: Talk, name: str, note: str) -> None:
        talk.texts()
        talk.menu().get_by_role("button", name=name, exact=True).click()
        expect(talk.page.locator("#faults")).to_contain_text("1 to come")

        talk.sends()

        expect(talk.rows("Outbox").locator(".note")).to_contain_text(note)
        expect(talk.page.locator("#faults")).not_to_contain_text("to come")

    def test_what_is_slow_is_claimed_for_a_while(self, talk: Talk) -> None:
        talk.texts()
        talk.menu().get_by_role("button", name="Slow").click()
        expect(talk.page.locator("#faults")).to_contain_text("1 to come")

        talk.sends("At last")

        expect(talk.rows("Outbox").locator(".state")).to_have_text("claimed")
        expect(talk.rows("Outbox").locator(".state")).to_have_text("sent")

    def test_several_can_be_lined_up_and_all_be_well_again(self, talk: Talk) -> None:
        menu = talk.menu()
        menu.get_by_role("button", name="Hang").click()
        menu.get_by_role("button", name="Hang").click()
        expect(menu).to_contain_text("2 to come")

        menu.get_by_role("button", name="All well again").click()

        expect(menu).not_to_contain_text("to come")
        assert talk.blueport.simulator("GET", "/faults") == []

    def test_each_button_lines_up_what_it_says(self, talk: Talk) -> None:
        menu = talk.menu()
        names = ["Slow", "Fail", "Not delivered", "Hang", "Lie", "Ghost"]
        for name in names:
            menu.get_by_role("button", name=name, exact=True).click()
        expect(menu.locator(".to-come", has_text="1 to come")).to_have_count(len(names))

        pending = talk.blueport.simulator("GET", "/faults")

        assert [each["next"] for each in pending] == ["late", "error", "undelivered", "hang", "silent", "ghost"]

    def test_an_offline_mac_sends_once_it_is_online_again(self, talk: Talk) -> None:
        talk.texts()
        switch = talk.menu().get_by_role("switch", name="Mac offline")
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "true")
        talk.sends("Whenever you can")
        expect(talk.rows("Outbox").locator(".state")).to_have_text("pending")

        switch.click()

        expect(talk.rows("Outbox").locator(".state")).to_have_text("sent")
        expect(talk.page.locator(".bubbles")).to_contain_text("Whenever you can")

    def test_without_advanced_features_a_tapback_is_not_done_and_the_row_says_so(self, talk: Talk) -> None:
        talk.texts()
        talk.menu().get_by_role("switch", name="Advanced features off").click()
        guid = talk.blueport.phone(talk.person)[0]["guid"]
        body = {"from": talk.blueport.line, "to": talk.person, "message_id": guid, "type": "love"}
        # The Mac finds out when it is used, or looks by itself just before: then the request is refused.
        with contextlib.suppress(AssertionError):
            talk.blueport.api("POST", "/v1/reactions", body)

        expect(talk.page.locator(".entries")).to_contain_text(NOT_ADVANCED)

    def test_a_person_without_imessage_writes_and_is_written_to_by_sms(self, talk: Talk) -> None:
        switch = talk.menu().get_by_role("switch", name="SMS only")
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "true")

        talk.texts("By SMS")

        talk.sends("In green")
        expect(talk.rows("Outbox").locator(".state")).to_have_text("sent")
        heard = json.loads(talk.opens(talk.rows("Event", "message.received")).inner_text())
        sent = json.loads(talk.opens(talk.rows("Outbox")).inner_text())
        assert (heard["data"]["service"], sent["sent_by"]) == ("sms", "sms")

    def test_a_switch_shows_what_others_have_switched(self, talk: Talk) -> None:
        switch = talk.menu().get_by_role("switch", name="Advanced features off")

        talk.blueport.simulator("POST", "/faults", {"next": "advanced_off"})

        expect(switch).to_have_attribute("aria-checked", "true")
