"""Bubbles on a phone in a real browser: what is put on them, becomes of them, and stands between them."""

import json
import subprocess
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route, expect

from tests.pages.judging import HOSTILE
from tests.pages.simulated import PNG, SECOND_LINE, Mac, bubble, open_menu, sent
from tests.system.blueport import answer, until


class TestEdits:
    def test_a_person_edits_a_message_and_takes_it_back(self, hers: Page, mac: Mac, her: str) -> None:
        open_menu(hers, "Hi").get_by_role("menuitem", name="Edit").click()
        expect(hers.get_by_label("Message", exact=True)).to_have_value("Hi")
        hers.get_by_label("Message", exact=True).fill("Hello")
        hers.keyboard.press("Enter")
        expect(hers.locator(".bubbles")).to_contain_text("Edited")
        expect(hers.get_by_label("Message", exact=True)).to_have_value("")
        assert mac.phone(her)[0]["text"] == "Hello"

        open_menu(hers, "Hello").get_by_role("menuitem", name="Undo Send").click()

        expect(hers.locator(".bubbles")).to_contain_text("You unsent a message")
        expect(hers.locator(".bubbles")).not_to_contain_text("Hello")
        assert mac.phone(her)[0]["text"] is None

    def test_what_messages_does_not_allow_is_said(self, hers: Page, mac: Mac, her: str) -> None:
        guid = mac.phone(her)[0]["guid"]
        for text in "abcde":
            mac.does(her, "edits", guid=guid, text=text)

        open_menu(hers, "e").get_by_role("menuitem", name="Edit").click()
        hers.get_by_label("Message", exact=True).fill("f")
        hers.keyboard.press("Enter")

        expect(hers.get_by_role("alert")).to_contain_text("five times")
        expect(hers.get_by_label("Message", exact=True)).to_have_value("f")

    def test_what_the_other_side_wrote_cannot_be_changed(self, hers: Page, mac: Mac, her: str) -> None:
        mac.says(her, "There", mac.phone(her)[0]["guid"])

        menu = open_menu(hers, "There")

        expect(menu.get_by_role("menuitem", name="Reply")).to_be_visible()
        assert menu.get_by_role("menuitem", name="Edit").count() == 0
        assert menu.get_by_role("menuitem", name="Undo Send").count() == 0


