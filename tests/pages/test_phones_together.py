"""The phone page as a whole in a real browser: two phones, the address, small windows, the keyboard, and being away."""

import socket
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.pages.judging import assert_accessible
from tests.pages.simulated import FOUND_BY, LINE, PNG, SECOND_LINE, Mac, bubble, sent, tone
from tests.patience import PATIENCE_S
from tests.system.blueport import answer, until
from tests.warm import BLUEPORT

WIDE = {"width": 1440, "height": 900}
SMALL = {"width": 390, "height": 844}


class TestTwoPhones:
    def test_a_second_one_is_opened_beside_and_both_are_live(self, hers: Page, mac: Mac, her: str) -> None:
        other = mac.person()
        hers.set_viewport_size(WIDE)
        row = hers.locator("#people li").filter(has=hers.get_by_text(mac.name(other), exact=True))
        row.hover()
        row.get_by_role("button", name=f"Open {mac.name(other)} beside").click()
        hers_own, his = (hers.get_by_label(f"Phone of {mac.name(person)}") for person in (her, other))
        expect(his.get_by_label("Message", exact=True)).to_be_focused()
        hers.keyboard.type("From the second")
        hers.keyboard.press("Enter")

        mac.does(her, "messages", text="From the first")

        expect(bubble(his, "From the second")).to_be_visible()
        expect(bubble(hers_own, "From the first")).to_be_visible()
        expect(hers_own.locator(".bubbles")).not_to_contain_text("From the second")

    def test_the_phone_itself_opens_one_for_somebody_else(self, hers: Page, mac: Mac, her: str) -> None:
        hers.set_viewport_size(WIDE)

        hers.get_by_role("button", name="Open a second phone").click()

        expect(hers.locator(".phone")).to_have_count(2)
        expect(hers.locator(".owner").last).not_to_have_text(mac.name(her))

    def test_the_address_keeps_which(self, page: Page, mac: Mac) -> None:
        hers, his = mac.person(), mac.person()
        group = mac.group(hers, his, name="Tea")
        page.set_viewport_size(WIDE)
        page.goto(f"{mac.url}/#{hers}/{group}&{his}")
        expect(page.locator(".phone")).to_have_count(2)

        mac.does(his, "messages", text="Five?", to=group)
        expect(bubble(page.locator(".phone").first, "Five?")).to_be_visible()
        page.locator(".phone").last.locator(".chats").get_by_text("Tea").click()
        expect(bubble(page.locator(".phone").last, "Five?")).to_be_visible()
        page.reload()

        expect(bubble(page.locator(".phone").first, "Five?")).to_be_visible()
        expect(bubble(page.locator(".phone").last, "Five?")).to_be_visible()

    def test_one_is_closed_again(self, page: Page, mac: Mac) -> None:
        hers, his = mac.person(), mac.person()
        page.set_viewport_size(WIDE)
        page.goto(f"{mac.url}/#{hers}&{his}")

        page.get_by_label(f"Phone of {mac.name(hers)}").get_by_role("button", name="Close this phone").click()

        expect(page.locator(".phone")).to_have_count(1)
        expect(page.locator(".owner")).to_have_text(mac.name(his))
        page.reload()
        expect(page.locator(".owner")).to_have_text(mac.name(his))

    def test_one_person_may_have_two_conversations_open(self, page: Page, mac: Mac) -> None:
        hers = mac.person()
        page.set_viewport_size(WIDE)
        page.goto(f"{mac.url}/#{hers}&{hers}/{SECOND_LINE}")

        mac.does(hers, "messages", text="To the first")
        mac.does(hers, "messages", text="To the second", to=SECOND_LINE)

        expect(page.locator(".phone").first.locator(".part")).to_have_text("To the first⋯")
        expect(page.locator(".phone").last.locator(".part")).to_have_text("To the second⋯")

    def test_whoever_looks_into_it_is_told_which_conversation_is_open(self, page: Page, mac: Mac) -> None:
        hers, his = mac.person(), mac.person()
        page.add_init_script(
            "window.told = []; document.addEventListener('conversation', ({ detail }) => told.push(detail));"
        )
        page.set_viewport_size(WIDE)
        page.goto(f"{mac.url}/#{hers}&{his}")
        expect(page.locator(".owner").last).to_have_text(mac.name(his))

        page.locator(".phone").last.get_by_label("Message", exact=True).click()

        last = {"person": his, "chat": LINE, "line": LINE}
        until(lambda: page.evaluate("told.at(-1)") == last)


