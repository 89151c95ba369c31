"""A whole daemon between a server and a simulated Mac: what is accepted is sent once, or reported as failed."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.protocol.sightings import Proof
from blueport.simulator import oddities
from blueport.simulator.chatdb import Attachment
from blueport.simulator.faults import Fault, Word
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import Settings as MacSettings
from blueport.simulator.settings import imsg_path
from tests.daemon.fake_door import FakeDoor, Work
from tests.daemon.waiting import ADA, BO, CY, LINE, in_journal, until, working

MINUTE_MS = 60_000


def texts_on_phone(mac: SimulatedMac, person: str) -> list[str | None]:
    return [shown.text for shown in mac.phones.screen(person) if not shown.from_me]


class TestSendText:
    # send-13: on this macOS the row's text is NULL, and only its attributedBody tells
    async def test_it_reaches_the_phone_and_is_told_with_its_proof(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept(LINE, ADA, "Hello Ada")

        async with working(settings, door):
            await until(lambda: work.status == "sent")

        assert texts_on_phone(mac, ADA) == ["Hello Ada"]
        assert [row["text"] for row in mac.db.rows("SELECT text FROM message")] == [None]
        assert [(seen.text, seen.is_from_me, seen.proves.outbox_id) for seen in door.messages if seen.proves] == [
            ("Hello Ada", True, work.id)
        ]

    async def test_it_lands_in_the_known_conversation(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            await mac.person_texts(ADA, "Hi")
            await until(lambda: door.received() == ["Hi"])
            work = door.accept(LINE, ADA, "Hi yourself", chat_guids=[door.messages[0].chat.guid])
            await until(lambda: work.status == "sent")

        assert {seen.chat.guid for seen in door.messages} == {door.messages[0].chat.guid}

    async def test_a_group_is_reached_by_its_guid(self, mac: SimulatedMac, door: FakeDoor, settings: Settings) -> None:
        group = mac.add_group([ADA, BO])

        async with working(settings, door):
            work = door.accept(LINE, None, "All of you", chat_guids=[f"any;+;{group}"])
            await until(lambda: work.status == "sent")

        assert texts_on_phone(mac, ADA) == texts_on_phone(mac, BO) == ["All of you"]

    async def test_a_group_that_messages_does_not_know_fails(  # send-10
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept(LINE, None, "Anybody?", chat_guids=["any;+;chat797"])

        async with working(settings, door):
            await until(lambda: work.status == "failed")

        assert work.error == "chat_not_in_messages"
        assert mac.db.rows("SELECT guid FROM chat") == []

    async def test_the_order_is_that_of_acceptance(self, mac: SimulatedMac, door: FakeDoor, settings: Settings) -> None:
        texts = [f"Number {n}" for n in range(25)]
        work = [door.accept(LINE, ADA, text) for text in texts]

        async with working(settings, door):
            await until(lambda: all(item.status == "sent" for item in work))

        assert texts_on_phone(mac, ADA) == texts

    async def test_equal_texts_are_each_proven_by_a_row_of_their_own(  # edit-07
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = [door.accept(LINE, ADA, "ok") for _ in range(3)]

        async with working(settings, door):
            await until(lambda: all(item.status == "sent" for item in work))

        assert texts_on_phone(mac, ADA) == ["ok"] * 3
        assert len({seen.guid for seen in door.messages if seen.proves}) == 3

    @pytest.mark.parametrize(
        "text",
        [
            '" & (do shell script "touch pwned-marker") & "',  # send-01
            r"C:\Users\new and \n",  # send-02
            "a\n\nb\tc\r\nd",  # send-03
            "a\u2028b\u2029c",  # send-04
            "-e on run",
            "\u202b\u05e9\u05dc\u05d5\u05dd (abc)\u202c",  # body-20
            "İ am here \U0001f469\u200d\U0001f467 e\u0301",  # body-12
            "x" * 200_000,  # send-05
        ],
    )
    async def test_any_text_arrives_as_it_was_written(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, text: str
    ) -> None:
        work = door.accept(LINE, ADA, text)

        async with working(settings, door):
            await until(lambda: work.status == "sent")

        assert texts_on_phone(mac, ADA) == [text]
        assert not Path("pwned-marker").exists()  # noqa: ASYNC240 - beside whatever runs scripts

    async def test_a_nul_fails_that_item_and_no_other(  # send-05
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        bad, good = door.accept(LINE, ADA, "a\x00b"), door.accept(LINE, ADA, "Fine")

        async with working(settings, door):
            await until(lambda: good.status == "sent")

        assert (bad.status, bad.error) == ("failed", "text_holds_nul")
        assert texts_on_phone(mac, ADA) == ["Fine"]

    async def test_a_reply_needs_more_than_applescript(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept(LINE, ADA, "Yes", reply_to_guid="F00")

        async with working(settings, door):
            await until(lambda: work.status == "failed")

        assert work.error == "advanced_features_required"
        assert texts_on_phone(mac, ADA) == []

    async def test_an_effect_needs_more_than_applescript(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept(LINE, ADA, "Hooray", effect="confetti")

        async with working(settings, door):
            await until(lambda: work.status == "failed")

        assert work.error == "advanced_features_required"
        assert texts_on_phone(mac, ADA) == []

    async def test_an_effect_and_a_part_that_is_answered_are_on_the_phone_and_the_row_proves(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        able = msgspec.structs.replace(settings, imsg=str(imsg_path(tmp_path / "mac")))
        async with working(able, door):
            guid = await mac.person_texts(ADA, "Which?", attachments=[Attachment("a.png", b"a cat")])
            await until(lambda: bool(door.messages))
            chat = door.messages[0].chat.guid
            plain = door.accept(LINE, ADA, "Plain")
            work = door.accept(
                LINE, ADA, "That", chat_guids=[chat], reply_to_guid=guid, reply_to_part=1, effect="balloons"
            )
            await until(lambda: plain.status == work.status == "sent")

        assert [(shown.text, shown.effect) for shown in mac.phones.screen(ADA) if not shown.from_me] == [
            ("Plain", None),
            ("That", "com.apple.messages.effect.CKHappyBirthdayEffect"),
        ]
        parts = "SELECT thread_originator_part FROM message WHERE thread_originator_guid = ?"
        assert [row[0] for row in mac.db.rows(parts, guid)] == ["1:0:0"]


class TestWithoutAppleScript:
    """Where nobody allowed it, a text may go by `imsg`, as the message of a guid that was in the journal before."""

    @pytest.fixture
    def settings(self, settings: Settings, tmp_path: Path) -> Settings:
        return msgspec.structs.replace(settings, imsg=str(imsg_path(tmp_path / "mac")))

    async def test_a_text_is_sent_and_proven_by_its_guid(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            await mac.person_texts(ADA, "Hi")
            mac.faults.add(Fault("error", number=-1743))  # send-28
            work = door.accept(LINE, ADA, "Hello", chat_guids=[f"any;-;{ADA}"])
            await until(lambda: work.status == "sent")

        [seen] = [seen for seen in door.messages if seen.proves]
        assert (seen.guid, seen.text) == (str(uuid.UUID(work.nonce)), "Hello")
        assert texts_on_phone(mac, ADA) == ["Hello"]
        assert door.hellos[-1].lines[0].health == "ok"

    async def test_what_messages_makes_of_the_text_is_its_own_affair(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            await mac.person_texts(ADA, "Hi")
            works = [await self._swallowed(mac, door, text) for text in ("First", "Second")]
            guids = [str(uuid.UUID(work.nonce)).upper() for work in works]
            for guid in reversed(guids):
                mac.db.add_message("Something else", chat=mac.db.direct_chat(ADA), guid=guid, is_sent=1)
            await until(lambda: all(work.is_over for work in works))

        proven = {seen.guid: seen.proves.outbox_id for seen in door.messages if seen.proves}
        assert proven == dict(zip(guids, [work.id for work in works], strict=True))

    @staticmethod
    async def _swallowed(mac: SimulatedMac, door: FakeDoor, text: str) -> Work:
        """Have a text handed over by `imsg` of which Messages makes nothing."""
        mac.faults.add(Fault("error", number=-1743))
        mac.faults.add(Fault("silent"))
        work = door.accept(LINE, ADA, text, chat_guids=[f"any;-;{ADA}"])
        await until(lambda: not mac.faults.pending())
        return work

    @pytest.mark.parametrize("word", ["in_flight", "dies"])
    async def test_what_imsg_loses_sight_of_is_proven_all_the_same_and_is_one(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, word: Word
    ) -> None:
        async with working(settings, door):
            await mac.person_texts(ADA, "Hi")
            mac.faults.add(Fault("error", number=-1743))
            mac.faults.add(Fault(word, on="imsg"))
            work = door.accept(LINE, ADA, "Hello", chat_guids=[f"any;-;{ADA}"])
            await until(lambda: work.is_over)

        assert (work.status, work.attempts) == ("sent", 1)
        assert texts_on_phone(mac, ADA) == ["Hello"]

    @pytest.mark.parametrize("guids", [[], ["any;-;nobody@example.com"], ["SMS;-;+15550100001"]])
    async def test_what_imsg_does_not_take_either_waits(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, guids: list[str]
    ) -> None:
        async with working(settings, door):
            await mac.person_texts(ADA, "Hi")
            mac.faults.add(Fault("error", number=-1743, times=3))
            work = door.accept(LINE, ADA, "Hello", chat_guids=guids)
            await until(lambda: door.hellos[-1].lines[0].health == "no_automation")
            await until(lambda: work.is_over)

        assert (work.status, work.attempts) == ("sent", 1)
        assert texts_on_phone(mac, ADA) == ["Hello"]


class TestSendTextGoingWrong:
    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault("undelivered"), "recipient_not_on_imessage"),  # send-22
            (Fault("undelivered", number=25), "attachment_unreadable"),  # att-02
            (Fault("undelivered", number=4), "messages_error_4"),
            (Fault("ghost"), "ghost_row"),
            (Fault("error", number=-2700), "applescript_error_-2700"),
            (Fault("error", number=-10000), "applescript_error_-10000"),  # send-23
        ],
    )
    async def test_it_fails_with_a_word_and_the_next_goes_on(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, fault: Fault, error: str
    ) -> None:
        mac.faults.add(fault)
        bad, good = door.accept(LINE, ADA, "First"), door.accept(LINE, ADA, "Second")

        async with working(settings, door):
            await until(lambda: bad.status == "failed" and good.status == "sent")

        assert (bad.error, bad.attempts) == (error, 1)
        assert texts_on_phone(mac, ADA) == ["Second"]

    @pytest.mark.parametrize("fault", ["silent", "hang"])  # send-18
    async def test_what_leaves_no_trace_ends_unknown_and_is_not_sent_again(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, fault: Literal["silent", "hang"]
    ) -> None:
        mac.faults.add(Fault(fault))
        bad, good = door.accept(LINE, ADA, "First"), door.accept(LINE, ADA, "Second")

        async with working(msgspec.structs.replace(settings, send_timeout_s=3, proof_timeout_s=4), door):
            await until(lambda: bad.status == "failed" and good.status == "sent")

        assert (bad.error, bad.attempts) == ("outcome_unknown", 1)
        assert texts_on_phone(mac, ADA) == ["Second"]

    async def test_a_send_that_hangs_once_messages_has_it_is_proven_by_its_row(  # send-16, send-17
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("hang_after"))
        work = door.accept(LINE, ADA, "Once")

        async with working(msgspec.structs.replace(settings, send_timeout_s=3), door):
            await until(lambda: work.status == "sent")
            await until(lambda: door.hellos[-1].lines[0].health == "degraded")

        assert (texts_on_phone(mac, ADA), work.attempts) == (["Once"], 1)

    async def test_one_whose_row_comes_long_after_the_limit_is_sent_and_not_tried_again(  # send-17
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        slow = self.slow_osascript(settings, tmp_path, sleep_s=600)
        mac.faults.add(Fault("late", after_ms=5_000))
        work = door.accept(LINE, ADA, "Once")

        async with working(msgspec.structs.replace(settings, osascript=slow, send_timeout_s=2), door):
            await until(lambda: work.status == "sent")

        assert (texts_on_phone(mac, ADA), work.attempts) == (["Once"], 1)

    @staticmethod
    def slow_osascript(settings: Settings, folder: Path, *, sleep_s: int) -> str:
        """Return an osascript that ends only so long after Messages took what it sends."""
        slow = folder / "osascript"
        slow.write_text(
            f"""#!/bin/sh
            script=$(cat)
            printf '%s' "$script" | {settings.osascript} "$@"
            case "$script" in *" send "*) sleep {sleep_s};; esac
            """.strip()
        )
        slow.chmod(0o755)
        return str(slow)

    async def test_a_reply_that_hangs_once_messages_has_it_is_proven_too_and_is_one(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        # srv-002
        able = msgspec.structs.replace(settings, imsg=str(imsg_path(tmp_path / "mac")))
        async with working(able, door):
            guid = await mac.person_texts(ADA, "Which?")
            await until(lambda: bool(door.messages))
            mac.faults.add(Fault("hang_after"))
            chat = door.messages[0].chat.guid
            work = door.accept(LINE, ADA, "This one", chat_guids=[chat], reply_to_guid=guid)
            last = door.accept(LINE, ADA, "Last")
            await until(lambda: work.status == last.status == "sent")

        assert texts_on_phone(mac, ADA) == ["This one", "Last"]
        assert work.attempts == 1

    async def test_an_item_is_not_given_up_while_messages_is_being_asked_for_it(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("error", number=-600, times=2))
        work = door.accept(LINE, ADA, "Hi")

        async with working(msgspec.structs.replace(settings, proof_timeout_s=1), door):
            await until(lambda: work.is_over)

        assert (work.status, work.error) == ("sent", None)

    async def test_a_row_that_comes_late_still_proves(  # send-14
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("late", after_ms=3_000))
        late, next_one = door.accept(LINE, ADA, "Late"), door.accept(LINE, ADA, "In time")

        async with working(settings, door):
            await until(lambda: next_one.status == "sent")
            assert late.status == "claimed"
            await until(lambda: late.status == "sent")

        assert texts_on_phone(mac, ADA) == ["In time", "Late"]
        assert late.attempts == 1

    async def test_a_chat_that_is_not_in_the_live_list_is_reached_by_handle(  # send-07, send-08
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        person = "+81312345678"
        async with working(settings, door):
            await mac.person_texts(person, "Hello")
            await until(lambda: door.received() == ["Hello"])
            chat = door.messages[0].chat
            mac.faults.add(Fault("unlisted", chat=chat.guid))
            work = door.accept(LINE, person, "Hi", chat_guids=[chat.guid])
            await until(lambda: work.status == "sent")

        assert (chat.guid, texts_on_phone(mac, person)) == (f"any;-;{person}", ["Hi"])
        assert {seen.chat.guid for seen in door.messages} == {chat.guid}

    async def test_an_own_row_that_looks_inbound_at_first_is_no_message_received(  # cur-17
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("flag_flips"))
        work = door.accept(LINE, ADA, "Mine")

        async with working(settings, door):
            await until(lambda: work.status == "sent")

        assert [(seen.text, seen.is_from_me) for seen in door.messages] == [("Mine", True)]

    async def test_without_permission_items_wait_and_the_line_says_why(  # send-28
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("error", number=-1743, times=5))
        work = [door.accept(LINE, ADA, text) for text in ("First", "Second")]

        async with working(settings, door):
            await until(lambda: door.hellos[-1].lines[0].health == "no_automation")
            await until(lambda: all(item.status == "sent" for item in work))
            await until(lambda: door.hellos[-1].lines[0].health == "ok")

        assert [item.attempts for item in work] == [1, 1]
        assert texts_on_phone(mac, ADA) == ["First", "Second"]

    async def test_emoji_that_differ_are_different_texts(  # send-15
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("silent"))
        lost, there = door.accept(LINE, ADA, "👍"), door.accept(LINE, ADA, "👎")

        async with working(settings, door):
            await until(lambda: there.status == "sent")

        assert lost.status == "claimed"

    async def test_the_same_text_in_another_conversation_proves_nothing(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("silent"))
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            mac.db.add_message("Hi", chat=mac.db.direct_chat(CY), is_sent=1)
            await until(lambda: door.sent() == ["Hi"])

        assert work.status == "claimed"
        assert door.messages[0].proves is None

    async def test_a_ghost_is_laid_at_the_door_of_the_send_that_left_it(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("silent"))
        mac.faults.add(Fault("ghost"))
        silent, ghost = door.accept(LINE, ADA, "Silent"), door.accept(LINE, ADA, "Ghost")

        async with working(settings, door):
            await until(lambda: ghost.status == "failed")

        assert ghost.error == "ghost_row"
        assert silent.status == "claimed"

    async def test_a_ghost_is_known_however_long_messages_took_to_answer(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        slow = self.slow_osascript(settings, tmp_path, sleep_s=3)
        mac.faults.add(Fault("ghost"))
        work = door.accept(LINE, ADA, "Hi")

        async with working(msgspec.structs.replace(settings, osascript=slow, ghost_s=4), door):
            await until(lambda: work.is_over)

        assert work.error == "ghost_row"

    async def test_an_empty_row_of_another_time_is_no_ghost_of_a_send(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("silent"))
        work = door.accept(LINE, ADA, "Mine")

        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            for sent_at in (now_ms() - MINUTE_MS, now_ms() + MINUTE_MS):
                mac.db.add_row(sent_at=sent_at)
            await asyncio.sleep(2 * settings.ghost_s)  # longer than an empty row is held
            mac.db.add_message("Mine", chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: work.status != "claimed")

        assert work.status == "sent"

    async def test_an_empty_row_of_nobody_is_nothing(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            oddities.ghost(mac.db)
            await mac.person_texts(ADA, "Hi")
            await until(lambda: door.received() == ["Hi"])

        assert door.sent() == []


class TestChangedText:
    """Messages changes what it is given; the row that comes of it proves the send all the same."""

    @pytest.fixture
    def work(self, mac: SimulatedMac, door: FakeDoor, text: str) -> Work:
        """A text that leaves no trace but what the test writes."""
        mac.faults.add(Fault("silent"))
        return door.accept(LINE, ADA, text)

    @pytest.mark.parametrize(
        ("text", "changed"),
        [
            ('"It\'s" -- fine...', "\u201cIt\u2019s\u201d \u2014 fine\u2026"),
            ("'q' \"q\"", "\u201aq\u2018 \u201eq\u201f"),
            ("<'x'>", "<\u2039x\u203a>"),
            ('"x"', "\u00ab\u00a0x\u00a0\u00bb"),
            ("a---b - c", "a\u2014b \u2013 c"),
            ("--", "\u2014"),
            ("wait....", "wait\u2026."),
            ("\u2764", "\u2764\ufe0f"),
            ("a\rb\r\nc", "a\nb\nc"),
            ("a\u2028b\u2029c", "a\nb\nc"),
            ("a\u00a0b  c\td", "a b c d"),
        ],
    )
    async def test_a_send_is_recognised_by_a_row_that_looks_the_same(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, work: Work, changed: str
    ) -> None:
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            # A second one, so that the text alone can tell.
            mac.db.add_message("By hand", chat=mac.db.direct_chat(ADA), is_sent=1)
            mac.db.add_message(changed, chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: work.status == "sent")

        assert [seen.text for seen in door.messages if seen.proves] == [changed]

    @pytest.mark.parametrize("text", ["(c) me"])
    async def test_a_send_is_the_only_row_that_can_be_it_whatever_its_text(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, work: Work
    ) -> None:
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            mac.db.add_message("Elsewhere", chat=mac.db.direct_chat(CY), is_sent=1)
            mac.db.add_message("Before", chat=mac.db.direct_chat(ADA), is_sent=1, sent_at=now_ms() - MINUTE_MS)
            mac.db.add_message("\u00a9 me", chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: work.status == "sent")

        assert [seen.text for seen in door.messages if seen.proves] == ["\u00a9 me"]

    @pytest.mark.parametrize("text", ["(c) me"])
    async def test_of_two_rows_that_can_be_it_none_is(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, work: Work
    ) -> None:
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            for changed in ("\u00a9 me", "By hand"):
                mac.db.add_message(changed, chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: len(door.sent()) == 2)

        assert work.status == "claimed"
        assert [seen.proves for seen in door.messages] == [None, None]

    @pytest.mark.parametrize("text", ["Mine"])
    async def test_a_row_of_its_own_text_goes_before_one_that_can_be_it(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, work: Work
    ) -> None:
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            for written in ("By hand", "Mine"):
                mac.db.add_message(written, chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: len(door.sent()) == 2)

        assert work.status == "sent"
        assert [seen.text for seen in door.messages if seen.proves] == ["Mine"]

    async def test_while_another_may_be_it_a_row_is_waited_with(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("silent", times=2))
        changed, second = door.accept(LINE, ADA, "(c) me"), door.accept(LINE, ADA, "Second")

        async with working(settings, door):
            await until(lambda: not mac.faults.pending() and changed.begun and second.begun)
            chat = mac.db.direct_chat(ADA)
            await until(lambda: in_journal(settings, "items WHERE taken_at IS NOT NULL") == 2)
            for text in ("\u00a9 me", "Second"):
                mac.db.add_message(text, chat=chat, is_sent=1)
            await until(lambda: changed.status == second.status == "sent")

        proofs = {seen.text: seen.proves.outbox_id for seen in door.messages if seen.proves}
        assert proofs == {"\u00a9 me": changed.id, "Second": second.id}

    async def test_what_messages_never_said_it_took_is_proven_by_no_other_text(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        settings = msgspec.structs.replace(settings, send_timeout_s=0.5, proof_timeout_s=3)
        mac.faults.add(Fault("hang"))
        work = door.accept(LINE, ADA, "From the agent")

        async with working(settings, door):
            await until(lambda: in_journal(settings, "items WHERE status = 'handed'") == 1)
            mac.db.add_message("I take over", chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: work.is_over and door.sent() == ["I take over"])

        assert work.error == "outcome_unknown"
        assert door.messages[-1].proves is None

    async def test_a_row_of_another_text_that_failed_fails_no_send(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("late", after_ms=1_500))
        work = door.accept(LINE, ADA, "From the agent")

        async with working(settings, door):
            await until(lambda: in_journal(settings, "items WHERE taken_at IS NOT NULL") == 1)
            mac.db.add_message("Typed by hand", chat=mac.db.direct_chat(ADA), error=22)
            await until(lambda: work.is_over)

        assert work.status == "sent"


class TestTwoLines:
    SECOND = "me@icloud.com"

    @pytest.fixture
    async def mac(self, tmp_path: Path) -> AsyncIterator[SimulatedMac]:
        async with running(MacSettings(folder=tmp_path / "mac", lines=(LINE, self.SECOND))) as mac:
            yield mac

    @pytest.fixture
    def settings(self, settings: Settings, door: FakeDoor) -> Settings:
        door.lines.add(self.SECOND)
        return msgspec.structs.replace(settings, lines=(LINE, self.SECOND))

    async def test_each_text_is_told_for_the_line_that_it_was_written_to(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            await mac.person_texts(ADA, "To the first", to=LINE)
            await mac.person_texts(ADA, "To the second", to=self.SECOND)
            await mac.person_texts(BO, "To the second too", to=self.SECOND)
            await until(lambda: len(door.messages) == 3)

        told = {seen.text: seen.line_handle for seen in door.messages}
        assert told == {"To the first": LINE, "To the second": self.SECOND, "To the second too": self.SECOND}

    @pytest.mark.parametrize(("is_wrong", "sent_from"), [(False, None), (True, LINE)])
    async def test_what_went_out_from_the_other_one_is_told_with_that(  # send-30
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, sent_from: str | None, *, is_wrong: bool
    ) -> None:
        if is_wrong:
            mac.faults.add(Fault("other_line"))
        async with working(settings, door):
            await mac.person_texts(ADA, "Hi", to=self.SECOND)
            await until(lambda: len(door.messages) == 1)

            work = door.accept(self.SECOND, ADA, "Hello", chat_guids=(door.messages[0].chat.guid,))
            await until(lambda: work.status == "sent")

        assert (door.messages[1].line_handle, door.messages[1].text) == (self.SECOND, "Hello")
        assert door.messages[1].proves == Proof(work.id, work.token, sent_from)

    async def test_a_line_says_that_it_cannot_choose_where_there_are_several(  # send-30
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        assert mac.settings.lines == (LINE, self.SECOND)
        async with working(settings, door):
            pass
        async with working(msgspec.structs.replace(settings, lines=(LINE,)), door):
            pass

        several, one = door.hellos
        assert [(line.health, "Messages itself chooses" in (line.hint or "")) for line in several.lines] == [
            ("ok", True),
            ("ok", True),
        ]
        assert [(line.health, line.hint) for line in one.lines] == [("ok", None)]

    async def test_a_change_is_told_for_the_line_that_the_message_was_told_for(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept(self.SECOND, ADA, "Hello")

        async with working(settings, door):
            await until(lambda: work.status == "sent")
            row = mac.db.message(door.messages[0].guid)
            assert row is not None
            mac.db.write_body(row, "Hello, edited")
            await until(lambda: bool(door.changes))

        assert (door.messages[0].line_handle, door.changes[0].line_handle) == (self.SECOND, self.SECOND)


class TestSendLinks:
    """A link may be a text with a bubble behind it, or a bubble alone."""

    @pytest.fixture
    def works(self, mac: SimulatedMac, door: FakeDoor, texts: list[str]) -> list[Work]:
        """Texts that leave no traces but what the test writes."""
        mac.faults.add(Fault("silent", times=len(texts)))
        return [door.accept(LINE, ADA, text) for text in texts]

    @pytest.mark.parametrize("texts", [["https://example.com/a", "https://example.com/a"]])
    async def test_one_that_is_sent_twice_is_proven_twice(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, works: list[Work]
    ) -> None:
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            for _ in works:
                oddities.link_preview(mac.db, "https://example.com/a", chat=mac.db.direct_chat(ADA), is_sent=1)

            await until(lambda: [work.status for work in works] == ["sent", "sent"])
        assert len({seen.guid for seen in door.messages if seen.proves}) == 2

    @pytest.mark.parametrize("texts", [["Look: https://example.com/a", "https://example.com/a"]])
    async def test_the_bubble_of_a_text_proves_no_other(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, works: list[Work]
    ) -> None:
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            chat = mac.db.direct_chat(ADA)
            mac.db.add_message("Look: https://example.com/a", chat=chat, is_sent=1)
            oddities.link_preview(mac.db, "https://example.com/a", chat=chat, is_sent=1)
            await until(lambda: works[0].status == "sent")
            mac.db.add_message("https://example.com/a", chat=chat, is_sent=1)
            await until(lambda: works[1].status == "sent")

        assert door.sent() == ["Look: https://example.com/a", "https://example.com/a"]

    @pytest.mark.parametrize("texts", [["https://example.com/a"]])
    async def test_a_bubble_waits_for_the_text_before_it(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, works: list[Work]
    ) -> None:
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            chat = mac.db.direct_chat(ADA)
            row = mac.db.add_row(is_sent=1)
            mac.db.link(row, chat)
            oddities.link_preview(mac.db, "https://example.com/a", chat=chat, is_sent=1)
            await asyncio.sleep(0.1)  # until both were looked at
            mac.db.write_body(row, "https://example.com/a")

            await until(lambda: works[0].status == "sent")
        assert [seen.guid for seen in door.messages] == [row.guid]


class TestClaims:
    """A row of chat.db proves one item at most, for ever."""

    @pytest.fixture
    def works(self, mac: SimulatedMac, door: FakeDoor) -> list[Work]:
        """Two equal texts, neither of which leaves a trace of its own."""
        mac.faults.add(Fault("silent", times=2))
        return [door.accept(LINE, ADA, "Hi") for _ in range(2)]

    async def test_a_send_that_failed_and_went_out_after_all_proves_no_other(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, works: list[Work]
    ) -> None:
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            row = mac.db.add_message("Hi", chat=mac.db.direct_chat(ADA), error=22)
            await until(lambda: works[0].status == "failed")

            mac.db.change(row, error=0, is_sent=1)
            await until(lambda: door.sent() == ["Hi"])

        assert works[1].status == "claimed"
        assert door.messages[0].proves is None

    async def test_not_even_while_the_server_is_away(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, works: list[Work]
    ) -> None:
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            door.answers_with = 503
            row = mac.db.add_message("Hi", chat=mac.db.direct_chat(ADA), error=22)
            await until(lambda: in_journal(settings, "items WHERE status = 'failed'") == 1)
            mac.db.change(row, error=0, is_sent=1)
            mac.db.add_message("And now?", sender=ADA)
            await until(lambda: in_journal(settings, "sightings") == 2)
            door.answers_with = None

            await until(lambda: door.received() == ["And now?"])
            await until(lambda: works[0].status == "failed")
        assert works[1].status == "claimed"

    async def test_a_proof_that_the_server_does_not_know_yet_is_no_matter_in_a_renumbered_file(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("silent", times=2))
        works = [door.accept(LINE, ADA, text) for text in ("First", "Second")]
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            door.answers_with = 503
            mac.db.add_message("First", chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: in_journal(settings, "sightings") == 1)
            mac.db.start_anew()
            mac.db.add_message("Second", chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: in_journal(settings, "sightings") == 2)
            door.answers_with = None

            await until(lambda: [work.status for work in works] == ["sent", "sent"])


class TestMessagesNotRunning:
    async def test_it_is_started_and_nothing_was_tried_in_vain(  # send-19
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.messages.application.end()
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: work.is_over)

        assert (work.status, work.attempts, mac.messages.application.launches) == ("sent", 1, 1)

    async def test_it_is_given_back_for_a_later_try_and_keeps_its_place(  # send-19
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("error", number=-600, times=3))
        work = [door.accept(LINE, ADA, text) for text in ("First", "Second", "Third")]

        async with working(settings, door):
            await until(lambda: all(item.status == "sent" for item in work))

        assert work[0].attempts == 2
        assert texts_on_phone(mac, ADA) == ["First", "Second", "Third"]

    async def test_what_is_accepted_while_it_waits_comes_after_all_that_was_accepted_before(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("error", number=-600, times=3))
        work = [door.accept(LINE, ADA, "First")]

        async with working(settings, door):
            await until(lambda: work[0].begun)
            work.append(door.accept(LINE, ADA, "Second"))
            await until(lambda: work[0].error is not None)
            work.append(door.accept(LINE, ADA, "Third"))
            await until(lambda: all(item.status == "sent" for item in work))

        assert texts_on_phone(mac, ADA) == ["First", "Second", "Third"]

    async def test_nothing_of_its_line_goes_out_before_the_server_knows_of_the_failure(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("error", number=-600, times=3))
        work = [door.accept(LINE, ADA, "First")]

        async with working(settings, door):
            await until(lambda: work[0].begun)
            door.hears_failures.clear()
            await until(lambda: door.knocks["failed"] > 0)
            work.append(door.accept(LINE, ADA, "Second"))
            await asyncio.sleep(0.3)
            door.hears_failures.set()
            await until(lambda: all(item.status == "sent" for item in work))

        assert texts_on_phone(mac, ADA) == ["First", "Second"]

    async def test_it_fails_when_all_tries_are_used_up(  # send-19
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        door.max_attempts = 2
        mac.faults.add(Fault("error", number=-600, times=6))
        work = door.accept(LINE, ADA, "First")

        async with working(settings, door):
            await until(lambda: work.status == "failed")

        assert (work.error, work.attempts) == ("messages_not_running", door.max_attempts)
        assert texts_on_phone(mac, ADA) == []

    @pytest.mark.usefixtures("chat_db")
    async def test_a_missing_osascript_is_said_and_waited_for(self, door: FakeDoor, settings: Settings) -> None:
        work = door.accept(LINE, ADA, "Hi")
        hidden = msgspec.structs.replace(settings, osascript=settings.osascript + "-gone")

        async with working(hidden, door):
            await until(lambda: door.hellos[-1].lines[0].health == "degraded")

        assert work.status == "claimed"
        assert "cannot be run" in (door.hellos[-1].lines[0].hint or "")