class TestReactions:
    def test_a_person_reacts_and_takes_it_back(self, hers: Page, mac: Mac, her: str) -> None:
        open_menu(hers, "Hi").get_by_label("laugh", exact=True).click()
        expect(bubble(hers, "Hi").get_by_label("Laughed at by Person")).to_be_visible()
        assert [each["tapback"] for each in mac.phone(her)[0]["reactions"]] == ["laugh"]

        laugh = open_menu(hers, "Hi").get_by_label("laugh", exact=True)
        expect(laugh).to_have_attribute("aria-checked", "true")
        laugh.click()

        expect(bubble(hers, "Hi").locator(".badges")).to_have_count(0)
        assert mac.phone(her)[0]["reactions"] == []

    @pytest.mark.parametrize("chosen", ["🔥", "🦔"])
    def test_any_emoji_will_do(self, hers: Page, mac: Mac, her: str, chosen: str) -> None:
        open_menu(hers, "Hi").get_by_label("Another emoji").click()
        sheet = hers.get_by_role("dialog")
        if chosen == "🔥":
            sheet.get_by_role("button", name=chosen).click()
        else:
            sheet.get_by_label("Any other").fill(chosen)
            sheet.get_by_role("button", name="React").click()

        expect(bubble(hers, "Hi").get_by_label(f"Reacted {chosen} by")).to_be_visible()
        assert [each["emoji"] for each in mac.phone(her)[0]["reactions"]] == [chosen]
        open_menu(hers, "Hi").get_by_label(chosen, exact=True).click()
        expect(bubble(hers, "Hi").locator(".badges")).to_have_count(0)

    @pytest.mark.parametrize("pointer", ["touch", "mouse"])
    def test_a_long_press_opens_the_choice(self, hers: Page, pointer: str) -> None:
        hers.locator(".bubble", has_text="Hi").dispatch_event("pointerdown", {"pointerType": pointer, "button": 0})

        expect(hers.get_by_role("menu").get_by_role("group", name="Tapback")).to_be_visible()

    def test_a_mouse_that_is_held_and_let_go_leaves_it_open_and_a_click_elsewhere_closes_it(self, hers: Page) -> None:
        hers.locator(".bubble", has_text="Hi").hover()
        hers.mouse.down()
        expect(hers.get_by_role("menu")).to_be_visible()
        hers.mouse.up()
        expect(hers.get_by_role("menu")).to_be_visible()

        hers.mouse.click(5, 400)

        expect(hers.get_by_role("menu")).to_have_count(0)

    def test_the_other_button_of_the_mouse_opens_it_too(self, hers: Page) -> None:
        hers.locator(".bubble", has_text="Hi").click(button="right")

        expect(hers.get_by_role("menu")).to_be_visible()

    def test_what_the_line_puts_on_a_message_shows_at_once(self, hers: Page, mac: Mac, her: str) -> None:
        mac.line("tapback", her, message_guid=mac.phone(her)[0]["guid"], reaction="love")

        expect(bubble(hers, "Hi").get_by_label("Loved by +1 (555) 010-0000")).to_be_visible()

    def test_a_hostile_emoji_is_shown_as_text(self, hers: Page, mac: Mac, her: str) -> None:
        mac.does(her, "reactions", guid=mac.phone(her)[0]["guid"], emoji="<img src=x>")

        expect(bubble(hers, "Hi").locator(".badges")).to_contain_text("<img")
        assert hers.locator(".bubbles img").count() == 0

    def test_a_part_has_its_own(self, hers: Page, mac: Mac, her: str) -> None:
        guid = mac.does(her, "messages", text="look", attachment=sent("dot.png", PNG, "image/png"))["guid"]

        mac.does(her, "reactions", guid=guid, tapback="love", part=1)

        expect(bubble(hers, "look").locator(".badges span")).to_have_count(1)
        expect(hers.locator(".badges")).to_have_count(1)


class TestReplies:
    def test_a_person_answers_one_message_of_many(self, hers: Page, mac: Mac, her: str) -> None:
        open_menu(hers, "Hi").get_by_role("menuitem", name="Reply").click()
        expect(hers.locator(".about")).to_contain_text("Hi")
        hers.get_by_label("Message", exact=True).fill("As I said")
        hers.keyboard.press("Enter")

        expect(hers.locator(".bubbles li").filter(has_text="As I said").locator(".quote")).to_have_text("Hi")
        expect(hers.locator(".about")).to_be_hidden()
        first, second = mac.phone(her)
        assert second["reply_to_guid"] == first["guid"]
        mac.does(her, "unsends", guid=second["guid"])
        expect(hers.locator(".quote")).to_have_count(0)

    def test_it_can_be_thought_better_of(self, hers: Page, mac: Mac, her: str) -> None:
        open_menu(hers, "Hi").get_by_role("menuitem", name="Reply").click()
        hers.keyboard.press("Escape")
        hers.get_by_label("Message", exact=True).fill("Anyway")
        hers.keyboard.press("Enter")

        expect(bubble(hers, "Anyway")).to_be_visible()
        assert mac.phone(her)[1]["reply_to_guid"] is None

    def test_a_reply_of_the_line_quotes_what_it_answers_and_leads_there(self, hers: Page, mac: Mac, her: str) -> None:
        first = mac.phone(her)[0]["guid"]
        for number in range(30):
            mac.does(her, "messages", text=f"More {number}")
        mac.says(her, "There", first)
        expect(bubble(hers, "There")).to_be_in_viewport()

        hers.locator(".bubbles li").filter(has_text="There").locator(".quote").click()

        expect(hers.locator(".part").first).to_be_in_viewport()
        expect(hers.locator(".part").first).to_be_focused()