class TestSmallWindows:
    def test_a_person_is_picked_and_left_as_on_a_phone(self, page: Page, mac: Mac) -> None:
        hers = mac.person()
        page.set_viewport_size(SMALL)
        page.goto(mac.url)
        expect(page.locator(".phone")).to_be_hidden()
        page.get_by_role("button", name=mac.name(hers)).first.click()
        expect(page.locator(".phone")).to_be_visible()
        expect(page.locator("#people")).to_be_hidden()

        page.get_by_role("button", name="All people").click()

        expect(page.locator("#people")).to_be_visible()
        expect(page.locator(".phone")).to_be_hidden()
        page.go_back()
        expect(page.locator(".phone")).to_be_visible()

    def test_what_lies_behind_the_list_is_not_read(self, page: Page, mac: Mac, her: str) -> None:
        page.set_viewport_size(SMALL)
        page.goto(f"{mac.url}/#{her}")
        page.get_by_role("button", name="All people").click()

        guid = mac.says(her, "There", mac.phone(her)[0]["guid"])

        expect(page.locator(".person.unread", has_text=mac.name(her))).to_contain_text("There")
        assert [each["read_at"] for each in mac.phone(her) if each["guid"] == guid] == [None]

    def test_the_inspector_lies_behind_a_tab_there_and_beside_the_phone_where_there_is_room(
        self, page: Page, mac: Mac, her: str
    ) -> None:
        page.set_viewport_size(SMALL)
        page.goto(f"{mac.url}/#{her}")
        expect(page.locator(".phone")).to_be_visible()
        expect(page.locator("#inspector")).to_be_hidden()
        page.get_by_role("button", name="Inspector").click()
        expect(page.locator("#inspector")).to_be_visible()
        expect(page.locator(".phone")).to_be_hidden()
        page.get_by_role("button", name="Phones").click()
        expect(page.locator("#inspector")).to_be_hidden()
        expect(page.locator(".phone")).to_be_visible()

        page.set_viewport_size(WIDE)

        expect(page.locator("#inspector")).to_be_visible()
        expect(page.locator(".phone")).to_be_visible()


class TestKeyboard:
    def test_all_that_can_be_done_with_a_bubble_can_be_done_by_keys(self, hers: Page, mac: Mac, her: str) -> None:
        mac.does(her, "messages", text="Second")
        expect(bubble(hers, "Second")).to_be_visible()
        hers.get_by_label("Message", exact=True).focus()
        hers.keyboard.press("ArrowUp")
        expect(bubble(hers, "Second")).to_be_focused()
        hers.keyboard.press("ArrowUp")
        expect(bubble(hers, "Hi")).to_be_focused()
        hers.keyboard.press("Enter")
        expect(hers.get_by_role("menuitemcheckbox", name="love")).to_be_focused()
        hers.keyboard.press("Escape")
        expect(bubble(hers, "Hi")).to_be_focused()
        hers.keyboard.press("Enter")
        hers.keyboard.press("ArrowRight")
        hers.keyboard.press("Enter")

        expect(bubble(hers, "Hi").get_by_label("Liked by Person")).to_be_visible()
        expect(bubble(hers, "Hi")).to_be_focused()
        assert [each["tapback"] for each in mac.phone(her)[0]["reactions"]] == ["like"]

    @pytest.mark.parametrize("key", ["Space", "ContextMenu", "Shift+F10"])
    def test_the_keys_of_menus_open_one(self, hers: Page, key: str) -> None:
        hers.get_by_label("Message", exact=True).press("ArrowUp")

        hers.keyboard.press(key)

        expect(hers.get_by_role("menu")).to_be_visible()

    def test_tab_leads_to_one_bubble_alone_and_to_what_is_in_it(self, hers: Page, mac: Mac, her: str) -> None:
        for number in range(2):
            mac.does(her, "messages", attachment=sent(f"{number}.png", PNG, "image/png"))
        expect(hers.locator(".picture")).to_have_count(2)

        tabbed = hers.locator(".bubbles [tabindex='0']")

        expect(tabbed).to_have_count(2)
        expect(tabbed.last).to_have_class("bubble picture")

    def test_a_menu_goes_round_and_the_focus_comes_back(self, hers: Page) -> None:
        hers.get_by_role("button", name="Add", exact=True).focus()
        hers.keyboard.press("Enter")
        expect(hers.get_by_role("menuitem", name="Photo or file")).to_be_focused()
        hers.keyboard.press("ArrowUp")
        expect(hers.get_by_role("menuitem", name="Contact")).to_be_focused()
        hers.keyboard.press("ArrowDown")
        expect(hers.get_by_role("menuitem", name="Photo or file")).to_be_focused()
        hers.keyboard.press("Escape")

        expect(hers.get_by_role("button", name="Add", exact=True)).to_be_focused()

    def test_what_comes_is_told_once_and_not_what_was_there(self, hers: Page, mac: Mac, her: str) -> None:
        expect(hers.locator(".said")).to_have_text("")

        mac.says(her, "There", mac.phone(her)[0]["guid"])

        expect(hers.locator(".said")).to_have_text("+1 (555) 010-0000: There")

    def test_the_focus_is_never_lost(self, hers: Page, mac: Mac, her: str) -> None:
        writing = hers.get_by_label("Message", exact=True)
        writing.fill("Soon gone")
        hers.get_by_role("button", name="Send", exact=True).click()
        expect(bubble(hers, "Soon gone")).to_be_visible()
        expect(writing).to_be_focused()
        until(lambda: mac.phone(her)[-1]["delivered"])
        hers.keyboard.press("ArrowUp")
        for key in ("Enter", "End", "Enter"):
            hers.keyboard.press(key)
        expect(hers.locator(".fate")).to_have_text("You unsent a message")
        expect(writing).to_be_focused()

        hers.locator(".sound").set_input_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": tone()})
        expect(hers.get_by_role("button", name="Send the voice memo")).to_be_focused()
        hers.keyboard.press("Escape")
        expect(writing).to_be_focused()

        hers.locator(".peer").press("Enter")
        expect(hers.get_by_role("dialog").get_by_label("owner")).to_be_focused()
        hers.keyboard.press("Escape")
        hers.get_by_role("button", name="New group").press("Enter")
        expect(hers.get_by_role("dialog").get_by_label("Name of the group")).to_be_focused()
        hers.keyboard.type("Keys")
        hers.keyboard.press("Enter")
        expect(hers.locator(".peer")).to_contain_text("Keys")
        expect(writing).to_be_focused()
        hers.locator(".peer").press("Enter")
        expect(hers.get_by_role("dialog").get_by_label("Name of the group")).to_be_focused()


