"""`imsg rpc` on the simulated Mac, as a daemon talks to it."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blueport.simulator.chatdb import Attachment, apple_ns
from blueport.simulator.faults import Fault, Occasion, Word
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.phones import ShownReaction
from blueport.simulator.settings import MacOs, Settings, imsg_path
from blueport.simulator.tapbacks import Sign
from blueport.typedstream import decode
from tests.simulator.scripting import ADA, BO, LINE, SECOND_LINE, Imsg, imsg, own_rows, seen, until

ADAS_CHAT = f"any;-;{ADA}"
ALL_METHODS = [
    *("initialize", "status", "send.rich", "send.tracked", "send.attachment", "tapback", "message.edit"),
    *("message.unsend", "chats.create", "group.rename", "group.addParticipant", "group.removeParticipant"),
    *("group.leave", "typing", "read"),
    "bridge.events.subscribe",
]
ATTEMPT = "0f8fad5b-d9cb-469f-a165-70867728950e"
# What is ready without a bridge too.
READY = ["initialize", "status", "typing", "read"]
DELIVERED = (1, 1, 1, 1, 0)
NEWEST = "SELECT {} FROM message ORDER BY ROWID DESC LIMIT 1"


@pytest.fixture
async def hi(mac: SimulatedMac) -> str:
    """What Ada wrote to the line."""
    return await mac.person_texts(ADA, "Hi 👋")


@pytest.fixture
async def rpc(mac: SimulatedMac, hi: str) -> AsyncIterator[Imsg]:
    assert hi
    async with imsg(mac.settings.folder) as rpc:
        yield rpc


def staged(mac: SimulatedMac, name: str = "cat.png", content: bytes = b"a cat") -> str:
    """A file where Messages may read it."""
    path = mac.settings.folder / "Library/Messages/Attachments/ours" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


async def settled(mac: SimulatedMac) -> None:
    await until(lambda: not mac.phones.under_way())


class TestProtocol:
    @pytest.mark.parametrize("method", ["initialize", "status"])
    async def test_it_tells_what_it_can_do(self, rpc: Imsg, method: str) -> None:
        result = (await rpc.call(method))["result"]

        assert result["methods"] == result["supported_methods"] == ALL_METHODS
        assert result["protocol_version"] == 1

    @pytest.mark.parametrize(
        ("method", "params"),
        [
            ("status", {"verbose": True}),
            ("send.rich", {"chat_guid": ADAS_CHAT, "reply_to": "G"}),
            ("send.tracked", {"chat_guid": ADAS_CHAT, "text": "Hello"}),
            ("send.tracked", {"chat_guid": ADAS_CHAT, "text": "Hello", "attempt_id": "the first"}),
            ("send.attachment", {"chat_guid": ADAS_CHAT, "file": "/a", "audio": "yes"}),
            ("send.attachment", {"chat_guid": ADAS_CHAT, "path": "/a"}),
            ("tapback", {"chat_guid": ADAS_CHAT, "message_guid": "G", "reaction": "heart"}),
            ("tapback", {"chat_guid": ADAS_CHAT, "message_guid": "G"}),
            ("tapback", {"chat_guid": ADAS_CHAT, "message_guid": "G", "reaction": "love", "emoji": "🎉"}),
            ("tapback", {"chat_guid": ADAS_CHAT, "message_guid": "G", "reaction": "love", "part_index": -1}),
            ("message.edit", {"chat_guid": ADAS_CHAT, "message_guid": "G", "text": ""}),
            ("message.edit", {"chat_guid": ADAS_CHAT, "message_guid": "G", "new": "x"}),
            ("message.unsend", {"chat_guid": ADAS_CHAT, "message_guid": "G", "text": "x"}),
            ("typing", {"chat_guid": ADAS_CHAT, "typing": "on"}),
            ("typing", {"chat": ADAS_CHAT, "typing": True}),
            ("read", {"chat_guid": ADAS_CHAT, "all": True}),
            ("bridge.events.subscribe", {"since": 1}),
        ],
    )
    async def test_other_parameters_are_refused(
        self, mac: SimulatedMac, rpc: Imsg, method: str, params: dict[str, object]
    ) -> None:
        error = (await rpc.call(method, **params))["error"]

        assert error["code"] == -32602
        assert isinstance(error["data"], str), "only where something may have been done there is more than a sentence"
        assert own_rows(mac.settings.folder) == []

    @pytest.mark.parametrize(
        ("line", "code"), [("not json", -32700), ('{"id": 1}', -32600), ('{"id": null, "method": "x"}', -32601)]
    )
    async def test_what_is_no_call_is_refused(self, rpc: Imsg, line: str, code: int) -> None:
        rpc.say(line)

        assert (await rpc.answer_to(None))["error"]["code"] == code

    @pytest.mark.parametrize(
        ("method", "params"),
        [
            ("send.rich", {"text": "Hello", "reply_to": "NOWHERE", "chat_guid": ADAS_CHAT}),
            ("tapback", {"message_guid": "NOWHERE", "reaction": "love", "chat_guid": ADAS_CHAT}),
            ("send.attachment", {"file": "/a", "reply_to": "NOWHERE", "chat_guid": ADAS_CHAT}),
            ("send.attachment", {"file": "/a", "chat_guid": "any;-;+15550109999"}),
            ("typing", {"typing": True, "chat_guid": "any;-;+15550109999"}),
            ("read", {"chat_guid": "any;-;+15550109999"}),
        ],
    )
    async def test_what_messages_does_not_know_was_not_begun(
        self, mac: SimulatedMac, rpc: Imsg, method: str, params: dict[str, object]
    ) -> None:
        error = (await rpc.call(method, **params))["error"]

        assert (error["code"], error["data"]["disposition"]) == (-32603, "not_started")
        assert own_rows(mac.settings.folder) == []

    async def test_without_messages_the_bridge_is_not_usable(self, settings: Settings) -> None:
        async with running(settings) as mac:
            guid = await mac.person_texts(ADA, "Hi")
        async with imsg(settings.folder) as rpc:
            error = (await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=guid, reaction="love"))["error"]

            assert (error["code"], error["data"]["retry_safe"]) == (-32003, True)
            assert (await rpc.call("status"))["result"]["methods"] == READY

    async def test_it_ends_with_its_standard_input_once_all_is_answered(self, mac: SimulatedMac, rpc: Imsg) -> None:
        rpc.ask("read", chat_guid=ADAS_CHAT)
        assert rpc.process.stdin is not None
        rpc.process.stdin.close()

        assert (await rpc.answer_to(1))["result"] == {"ok": True}
        assert await rpc.process.wait() == 0
        assert mac.phones.screen(ADA)[0].read_at is not None


class TestTapback:
    async def test_it_is_a_row_that_names_its_part_and_says_what_it_is(
        self, mac: SimulatedMac, rpc: Imsg, hi: str
    ) -> None:
        answer = await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love")

        await settled(mac)
        columns = "associated_message_guid, associated_message_type, is_from_me, handle_id, item_type, error"
        assert answer == {"result": {"ok": True}}
        assert seen(mac.settings.folder, NEWEST.format(columns)) == [(f"p:0/{hi}", 2000, 1, 0, 0, 0)]
        assert own_rows(mac.settings.folder) == [DELIVERED]
        [(body,)] = seen(mac.settings.folder, NEWEST.format("attributedBody"))
        assert isinstance(body, bytes)
        assert decode(body).text == "Loved “Hi 👋”"

    async def test_the_person_sees_it_on_the_bubble(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="question", part_index=0)

        await settled(mac)
        [bubble] = mac.phones.screen(ADA)
        assert bubble.reactions == (ShownReaction(LINE, 0, "question", None),)

    async def test_the_latest_takes_the_place_of_the_earlier(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love")
        await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="like")

        await settled(mac)
        kinds = "SELECT associated_message_type FROM message WHERE associated_message_type != 0"
        assert seen(mac.settings.folder, kinds) == [(2001,)]
        assert seen(mac.settings.folder, "SELECT count(*) FROM chat_message_join") == [(2,)]
        assert [each.tapback for each in mac.phones.screen(ADA)[0].reactions] == ["like"]

    async def test_one_that_is_taken_off_leaves_a_row_of_its_own(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="laugh")
        await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="laugh", remove=True)

        await settled(mac)
        kinds = "SELECT associated_message_type FROM message WHERE associated_message_type != 0"
        assert seen(mac.settings.folder, kinds) == [(3003,)]
        assert mac.phones.screen(ADA)[0].reactions == ()

    async def test_parts_and_people_do_not_displace_each_other(self, mac: SimulatedMac, rpc: Imsg) -> None:  # rxn-01
        both = await mac.person_texts(ADA, "look", attachments=[Attachment("cat.png", b"a cat")])

        for part, reaction in ((0, "love"), (1, "like")):
            await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=both, reaction=reaction, part_index=part)
        await mac.person_reacts(ADA, both, Sign("dislike", None))

        await settled(mac)
        targets = (
            "SELECT associated_message_guid, associated_message_type, is_from_me FROM message"
            " WHERE associated_message_type != 0 ORDER BY ROWID"
        )
        assert seen(mac.settings.folder, targets) == [
            (f"p:0/{both}", 2000, 1),
            (f"p:1/{both}", 2001, 1),
            (f"p:0/{both}", 2002, 0),
        ]
        assert len(mac.phones.screen(ADA)[-1].reactions) == 3

    async def test_an_emoji_is_in_a_column_of_its_own(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:  # rxn-07
        await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, emoji="🎉")
        await settled(mac)
        put_on = mac.phones.screen(ADA)[0].reactions

        await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, emoji="🎉", remove=True)
        await settled(mac)

        kinds = (
            "SELECT associated_message_type, associated_message_emoji FROM message WHERE associated_message_type != 0"
        )
        assert put_on == (ShownReaction(LINE, 0, None, "🎉"),)
        assert seen(mac.settings.folder, kinds) == [(3006, "🎉")]
        assert mac.phones.screen(ADA)[0].reactions == ()

    async def test_all_members_of_a_group_see_it(self, mac: SimulatedMac, rpc: Imsg) -> None:
        group = mac.add_group([ADA, BO])
        guid = await mac.person_texts(ADA, "Five?", to=group)

        await rpc.call("tapback", chat_guid=f"any;+;{group}", message_guid=guid, reaction="emphasize")

        await settled(mac)
        for person in (ADA, BO):
            assert [each.tapback for each in mac.phones.screen(person)[-1].reactions] == ["emphasize"]
        assert seen(mac.settings.folder, NEWEST.format("cache_roomnames")) == [(group,)]


class TestAttachment:
    async def test_a_file_is_copied_and_keeps_its_name(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        path = staged(mac)

        answer = await rpc.call("send.attachment", chat_guid=ADAS_CHAT, file=path, reply_to=hi)

        await settled(mac)
        guid = answer["result"]["guid"]
        assert answer["result"] == {"ok": True, "transport": "bridge", "guid": guid}
        [row] = seen(
            mac.settings.folder,
            "SELECT guid, transfer_name, uti, mime_type, transfer_state, total_bytes, is_outgoing FROM attachment",
        )
        assert row == (f"at_0_{guid}", "cat.png", "public.png", "image/png", 5, 5, 1)
        columns = "is_audio_message, cache_has_attachments, thread_originator_guid, thread_originator_part"
        assert seen(mac.settings.folder, NEWEST.format(columns)) == [(0, 1, hi, "0:0:0")]
        [(filename,)] = seen(mac.settings.folder, "SELECT filename FROM attachment")
        assert (mac.settings.folder / str(filename).removeprefix("~/")).read_bytes() == b"a cat"
        assert path not in str(filename)
        assert own_rows(mac.settings.folder) == [DELIVERED]

    async def test_the_phone_has_the_file(self, mac: SimulatedMac, rpc: Imsg) -> None:
        await rpc.call("send.attachment", chat_guid=ADAS_CHAT, file=staged(mac))

        await settled(mac)
        [enclosure] = mac.phones.screen(ADA)[-1].attachments
        found = mac.phones.file(ADA, enclosure.guid or "")
        assert (enclosure.filename, enclosure.size, enclosure.mime_type) == ("cat.png", 5, "image/png")
        assert found is not None
        assert found[1].read_bytes() == b"a cat"

    async def test_a_voice_memo_has_the_name_and_the_type_of_all(self, mac: SimulatedMac, rpc: Imsg) -> None:
        await rpc.call("send.attachment", chat_guid=ADAS_CHAT, file=staged(mac, "memo.caf"), audio=True)

        await settled(mac)
        row = "SELECT transfer_name, uti, mime_type FROM attachment"
        assert seen(mac.settings.folder, row) == [("Audio Message.caf", "com.apple.coreaudio-format", "audio/x-caf")]
        assert seen(mac.settings.folder, NEWEST.format("is_audio_message")) == [(1,)]
        assert mac.phones.screen(ADA)[-1].is_audio

    async def test_a_file_outside_of_the_sandbox_fails_afterwards(  # att-01, att-02
        self, mac: SimulatedMac, rpc: Imsg, tmp_path: Path
    ) -> None:
        outside = tmp_path / "cat.png"
        outside.write_bytes(b"a cat")

        answer = await rpc.call("send.attachment", chat_guid=ADAS_CHAT, file=str(outside))

        await settled(mac)
        assert answer["result"]["ok"]
        assert own_rows(mac.settings.folder) == [(1, 1, 0, 0, 25)]
        assert len(mac.phones.screen(ADA)) == 1


class TestReply:
    async def test_a_reply_names_its_message_and_part(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        await rpc.call("send.rich", chat_guid=ADAS_CHAT, text="A\0B", reply_to=hi, part_index=1)

        await settled(mac)
        columns = "thread_originator_guid, thread_originator_part"
        assert seen(mac.settings.folder, NEWEST.format(columns)) == [(hi, "1:0:0")]
        assert (mac.phones.screen(ADA)[-1].text, mac.phones.screen(ADA)[-1].reply_to_guid) == ("A\0B", hi)


class TestTracked:
    async def test_the_message_has_the_guid_that_it_is_given_once(self, mac: SimulatedMac, rpc: Imsg) -> None:
        asked = {"chat_guid": ADAS_CHAT, "text": "Hello", "attempt_id": ATTEMPT}

        sent = await rpc.call("send.tracked", **asked)
        again = await rpc.call("send.tracked", **asked)

        await settled(mac)
        assert sent["result"]["guid"] == ATTEMPT
        assert again["error"]["data"] == {"disposition": "not_started", "retry_safe": True}
        assert seen(mac.settings.folder, "SELECT guid FROM message WHERE is_from_me = 1") == [(ATTEMPT,)]
        assert mac.phones.screen(ADA)[-1].text == "Hello"


class TestEffect:
    async def test_it_is_in_the_row_and_on_the_phone(self, mac: SimulatedMac, rpc: Imsg) -> None:
        effect = "com.apple.messages.effect.CKConfettiEffect"

        await rpc.call("send.rich", chat_guid=ADAS_CHAT, text="Hooray", effect=effect)

        await settled(mac)
        assert seen(mac.settings.folder, NEWEST.format("expressive_send_style_id")) == [(effect,)]
        assert (mac.phones.screen(ADA)[-1].text, mac.phones.screen(ADA)[-1].effect) == ("Hooray", effect)


class TestTyping:
    async def test_the_phone_shows_dots_until_told_otherwise(self, mac: SimulatedMac, rpc: Imsg) -> None:
        await rpc.call("typing", chat_guid=ADAS_CHAT, typing=True)
        began = mac.messages.lines_that_type(ADA)
        await rpc.call("typing", chat_guid=ADAS_CHAT, typing=False)

        assert (began, mac.messages.lines_that_type(ADA)) == ([LINE], [])
        assert own_rows(mac.settings.folder) == []

    async def test_a_message_ends_it(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        await rpc.call("typing", chat_guid=ADAS_CHAT, typing=True)
        await rpc.call("send.rich", chat_guid=ADAS_CHAT, text="Hello", reply_to=hi)

        await settled(mac)
        assert mac.messages.lines_that_type(ADA) == []

    async def test_it_ends_by_itself(self, tmp_path: Path) -> None:
        settings = Settings(folder=tmp_path / "mac", lines=(LINE,), typing_ms=20)
        async with running(settings) as mac, imsg(settings.folder) as rpc:
            await mac.person_texts(ADA, "Hi")
            with mac.news.reading() as news:
                await rpc.call("typing", chat_guid=ADAS_CHAT, typing=True)

                assert await news.get() == (ADA, LINE, True)
                assert await news.get() == (ADA, LINE, False)

    async def test_it_shows_in_the_conversation_with_the_line_that_was_written_to(
        self, mac: SimulatedMac, rpc: Imsg
    ) -> None:
        await mac.person_texts(ADA, "Hi", to=SECOND_LINE)

        await rpc.call("typing", chat_guid=ADAS_CHAT, typing=True)

        assert mac.messages.lines_that_type(ADA) == [SECOND_LINE]


class TestRead:
    async def test_the_person_sees_it_and_chat_db_has_our_reading(self, mac: SimulatedMac, rpc: Imsg) -> None:
        await rpc.call("read", chat_guid=ADAS_CHAT)

        [bubble] = mac.phones.screen(ADA)
        assert bubble.read_at is not None
        assert seen(mac.settings.folder, "SELECT is_read, date_read, is_from_me FROM message") == [
            (1, apple_ns(bubble.read_at), 0)
        ]

    async def test_of_a_group_nobody_is_told(self, mac: SimulatedMac, rpc: Imsg) -> None:
        group = mac.add_group([ADA, BO])
        await mac.person_texts(BO, "Five?", to=group)

        await rpc.call("read", chat_guid=f"any;+;{group}")

        assert mac.phones.screen(BO)[-1].read_at is None
        assert seen(mac.settings.folder, NEWEST.format("is_read")) == [(1,)]


class TestEvents:
    async def test_who_types_is_told_while_calls_are_answered(self, mac: SimulatedMac, rpc: Imsg) -> None:
        subscribed = await rpc.call("bridge.events.subscribe")

        mac.person_types(ADA, is_typing=True)
        begun = await rpc.line()
        answered = await rpc.call("status")
        mac.person_types(ADA, is_typing=False)
        ended = await rpc.line()

        assert subscribed == {"result": {"subscription": 1, "resumable": False}}
        event = {"event": "started-typing", "data": {"chatGuid": ADAS_CHAT}}
        assert begun == {"method": "bridge.event", "params": {"subscription": 1, "event": event}}
        assert ended["params"]["event"]["event"] == "stopped-typing"
        assert answered["result"]["protocol_version"] == 1

    async def test_they_come_although_a_send_hangs(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        await rpc.call("bridge.events.subscribe")
        mac.faults.add(Fault(next="hang"))
        rpc.ask("send.rich", chat_guid=ADAS_CHAT, text="Hello", reply_to=hi)
        await until(lambda: not mac.faults.pending())

        mac.person_types(ADA, is_typing=True)

        assert (await rpc.line())["params"]["event"]["event"] == "started-typing"
        assert (await rpc.call("status"))["result"]["protocol_version"] == 1

    async def test_a_message_ends_the_typing(self, mac: SimulatedMac, rpc: Imsg) -> None:
        await rpc.call("bridge.events.subscribe")

        mac.person_types(ADA, is_typing=True)
        mac.person_types(ADA, is_typing=True)
        await mac.person_texts(ADA, "Well?")

        told = [(await rpc.line())["params"]["event"]["event"] for _ in range(2)]
        assert told == ["started-typing", "stopped-typing"]

    async def test_they_go_on_when_messages_comes_back(self, settings: Settings) -> None:
        async with running(settings):
            pass  # from now on the executable is there
        async with imsg(settings.folder) as rpc:
            async with running(settings):
                await rpc.call("bridge.events.subscribe")
            async with running(settings) as mac:
                await until(mac.messages.is_followed)
                mac.person_types(ADA, is_typing=True)

                assert (await rpc.line())["params"]["event"]["event"] == "started-typing"


class TestFaults:
    async def test_a_mac_without_the_bridge_lists_what_needs_none_and_refuses_all(
        self, mac: SimulatedMac, rpc: Imsg, hi: str
    ) -> None:
        mac.faults.add(Fault(next="advanced_off"))

        status = (await rpc.call("status"))["result"]
        refused = [
            await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love"),
            await rpc.call("typing", chat_guid=ADAS_CHAT, typing=True),
            await rpc.call("bridge.events.subscribe"),
        ]

        assert (status["methods"], status["supported_methods"]) == (READY, ALL_METHODS)
        assert (status["bridge"], status["capabilities"]) == ({"ready": False}, {"features": {}})
        assert [each["error"]["code"] for each in refused] == [-32003] * 3
        assert [each["error"]["data"]["retry_safe"] for each in refused] == [True] * 3
        assert mac.faults.pending() == [Fault(next="advanced_off")]

    async def test_the_bridge_may_come_back(self, mac: SimulatedMac, rpc: Imsg) -> None:
        mac.faults.add(Fault(next="advanced_off"))
        mac.faults.add(Fault(next="advanced_on"))

        assert (await rpc.call("status"))["result"]["methods"] == ALL_METHODS
        assert mac.faults.pending() == []

    @pytest.mark.parametrize(
        ("number", "code", "disposition", "retry_safe"),
        [
            (None, -32603, "not_started", True),
            (-1700, -32603, "not_started", True),
            (-600, -32003, "not_started", True),
            (-609, -32001, "may_have_completed", False),
        ],
    )
    async def test_an_error_says_what_may_have_come_of_it(
        self, mac: SimulatedMac, rpc: Imsg, *, number: int | None, code: int, disposition: str, retry_safe: bool
    ) -> None:
        mac.faults.add(Fault(next="error", number=number))

        error = (await rpc.call("send.attachment", chat_guid=ADAS_CHAT, file=staged(mac)))["error"]

        assert error["code"] == code
        assert error["data"] == {"disposition": disposition, "retry_safe": retry_safe}
        assert own_rows(mac.settings.folder) == []

    async def test_without_the_bridge_nobody_tells_who_types(self, mac: SimulatedMac, rpc: Imsg) -> None:
        await rpc.call("bridge.events.subscribe")
        mac.faults.add(Fault(next="advanced_off"))
        mac.person_types(ADA, is_typing=True)
        mac.faults.add(Fault(next="advanced_on"))

        mac.person_types(ADA, is_typing=False)

        assert (await rpc.line())["params"]["event"]["event"] == "stopped-typing"

    async def test_silent_and_ghost_say_yes_and_do_not(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        mac.faults.add(Fault(next="silent"))
        mac.faults.add(Fault(next="ghost"))

        silent = await rpc.call("send.attachment", chat_guid=ADAS_CHAT, file=staged(mac))
        ghost = await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love")

        assert silent["result"] == {"ok": True, "transport": "bridge", "guid": None}
        assert ghost["result"] == {"ok": True}
        assert own_rows(mac.settings.folder) == [(0, 0, 0, 0, 0)]

    async def test_undelivered_gives_the_row_its_error(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        mac.faults.add(Fault(next="undelivered", number=25, times=2))

        await rpc.call("send.attachment", chat_guid=ADAS_CHAT, file=staged(mac))
        await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love")

        await settled(mac)
        assert own_rows(mac.settings.folder) == [(1, 1, 0, 0, 25)] * 2
        assert [bubble.reactions for bubble in mac.phones.screen(ADA)] == [()]

    async def test_late_comes_later(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        mac.faults.add(Fault(next="late", after_ms=3_000))

        await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love")
        at_once = own_rows(mac.settings.folder)

        await until(lambda: own_rows(mac.settings.folder) == [DELIVERED])
        assert at_once == []

    async def test_a_signal_may_hang_and_holds_up_the_lane(self, mac: SimulatedMac, rpc: Imsg) -> None:  # srv-015
        mac.faults.add(Fault(next="hang", on="signal"))
        rpc.ask("typing", chat_guid=ADAS_CHAT, typing=True)
        await until(lambda: not mac.faults.pending())
        rpc.ask("read", chat_guid=ADAS_CHAT)

        assert (await rpc.call("status"))["result"]["protocol_version"] == 1
        assert rpc.told == []
        assert mac.phones.screen(ADA)[0].read_at is None

    async def test_faults_of_sends_do_not_befall_signals(self, mac: SimulatedMac, rpc: Imsg) -> None:
        mac.faults.add(Fault(next="error"))
        mac.faults.add(Fault(next="silent", on="signal"))

        silent = await rpc.call("typing", chat_guid=ADAS_CHAT, typing=True)

        assert silent == {"result": {"ok": True}}
        assert mac.messages.lines_that_type(ADA) == []
        assert [fault.next for fault in mac.faults.pending()] == ["error"]

    async def test_of_a_busy_one_nothing_is_begun(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        mac.faults.add(Fault(next="busy", on="imsg"))

        error = (await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love"))["error"]

        assert error["code"] == -32000
        assert own_rows(mac.settings.folder) == []

    async def test_what_goes_on_unseen_blocks_the_lane_until_the_program_is_started_anew(
        self, mac: SimulatedMac, rpc: Imsg, hi: str
    ) -> None:
        mac.faults.add(Fault(next="in_flight", on="imsg"))

        unsure = (await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love"))["error"]
        blocked = (await rpc.call("read", chat_guid=ADAS_CHAT))["error"]
        asked = await rpc.call("status")
        async with imsg(mac.settings.folder) as another:
            done = await another.call("read", chat_guid=ADAS_CHAT)

        await settled(mac)
        assert (unsure["code"], unsure["data"]) == (-32001, {"disposition": "still_in_flight", "retry_safe": False})
        assert (blocked["code"], asked["result"]["bridge"]["ready"], done["result"]) == (-32004, True, {"ok": True})
        assert own_rows(mac.settings.folder) == [DELIVERED]

    async def test_one_that_dies_has_done_what_was_asked(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        mac.faults.add(Fault(next="dies", on="imsg"))
        rpc.ask("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love")

        assert await rpc.process.wait() == 1
        await settled(mac)
        assert own_rows(mac.settings.folder) == [DELIVERED]

    async def test_a_slow_one_answers_when_all_is_over(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        mac.faults.add(Fault(next="slow", on="imsg", after_ms=300))

        answer = await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love")

        await settled(mac)
        assert answer == {"result": {"ok": True}}
        assert own_rows(mac.settings.folder) == [DELIVERED]

    @pytest.mark.parametrize(("word", "on"), [("busy", "send"), ("hang", "imsg"), ("in_flight", "signal")])
    def test_a_fault_befalls_only_whom_it_can(self, word: Word, on: Occasion) -> None:
        with pytest.raises(ValueError):
            Fault(next=word, on=on)


@pytest.mark.parametrize(("macos", "features"), [("14", {}), ("15", {"tapback.emoji": 2})])
async def test_only_a_release_that_knows_emoji_tapbacks_can_send_them(
    tmp_path: Path, macos: MacOs, features: dict[str, int]
) -> None:
    settings = Settings(folder=tmp_path / "mac", lines=(LINE,), macos=macos)
    async with running(settings), imsg(settings.folder) as rpc:
        assert (await rpc.call("status"))["result"]["capabilities"]["features"] == features


class TestTheEarlierGeneration:
    @pytest.fixture
    async def mac(self, tmp_path: Path) -> AsyncIterator[SimulatedMac]:
        async with running(Settings(folder=tmp_path / "mac", lines=(LINE,), imsg="0.9")) as mac:
            yield mac

    @pytest.mark.parametrize("method", ["initialize", "status", "send.tracked", "bridge.events.subscribe"])
    async def test_it_knows_no_questions_and_no_events(self, rpc: Imsg, method: str) -> None:
        error = (await rpc.call(method))["error"]

        assert (error["code"], error["data"]) == (-32601, method)

    async def test_it_overlooks_what_it_does_not_know_and_wants_what_it_does(
        self, mac: SimulatedMac, rpc: Imsg, hi: str
    ) -> None:
        done = await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love", emoji="🎉", new=True)
        refused = await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, emoji="🎉")

        await settled(mac)
        assert (done, refused["error"]["code"]) == ({"result": {"ok": True}}, -32602)
        assert own_rows(mac.settings.folder) == [DELIVERED]

    @pytest.mark.parametrize("number", [None, -600, -609])
    async def test_no_error_says_what_may_have_come_of_it(
        self, mac: SimulatedMac, rpc: Imsg, hi: str, number: int | None
    ) -> None:
        mac.faults.add(Fault(next="error", number=number))

        error = (await rpc.call("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love"))["error"]

        assert error["code"] == -32603
        assert isinstance(error["data"], str)

    async def test_it_does_one_thing_after_the_other(self, mac: SimulatedMac, rpc: Imsg, hi: str) -> None:
        mac.faults.add(Fault(next="slow", on="imsg", after_ms=300))
        first = rpc.ask("tapback", chat_guid=ADAS_CHAT, message_guid=hi, reaction="love")
        rpc.ask("status")

        assert (await rpc.line())["id"] == first

    @pytest.mark.parametrize("is_up", [True, False])
    async def test_run_by_itself_it_tells_whether_its_bridge_is_up(self, mac: SimulatedMac, *, is_up: bool) -> None:
        mac.faults.add(Fault(next="advanced_on" if is_up else "advanced_off"))

        running = await asyncio.create_subprocess_exec(imsg_path(mac.settings.folder), "status", "--json", stdout=PIPE)
        said, _ = await running.communicate()

        report = json.loads(said)
        assert (report["advanced_features"], report["v2_ready"]) == (is_up, is_up)
