"""Chats on the dashboard: which are listed and found, and what is seen of one."""

import html
import re
from collections.abc import Iterator

import pytest

from blueport.protocol.sightings import AttachmentSeen, MessageChanged, MessageReached, ReceiptSeen, TypingSeen
from blueport.server.dashboard.chats import finding
from blueport.server.dashboard.chats.views import AFTERWARDS, SHOWN
from tests.databases import Database
from tests.server.dashboard import older
from tests.server.world import (
    ADA,
    CARL,
    NOON_MS,
    SECOND_MS,
    Clock,
    Customer,
    World,
    chat_with,
    reaction_to,
    text_from,
    text_in_group,
)

CHAT = re.compile(r'<a href="/dashboard/chats/(cht_\w+)"><b>')
MESSAGE = re.compile(r'<li id="(msg_\w+)"')
FOUND = re.compile(r"/dashboard/chats/cht_\w+\?at=(msg_\w+)#")
HOSTILE = "<script>alert(7)</script>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """Run a server whose operator is signed in to the dashboard."""
    with World(database, Clock(), dashboard_token="a-token").open() as world:
        world.client.get("/dashboard?token=a-token")
        yield world


@pytest.fixture
def chat(alice: Customer) -> str:
    """Have Ada write to Alice's line; return the chat's id."""
    alice.hears(ADA, "Hi")
    return str(alice.chat_with(ADA)["id"])


class TestList:
    def test_chats_of_all_lines_stand_in_the_order_of_their_latest_message(
        self, world: World, alice: Customer, bob: Customer
    ) -> None:
        for customer, person in ((alice, ADA), (bob, ADA), (alice, CARL), (bob, CARL)):
            customer.hears(person)
        first = [alice.chat_with(ADA)["id"], bob.chat_with(ADA)["id"], alice.chat_with(CARL)["id"]]

        assert listed(world) == [bob.chat_with(CARL)["id"], *reversed(first)]
        assert listed(world, account=alice.account_id) == [first[2], first[0]]
        assert listed(world, line=bob.line_id) == [bob.chat_with(CARL)["id"], first[1]]
        assert listed(world, line=bob.line_id, account=alice.account_id) == []

        alice.hears(ADA)

        assert listed(world)[0] == first[0]

    def test_it_leads_on_to_those_that_were_active_earlier(self, world: World, alice: Customer, bob: Customer) -> None:
        people = [f"+1555010{number:04}" for number in range(SHOWN // 2 + 2)]
        for person in people:
            alice.hears(person)
            bob.hears(person)

        first = read(world, "/dashboard/chats")
        rest = read(world, older(first))

        assert len(CHAT.findall(first)) == SHOWN
        assert len(set(CHAT.findall(first) + CHAT.findall(rest))) == len(people) * 2
        assert older(rest) == ""

    def test_a_chat_is_told_with_its_latest_message_and_what_stands_against_it(
        self, world: World, alice: Customer, chat: str
    ) -> None:
        alice.sets(stop_handling=True)
        alice.hears(ADA, HOSTILE)
        alice.hears(ADA, "STOP")
        alice.mac.sees(text_in_group("chat1", ADA, alice.line, HOSTILE))

        page = read(world, "/dashboard/chats")

        assert "opted out" in page
        assert "STOP" in page
        assert html.escape(HOSTILE) in page
        assert HOSTILE not in page
        assert "2 people: " in page
        assert chat in listed(world)

    def test_without_any_it_says_how_to_have_the_first(self, world: World) -> None:
        assert "No chat yet" in read(world, "/dashboard/chats")

    @pytest.mark.parametrize("before", ["x", "-1.", ".", "²", "9" * 30, "%00", "1e3"])
    @pytest.mark.one_store("it is judged before the store is asked")
    def test_a_place_that_is_none_is_the_newest(self, world: World, chat: str, before: str) -> None:
        assert CHAT.findall(read(world, f"/dashboard/chats?before={before}")) == [chat]


class TestSearch:
    def test_a_chat_is_found_by_a_part_of_its_name_or_handle_in_any_notation(
        self, world: World, alice: Customer, chat: str
    ) -> None:
        alice.hears("grace@example.com")
        alice.mac.sees(text_in_group("chat1", ADA, alice.line))

        assert chat in found(world, "+1 (555) 010-0001")
        assert chat in found(world, "0100001")
        assert found(world, "GRACE@") == [alice.chat_with("grace@example.com")["id"]]
        assert found(world, CARL) == [alice.group()]
        assert found(world, "nobody") == []

    def test_messages_are_found_in_all_chats_or_those_that_are_chosen(
        self, world: World, alice: Customer, bob: Customer
    ) -> None:
        alice.hears(ADA, "Lunch at noon?")
        alice.hears(CARL, "no")
        bob.hears(CARL, "a LUNCH break")
        hers, his = alice.messages(ADA)[0]["id"], bob.messages(CARL)[0]["id"]

        assert said(world, "lunch") == [his, hers]
        assert said(world, "lunch", account=alice.account_id) == [hers]
        assert said(world, "lunch", line=bob.line_id) == [his]

    def test_what_is_rare_is_looked_for_in_parts(
        self, world: World, alice: Customer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(finding, "MESSAGES_LOOKED_THROUGH", 2)
        monkeypatch.setattr(finding, "AT_A_TIME", 1)
        for text in ("rare", "one", "two", "three"):
            alice.hears(ADA, text)
        rare = alice.messages()[3]["id"]

        first = read(world, "/dashboard/chats/search?q=rare")
        assert "None among the latest" in first
        assert FOUND.findall(read(world, older(first))) == [rare]

    def test_a_chat_is_searched_by_itself(self, world: World, alice: Customer, chat: str) -> None:
        alice.hears(CARL, "order 2")
        alice.hears(ADA, f"order 1 {HOSTILE}")

        page = read(world, f"/dashboard/chats/{chat}/search?q=ORDER")

        assert FOUND.findall(page) == [alice.messages(ADA)[0]["id"]]
        assert HOSTILE not in page
        assert "No message says that" in read(world, f"/dashboard/chats/{chat}/search?q=nothing")

    @pytest.mark.parametrize("words", ["", " "])
    @pytest.mark.one_store("it is judged before the store is asked")
    def test_nothing_that_can_be_seen_finds_nothing(self, world: World, chat: str, words: str) -> None:
        for path in ("/dashboard/chats/search", f"/dashboard/chats/{chat}/search"):
            assert "What do you look for?" in world.client.get(path, params={"q": words}).text


class TestChat:
    def test_messages_stand_in_their_order_and_lead_on_to_older_ones(
        self, world: World, alice: Customer, chat: str
    ) -> None:
        for number in range(SHOWN + 1):
            alice.hears(ADA, f"text {number}")
        ids = [message["id"] for message in reversed(alice.messages())]

        first = read(world, f"/dashboard/chats/{chat}")
        rest = read(world, older(first))

        assert MESSAGE.findall(first) == ids[2:]
        assert MESSAGE.findall(rest) == ids[:2]
        assert "The newest" in rest

    def test_what_was_looked_for_is_shown_with_what_came_after_it(
        self, world: World, alice: Customer, chat: str
    ) -> None:
        for number in range(SHOWN + AFTERWARDS):
            alice.hears(ADA, f"text {number}")
        ids = [message["id"] for message in reversed(alice.messages())]

        shown = MESSAGE.findall(read(world, f"/dashboard/chats/{chat}?at={ids[1]}"))
        latest = MESSAGE.findall(read(world, f"/dashboard/chats/{chat}?at={ids[-1]}"))

        assert shown == ids[: AFTERWARDS + 2]
        assert latest == ids[-SHOWN:]

    def test_all_that_is_on_a_message_is_seen(self, world: World, alice: Customer, chat: str) -> None:
        alice.sets(extended_events=True)
        guid = alice.hears(ADA, "Tommorow")
        answer = text_from(ADA, alice.line, "Yes", reply_to_guid=guid)
        alice.mac.sees(answer, reaction_to(guid, alice.line), reaction_to(guid, alice.line, CARL, None, emoji="🎉"))
        alice.mac.sees(MessageChanged(alice.line, guid, "Tomorrow", edited_at=NOON_MS + SECOND_MS))

        page = read(world, f"/dashboard/chats/{chat}")

        assert "Tomorrow" in page
        assert re.search(r"Edited</summary><ul><li>Tommorow", page)
        assert f"Answers {ADA}: Tomorrow" in page
        assert "❤" in page
        assert "🎉" in page

    def test_what_was_taken_back_is_said_to_be(self, world: World, alice: Customer, chat: str) -> None:
        guid = alice.hears(ADA, "Oops")
        alice.mac.sees(MessageChanged(alice.line, guid, None, unsent_at=NOON_MS + SECOND_MS))

        page = read(world, f"/dashboard/chats/{chat}")

        assert "Oops" not in page
        assert "This message was unsent." in page

    def test_a_picture_is_drawn_and_what_a_browser_must_not_run_is_a_link(
        self, world: World, alice: Customer, chat: str
    ) -> None:
        picture = AttachmentSeen("at_0", f"{HOSTILE}.png", "image/png", 40, is_coming=True)
        page_of_hers = AttachmentSeen("at_1", "page.html", "text/html", 40, is_coming=True)
        lost = AttachmentSeen("at_2", "lost.mov", "video/quicktime", 40)
        seen = text_from(ADA, alice.line, None, attachments=(picture, page_of_hers, lost))
        alice.mac.sees(seen)
        assert "is on its way from the Mac" in read(world, f"/dashboard/chats/{chat}")
        alice.mac.brings(PNG, seen, "at_0")
        alice.mac.brings(b"<script>alert(1)</script>", seen, "at_1")

        page = read(world, f"/dashboard/chats/{chat}")
        drawn = re.search(r'<img src="(/files/[^"]*)"', page)
        linked = re.search(r'<a href="([^"]*)"[^>]*>page.html', page)

        assert drawn is not None
        assert linked is not None
        assert world.client.get(html.unescape(drawn[1])).content == PNG
        told = world.client.get(html.unescape(linked[1]))
        assert told.headers["content-disposition"].startswith("attachment")
        assert "was not kept" in page
        assert HOSTILE not in page

    def test_links_to_files_lead_to_the_dashboard_s_own_origin(self, database: Database) -> None:
        url = "http://10.0.0.7:8080"
        with World(database, Clock(), dashboard_token="a-token", public_url=url).open() as world:
            world.client.get("/dashboard?token=a-token")
            alice = world.customer("Alice", "+15550101000")
            seen = text_from(
                ADA, alice.line, None, attachments=(AttachmentSeen("at_0", "a.png", None, 1, is_coming=True),)
            )
            alice.mac.sees(seen)
            alice.mac.brings(PNG, seen, "at_0")

            assert 'src="/files/' in read(world, f"/dashboard/chats/{alice.chat_with(ADA)['id']}")

    def test_what_is_heard_in_a_voice_message_stands_below_it(self, world: World, alice: Customer, chat: str) -> None:
        memo = AttachmentSeen("at_0", "memo.m4a", "audio/x-m4a", 9, is_coming=True, transcription=f"Call {HOSTILE}")
        seen = text_from(ADA, alice.line, None, attachments=(memo,), is_audio=True)
        alice.mac.sees(seen)
        alice.mac.brings(b"\0\0\0\x18ftypM4A " + bytes(16), seen, "at_0")

        page = read(world, f"/dashboard/chats/{chat}")

        assert re.search(r'<audio [^>]*src="/files/file_', page)
        assert f"Call {html.escape(HOSTILE)}" in page
        assert "a voice message" in read(world, "/dashboard/chats")

    def test_ours_tell_how_they_came_about_and_how_far_they_came(
        self, world: World, alice: Customer, chat: str
    ) -> None:
        alice.sets(extended_events=True)
        outbox_id = alice.sends("On its way")
        assert "Waits to be sent" in read(world, f"/dashboard/chats/{chat}")
        (item,) = alice.mac.claim()
        seen = alice.mac.sends(item)
        alice.mac.sees(MessageReached(alice.line, seen.guid, delivered_at=NOON_MS, read_at=None))
        delivered = read(world, f"/dashboard/chats/{chat}")
        alice.mac.sees(MessageReached(alice.line, seen.guid, delivered_at=NOON_MS, read_at=NOON_MS + 1))

        assert "Waits to be sent" not in delivered
        assert f'<a href="/dashboard/outbox/{outbox_id}">sent by the API</a>' in delivered
        assert "· delivered" in delivered
        assert "· read" in read(world, f"/dashboard/chats/{chat}")

    def test_what_was_not_sent_stays_there_with_the_reason(self, world: World, alice: Customer, chat: str) -> None:
        alice.sends(HOSTILE)
        (item,) = alice.mac.claim()
        alice.mac.fail(item, "recipient_not_on_imessage", permanent=True)

        page = read(world, f"/dashboard/chats/{chat}")

        assert "Not sent" in page
        assert "Nobody can be reached by iMessage" in page
        assert HOSTILE not in page

    def test_who_reads_and_types_is_said_while_they_do(self, world: World, alice: Customer, chat: str) -> None:
        alice.mac.sees(ReceiptSeen(alice.line, chat_with(ADA), ADA, NOON_MS))
        alice.mac.sees(TypingSeen(alice.line, chat_with(ADA), ADA, is_typing=True, at=world.clock.ms))

        page = read(world, f"/dashboard/chats/{chat}")
        assert f"Read by {ADA}" in page
        assert f"{ADA} is typing" in page

        world.clock.ms += 60 * SECOND_MS
        assert "is typing" not in read(world, f"/dashboard/chats/{chat}")

    def test_what_keeps_a_chat_from_being_written_to_is_said_with_what_helps(
        self, world: World, alice: Customer, chat: str
    ) -> None:
        alice.mac.sees(text_from(CARL, alice.line, "By hand", sender=None, is_from_me=True))
        cold = alice.chat_with(CARL)["id"]
        world.sql(f"UPDATE chats SET looping_until = {world.clock.ms + SECOND_MS} WHERE id = '{chat}'")

        assert "They have not written yet" in read(world, f"/dashboard/chats/{cold}")
        assert "sent by hand" in read(world, f"/dashboard/chats/{cold}")
        assert "Two programs seem to answer each other" in read(world, f"/dashboard/chats/{chat}")
        page = read(world, "/dashboard/chats")
        assert "has not written" in page
        assert "looping" in page

        world.clock.ms += 2 * SECOND_MS
        assert "Two programs" not in read(world, f"/dashboard/chats/{chat}")
        assert "looping" not in read(world, "/dashboard/chats")

    def test_who_texted_stop_is_said_to_have_and_what_undoes_it(self, world: World, alice: Customer, chat: str) -> None:
        alice.sets(stop_handling=True)
        alice.hears(ADA, "STOP")
        assert "until they text START" in read(world, f"/dashboard/chats/{chat}")

        alice.hears(ADA, "START")
        assert "until they text START" not in read(world, f"/dashboard/chats/{chat}")

    def test_what_happened_stands_beside_it_with_webhooks_by_their_place_alone(
        self, world: World, alice: Customer, chat: str
    ) -> None:
        alice.webhook("http://127.0.0.1:9/hook?secret=s3cr3t")
        alice.hears(ADA, "Hello")
        outbox_id = alice.sends()
        page = read(world, f"/dashboard/chats/{chat}")

        assert f'/dashboard/outbox/{outbox_id}"' in page
        assert re.search(r'/dashboard/events/evt_\w+">message.received', page)
        assert re.search(r'/dashboard/deliveries/dlv_\w+">message.received to 127.0.0.1/hook<', page)
        assert "s3cr3t" not in page

    def test_the_command_for_a_shell_sends_to_this_chat(self, world: World, alice: Customer, chat: str) -> None:
        assert f'{{"from":"{alice.line}","to":"{ADA}","text":"Hello"}}' in html.unescape(
            read(world, f"/dashboard/chats/{chat}")
        )
        alice.mac.sees(text_in_group("chat1", ADA, alice.line))
        assert f'"to":"{alice.group()}"' in html.unescape(read(world, f"/dashboard/chats/{alice.group()}"))

    @pytest.mark.parametrize("path", ["cht_0", "cht_0/search", "{chat}?at=msg_0", "{chat}?before=msg_0"])
    def test_what_is_not_there_is_not_found(self, world: World, chat: str, path: str) -> None:
        assert world.client.get(f"/dashboard/chats/{path.format(chat=chat)}").status_code == 404


def read(world: World, path: str) -> str:
    answer = world.client.get(path)
    assert answer.status_code == 200
    return answer.text


def listed(world: World, **query: str) -> list[str]:
    return CHAT.findall(world.client.get("/dashboard/chats", params=query).text)


def found(world: World, words: str) -> list[str]:
    return CHAT.findall(world.client.get("/dashboard/chats/search", params={"q": words}).text)


def said(world: World, words: str, **query: str) -> list[str]:
    return FOUND.findall(world.client.get("/dashboard/chats/search", params={"q": words, **query}).text)