class TestAccessibility:
    @pytest.mark.parametrize("shown", ["conversation", "group", "green", "list", "menu", "emoji", "contact", "details"])
    def test_axe_finds_nothing(self, page: Page, mac: Mac, shown: str) -> None:
        person = mac.person(has_imessage=shown != "green")
        group = mac.group(person, mac.person(), name="Tea")
        for to in (LINE, group):
            mac.does(person, "messages", text="Hi", to=to)
        mac.does(person, "messages", attachment=sent("dot.png", PNG, "image/png"))
        mac.does(person, "messages", attachment=sent("memo.wav", tone()), is_audio=True, transcription="There")
        mac.does(person, "messages", attachment=sent("a.vcf", b"BEGIN:VCARD\nFN:Eve\nTEL:1\nEND:VCARD", "text/vcard"))
        mac.does(person, "messages", attachment=sent("a.pdf", b"%PDF", "application/pdf"))
        mac.does(person, "reactions", guid=mac.phone(person)[0]["guid"], emoji="🔥")
        asked = {"list": "", "group": f"#{person}/{group}"}.get(shown, f"#{person}&{person}/{group}")
        page.goto(mac.url + "/" + asked)
        expect(page.locator(".part").first).to_contain_text("Hi")

        _open(page, shown)

        assert_accessible(page)


class TestBeingAway:
    def test_it_says_so_and_what_was_missed_comes_later(self, page: Page, tmp_path: Path) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        first = _simulator(tmp_path, listening)
        person = "+15550100001"
        answer("POST", f"{url}/people/{person}/messages", {"text": "Before"}, {})
        page.goto(f"{url}/#{person}")
        expect(bubble(page, "Before")).to_be_visible()

        first.terminate()
        first.wait(timeout=PATIENCE_S)
        expect(page.locator("#away")).to_be_visible()
        second = _simulator(tmp_path, listening)
        answer("POST", f"{url}/people/{person}/messages", {"text": "After"}, {})

        expect(bubble(page, "After")).to_be_visible()
        expect(page.locator("#away")).to_be_hidden()
        second.terminate()
        second.wait(timeout=PATIENCE_S)
        listening.close()


def _simulator(folder: Path, listening: socket.socket) -> subprocess.Popen[bytes]:
    fd = listening.fileno()
    return subprocess.Popen(
        [*BLUEPORT, "simulate", f"--fd={fd}"],
        pass_fds=[fd],
        env={**FOUND_BY, "BLUEPORT_SIMULATOR_FOLDER": str(folder), "BLUEPORT_SIMULATOR_LINES": LINE},
    )


def _open(page: Page, shown: str) -> None:
    if shown == "menu":
        page.locator(".part").first.click(button="right")
    if shown == "details":
        page.locator(".peer").first.click()
    if shown == "contact":
        page.get_by_role("button", name="Add", exact=True).first.click()
        page.get_by_role("menuitem", name="Contact").click()
    if shown == "emoji":
        page.locator(".part").first.click(button="right")
        page.get_by_label("Another emoji").click()