class TestTyping:
    def test_the_line_types(self, hers: Page, mac: Mac, her: str) -> None:
        mac.line("typing", her, typing=True)
        expect(hers.get_by_label("is typing")).to_be_visible()

        mac.line("typing", her, typing=False)

        expect(hers.get_by_label("is typing")).to_have_count(0)

    def test_a_page_that_is_opened_later_shows_it_and_a_message_ends_it(self, page: Page, mac: Mac, her: str) -> None:
        mac.line("typing", her, typing=True)
        page.goto(f"{mac.url}/#{her}")
        expect(page.get_by_label("is typing")).to_be_visible()

        mac.says(her, "There", mac.phone(her)[0]["guid"])

        expect(page.get_by_label("is typing")).to_have_count(0)

    def test_the_line_is_told_of_who_types_and_of_the_end(self, hers: Page, mac: Mac) -> None:
        command = [str(mac.folder / "bin/imsg"), "rpc"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as imsg:
            assert imsg.stdin is not None
            assert imsg.stdout is not None
            imsg.stdin.write('{"id": 1, "method": "bridge.events.subscribe", "params": {}}\n')
            imsg.stdin.flush()
            assert "subscription" in imsg.stdout.readline()

            hers.get_by_label("Message", exact=True).fill("Wel")
            begun = json.loads(imsg.stdout.readline())["params"]["event"]["event"]
            hers.get_by_label("Message", exact=True).fill("")
            ended = json.loads(imsg.stdout.readline())["params"]["event"]["event"]
            imsg.kill()

        assert (begun, ended) == ("started-typing", "stopped-typing")


class TestReading:
    def test_the_author_sees_that_it_was_read(self, hers: Page, mac: Mac, her: str) -> None:
        expect(hers.locator(".receipt")).to_have_text("Delivered")

        mac.line("read", her)

        expect(hers.locator(".receipt")).to_contain_text("Read ")

    def test_what_came_after_that_is_only_delivered(self, hers: Page, mac: Mac, her: str) -> None:
        mac.line("read", her)

        mac.does(her, "messages", text="And?")

        expect(hers.locator(".receipt")).to_have_count(2)
        expect(hers.locator(".receipt").first).to_contain_text("Read ")
        expect(hers.locator(".receipt").last).to_have_text("Delivered")

    def test_what_lies_open_is_read(self, hers: Page, mac: Mac, her: str) -> None:
        guid = mac.says(her, "There", mac.phone(her)[0]["guid"])

        expect(hers.locator(".bubbles")).to_contain_text("There")
        until(lambda: [each["read_at"] for each in mac.phone(her) if each["guid"] == guid] != [None])

    def test_what_nobody_looks_at_is_counted_on_every_page_until_somebody_does(self, hers: Page, mac: Mac) -> None:
        other = mac.person()
        mac.does(other, "messages", text="Hello")
        for text in ("There", "Hm"):
            mac.says(other, text, mac.phone(other)[0]["guid"])
        unread = [hers.locator(".person.unread", has_text=mac.name(other))]
        expect(unread[0]).to_contain_text("Hm")
        expect(unread[0].locator(".count")).to_have_text("2 unread")

        hers.reload()
        elsewhere = hers.context.new_page()
        elsewhere.goto(hers.url)
        unread.append(elsewhere.locator(".person.unread", has_text=mac.name(other)))

        for each in unread:
            expect(each.locator(".count")).to_have_text("2 unread")
        assert mac.phone(other)[-1]["read_at"] is None
        unread[1].click()
        for each in unread:
            expect(each).to_have_count(0)
        until(lambda: mac.phone(other)[-1]["read_at"] is not None)

    def test_the_list_says_what_became_of_the_last_words(self, hers: Page, mac: Mac, her: str) -> None:
        guid = mac.does(her, "messages", text="Thirsday")["guid"]
        last = hers.locator("#people li").filter(has=hers.get_by_text(mac.name(her), exact=True)).locator(".last")
        expect(last).to_have_text("Thirsday")

        mac.does(her, "edits", guid=guid, text="Thursday")
        expect(last).to_have_text("Thursday")
        mac.does(her, "unsends", guid=guid)

        expect(last).to_have_text("Unsent")


class TestGreen:
    def test_who_has_no_imessage_writes_green_and_learns_nothing(self, page: Page, mac: Mac) -> None:
        person = mac.person(has_imessage=False)
        page.goto(f"{mac.url}/#{person}")
        expect(page.get_by_placeholder("Text Message")).to_be_visible()
        page.get_by_label("Message", exact=True).fill("From an Android")
        page.keyboard.press("Enter")

        expect(page.locator("li.mine.green")).to_contain_text("From an Android")
        expect(page.locator(".moment")).to_contain_text("SMS")
        until(lambda: mac.phone(person)[0]["delivered"])
        expect(page.locator(".receipt")).to_have_count(0)
        menu = open_menu(page, "Android")
        assert [menu.get_by_role("menuitem", name=name).count() for name in ("Reply", "Edit", "Undo Send")] == [0] * 3

    def test_it_is_taken_away_and_given_back_in_the_details(self, hers: Page, mac: Mac, her: str) -> None:
        hers.locator(".peer").click()
        hers.get_by_role("checkbox", name="Has iMessage").uncheck()
        hers.get_by_role("button", name="Save").click()

        expect(hers.get_by_placeholder("Text Message")).to_be_visible()
        hers.get_by_label("Message", exact=True).fill("Green now")
        hers.keyboard.press("Enter")
        expect(hers.locator("li.green")).to_contain_text("Green now")
        expect(hers.locator("li.mine").filter(has_text="Hi")).not_to_have_class("green")
        assert [each["service"] for each in mac.phone(her)] == ["iMessage", "SMS"]


class TestGroups:
    def test_a_new_group_is_made_and_written_to(self, hers: Page, mac: Mac, her: str) -> None:
        other = mac.person()
        hers.get_by_role("button", name="New group").click()
        sheet = hers.get_by_role("dialog")
        sheet.get_by_label("Name of the group").fill("Street")
        expect(sheet.get_by_role("checkbox", name=mac.name(her), exact=True)).to_be_checked()
        sheet.get_by_role("checkbox", name=mac.name(other), exact=True).check()
        sheet.get_by_role("button", name="Create").click()

        expect(hers.locator(".peer")).to_contain_text("Street")
        hers.get_by_label("Message", exact=True).fill("Hello street")
        hers.keyboard.press("Enter")
        expect(bubble(hers, "Hello street")).to_be_visible()
        until(lambda: [each["text"] for each in mac.phone(other)] == ["Hello street"])

    def test_it_shows_who_wrote_and_what_became_of_it(self, page: Page, mac: Mac) -> None:
        hers, his, new = mac.person(), mac.person(), mac.person()
        group = mac.group(hers, his, name="Tea")
        mac.does(his, "messages", text="Five?", to=group)
        page.goto(f"{mac.url}/#{hers}/{group}")
        expect(page.locator(".author")).to_have_text(mac.name(his))
        expect(page.locator("li.grouped .avatar")).to_have_count(1)

        mac.line("group.rename", group, name=HOSTILE)
        mac.line("group.addParticipant", group, address=new)
        mac.line("group.removeParticipant", group, address=his)

        notes = page.locator(".note")
        expect(notes).to_have_count(3)
        expect(notes.nth(0)).to_contain_text(f"named the conversation “{HOSTILE}”")
        expect(notes.nth(1)).to_contain_text(f"added {mac.name(new)}")
        expect(notes.nth(2)).to_contain_text(f"removed {mac.name(his)}")
        expect(page.locator(".peer")).to_contain_text(HOSTILE)
        assert page.locator("img:not(#viewer img)").count() == 0
        assert page.title() != "pwned"

    def test_a_member_renames_it_takes_people_in_and_out_and_leaves(self, page: Page, mac: Mac) -> None:
        hers, his, new = mac.person(), mac.person(), mac.person()
        group = mac.group(hers, his, name="Tea")
        page.goto(f"{mac.url}/#{hers}/{group}")
        notes, sheet = page.locator(".note"), page.get_by_role("dialog")
        page.locator(".peer").click()
        sheet.get_by_role("combobox").select_option(mac.name(new))
        sheet.get_by_role("button", name="Add", exact=True).click()
        expect(notes).to_have_text([f"You added {mac.name(new)} to the conversation"])
        sheet.get_by_role("button", name=f"Remove {mac.name(his)}").click()
        expect(sheet.locator(".members li")).to_have_count(3)
        expect(notes).to_have_count(2)
        sheet.get_by_label("Name of the group").fill("Coffee")
        sheet.get_by_role("button", name="Save").click()
        expect(page.locator(".peer")).to_contain_text("Coffee")
        expect(notes.last).to_have_text("You named the conversation “Coffee”")

        page.locator(".peer").click()
        sheet.get_by_role("button", name="Leave this conversation").click()

        expect(page.locator(".chats")).not_to_contain_text("Coffee")
        expect(page.locator(".peer")).not_to_contain_text("Coffee")
        assert [each["note"]["what"] for each in mac.phone(new)] == ["added", "removed", "named", "left"]

    def test_one_without_a_name_is_called_by_the_others_in_it(self, page: Page, mac: Mac) -> None:
        hers, his = mac.person(), mac.person()
        group = mac.group(hers, his, name="")

        page.goto(f"{mac.url}/#{hers}/{group}")

        expect(page.locator(".peer .name")).to_contain_text(f"{mac.name(his)}, +1 (555) 010-0000")

    def test_who_is_put_out_of_the_one_that_is_open_is_led_to_another(self, page: Page, mac: Mac) -> None:
        hers, his = mac.person(), mac.person()
        group = mac.group(hers, his, name="Tea")
        page.goto(f"{mac.url}/#{hers}/{group}")
        expect(page.locator(".peer")).to_contain_text("Tea")

        mac.line("group.removeParticipant", group, address=hers)

        expect(page.locator(".peer")).to_contain_text("+1 (555) 010-0000")
        page.get_by_label("Message", exact=True).fill("Still here")
        page.keyboard.press("Enter")
        expect(bubble(page, "Still here")).to_be_visible()


class TestLinks:
    def test_those_to_other_sites_can_be_followed_and_nothing_else(self, hers: Page, mac: Mac, her: str) -> None:
        text = (
            "See (https://example.com/a?b=1&c=<i>). HTTP://EXAMPLE.ORG/x, javascript:alert(1)"
            " data:text/html,x http:// \"https://example.net/'onmouseover='x\""
        )

        mac.does(her, "messages", text=text)

        expect(bubble(hers, "javascript:")).to_contain_text("javascript:alert(1) data:text/html,x http://")
        links = hers.locator(".bubbles a")
        expected = ["https://example.com/a?b=1&c=", "http://example.org/x", "https://example.net/'onmouseover='x"]
        assert links.evaluate_all("all => all.map((each) => each.href)") == expected
        told = links.evaluate_all("all => all.map((each) => [each.target, each.rel])")
        assert told == [["_blank", "noopener noreferrer"]] * len(expected)
        assert bubble(hers, "javascript:").locator("i").count() == 0


class TestNames:
    def test_a_hostile_one_is_shown_as_text_everywhere(self, page: Page, mac: Mac) -> None:
        person = mac.person()
        mac.does(person, "messages", text="Hi")
        page.goto(f"{mac.url}/#{person}")
        expect(page.locator(".owner")).to_have_text(mac.name(person))

        answer("POST", f"{mac.url}/people", {"handle": person, "name": HOSTILE}, {})

        expect(page.locator(".owner")).to_have_text(HOSTILE)
        expect(page.locator("#people .name").filter(has_text=HOSTILE)).to_be_visible()
        page.locator(".peer").click()
        expect(page.get_by_role("dialog").locator(".members")).to_contain_text(HOSTILE)
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="New group").click()
        expect(page.get_by_role("dialog").locator(".choices")).to_contain_text(HOSTILE)
        assert page.locator("img:not(#viewer img)").count() == 0
        assert page.title() != "pwned"


class TestConversations:
    def test_another_line_has_a_conversation_of_its_own(self, hers: Page, mac: Mac, her: str) -> None:
        hers.locator(".chats").get_by_text(SECOND_LINE).click()
        hers.get_by_label("Message", exact=True).fill("Hello second")
        hers.keyboard.press("Enter")

        expect(hers.locator(".bubbles")).to_contain_text("Hello second")
        expect(hers.locator(".bubbles")).not_to_contain_text("Hi")
        assert [each["chat"] for each in mac.phone(her)] == ["+15550100000", SECOND_LINE]

    def test_what_is_written_while_one_opens_is_sent_there_and_the_address_is_its_own(
        self, hers: Page, mac: Mac, her: str
    ) -> None:
        asked: list[Route] = []
        hers.route("**/messages", lambda route: asked.append(route) if _reads(route) else route.fallback())
        hers.locator(".chats").get_by_text(SECOND_LINE).click()
        expect(hers).to_have_url(f"{mac.url}/#{her}/{quote(SECOND_LINE)}")
        hers.get_by_label("Message", exact=True).fill("Hello second")
        hers.keyboard.press("Enter")

        expect(hers.locator(".bubbles")).to_contain_text("Hello second")
        assert [each["chat"] for each in mac.phone(her)] == ["+15550100000", SECOND_LINE]
        assert asked
        for route in asked:
            route.continue_()

    def test_each_keeps_what_was_written_and_not_sent(self, hers: Page) -> None:
        text = hers.get_by_label("Message", exact=True)
        text.fill("For the first")
        hers.locator(".chats").get_by_text(SECOND_LINE).click()
        expect(text).to_have_value("")
        text.fill("For the second")
        hers.locator(".chats button").first.click()

        expect(text).to_have_value("For the first")

    def test_an_effect_is_named(self, hers: Page, mac: Mac, her: str) -> None:
        effect = "com.apple.MobileSMS.expressivesend.impact"
        mac.line("send.rich", her, text="Bang", effect=effect, reply_to=mac.phone(her)[0]["guid"])

        expect(hers.locator(".bubbles li").filter(has_text="Bang")).to_contain_text("Sent with Slam")

    def test_one_without_messages_says_so(self, page: Page, mac: Mac) -> None:
        person = mac.person()

        page.goto(f"{mac.url}/#{person}")

        expect(page.locator(".phone .empty")).to_have_text(
            f"No messages yet. Write the first one as {mac.name(person)}."
        )

    def test_a_long_one_shows_its_end_and_the_rest_when_asked(self, page: Page, mac: Mac) -> None:
        person = mac.person()
        for number in range(160):
            mac.does(person, "messages", text=f"Number {number}.")

        page.goto(f"{mac.url}/#{person}")

        expect(page.locator(".part")).to_have_count(150)
        expect(bubble(page, "Number 159.")).to_be_in_viewport()
        page.get_by_role("button", name="Earlier messages").click()
        expect(page.locator(".part")).to_have_count(160)


def _reads(route: Route) -> bool:
    return route.request.method == "GET"
