"""What a daemon tells of peers who read and type, and what it does when the line is to."""

import asyncio
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.protocol.commands import MarkRead, SetTyping
from blueport.protocol.door import Capability
from blueport.simulator.chatdb import ChatDb, apple_ns
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from blueport.simulator.settings import imsg_path
from tests.daemon.fake_door import FakeDoor
from tests.daemon.test_reading_chat_db import all_is_told
from tests.daemon.waiting import ADA, BO, LINE, until, working

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@pytest.fixture
def able(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a Mac that has the program for advanced features."""
    return msgspec.structs.replace(settings, imsg=str(imsg_path(tmp_path / "mac")))


class TestReceipts:
    async def test_it_is_told_when_the_peer_has_read(self, chat_db: ChatDb, door: FakeDoor, settings: Settings) -> None:
        async with working(settings, door):
            row = chat_db.add_message("Read this", chat=chat_db.direct_chat(ADA), is_sent=1)
            await until(lambda: door.sent() == ["Read this"])
            read_at = now_ms()
            chat_db.change(row, date_read=apple_ns(read_at))
            await until(lambda: bool(door.receipts))

        [seen] = door.receipts
        assert (seen.line_handle, seen.handle, seen.chat.identifier, seen.read_at) == (LINE, ADA, ADA, read_at)

    async def test_only_a_later_reading_is_told_and_only_the_latest(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            chat = chat_db.direct_chat(ADA)
            rows = [chat_db.add_message(f"Number {n}", chat=chat, is_sent=1) for n in range(3)]
            await until(lambda: len(door.sent()) == 3)
            base = now_ms() - 3
            chat_db.change(rows[1], date_read=apple_ns(base + 2))
            await until(lambda: len(door.receipts) == 1)
            chat_db.change(rows[0], date_read=apple_ns(base + 1))
            await all_is_told(chat_db, door)
            chat_db.change(rows[2], date_read=apple_ns(base + 3))
            await until(lambda: len(door.receipts) == 2)

        assert [seen.read_at for seen in door.receipts] == [base + 2, base + 3]

    async def test_a_peer_whose_clock_is_ahead_is_told_of_once_and_of_now(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("Read this", chat=chat_db.direct_chat(ADA), is_sent=1)
            await until(lambda: bool(door.sent()))
            chat_db.change(row, date_read=apple_ns(now_ms() + 2 * MINUTE_MS))
            await until(lambda: bool(door.receipts))
            await all_is_told(chat_db, door)

        assert [seen.read_at <= now_ms() for seen in door.receipts] == [True]

    async def test_it_is_told_once_and_not_again_after_a_restart(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("Read this", chat=chat_db.direct_chat(ADA), is_sent=1)
            chat_db.change(row, date_read=apple_ns(now_ms()))
            await until(lambda: bool(door.receipts))
            await all_is_told(chat_db, door)  # else it may end before it has heard that it was heard, and tell it again

        async with working(settings, door):
            await all_is_told(chat_db, door)

        assert len(door.receipts) == 1

    async def test_what_was_read_while_nobody_looked_is_told_then(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("Read this", chat=chat_db.direct_chat(ADA), is_sent=1)
            await until(lambda: bool(door.sent()))
        chat_db.change(row, date_read=apple_ns(now_ms()))

        async with working(settings, door):
            await until(lambda: len(door.receipts) == 1)

    async def test_our_own_reading_groups_and_what_was_before_our_time_are_no_receipts(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        chat = chat_db.direct_chat(ADA)
        chat_db.add_message("Old", chat=chat, is_sent=1, date_read=apple_ns(now_ms() - MINUTE_MS))
        async with working(settings, door):
            inbound = chat_db.add_message("Hi", sender=ADA)
            group = chat_db.group_chat("chat797", [ADA, BO])
            ours = chat_db.add_message("All of you", chat=group, is_sent=1)
            for row in (inbound, ours):
                chat_db.change(row, date_read=apple_ns(now_ms()))
            await all_is_told(chat_db, door)

        assert door.receipts == []

    async def test_a_date_in_seconds_or_of_a_far_future_misleads_nobody(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            chat = chat_db.direct_chat(ADA)
            rows = [chat_db.add_message(f"Number {n}", chat=chat, is_sent=1) for n in range(2)]
            chat_db.change(rows[0], date_read=apple_ns(now_ms() + DAY_MS))
            read_s = now_ms() // 1000 + 1
            await asyncio.sleep(1.1)
            chat_db.change(rows[1], date_read=apple_ns(read_s * 1000) // 1_000_000_000)
            await until(lambda: bool(door.receipts))

        assert [seen.read_at for seen in door.receipts] == [read_s * 1000]


class TestTypingIn:
    async def test_who_types_is_told_at_once_and_who_stops_too(
        self, mac: SimulatedMac, door: FakeDoor, able: Settings
    ) -> None:
        async with working(able, door):
            await mac.person_texts(ADA, "Hi")
            await until(lambda: bool(door.messages))
            await _typing_is_seen(mac, door)
            mac.person_types(ADA, is_typing=False)
            await until(lambda: not door.typing[-1].is_typing)

        seen = door.typing[-1]
        assert (seen.line_handle, seen.handle, seen.chat.guid) == (LINE, ADA, door.messages[0].chat.guid)
        assert abs(seen.at - now_ms()) < MINUTE_MS

    async def test_events_go_on_when_the_program_has_died(
        self, mac: SimulatedMac, door: FakeDoor, able: Settings
    ) -> None:
        async with working(able, door):
            await mac.person_texts(ADA, "Hi")
            await until(lambda: bool(door.messages))
            await _typing_is_seen(mac, door)
            # A signal that hangs is the end of that process.
            mac.faults.add(Fault("hang", on="signal"))
            signal = door.ask(LINE, SetTyping(ADA, (door.messages[0].chat.guid,), is_typing=True))
            await until(lambda: signal.status == "failed")
            door.typing.clear()

            await _typing_is_seen(mac, door)

    async def test_in_a_chat_where_nothing_was_said_it_is_nobodys_concern(
        self, mac: SimulatedMac, door: FakeDoor, able: Settings
    ) -> None:
        async with working(able, door):
            await mac.person_texts(ADA, "Hi")
            await until(lambda: bool(door.messages))
            mac.db.direct_chat(BO)
            mac.person_types(BO, is_typing=True)
            await _typing_is_seen(mac, door)

        assert {seen.handle for seen in door.typing} == {ADA}


async def _typing_is_seen(mac: SimulatedMac, door: FakeDoor) -> None:
    """Type until it is seen: the program may not listen yet."""
    async with asyncio.timeout(30):
        while not door.typing:
            mac.person_types(ADA, is_typing=False)
            mac.person_types(ADA, is_typing=True)
            await asyncio.sleep(0.1)


class TestSignals:
    async def test_the_peer_sees_that_we_type_and_that_we_read(
        self, mac: SimulatedMac, door: FakeDoor, able: Settings
    ) -> None:
        async with working(able, door):
            guid = await mac.person_texts(ADA, "Hi")
            await until(lambda: bool(door.messages))
            guids = (door.messages[0].chat.guid,)
            typing = door.ask(LINE, SetTyping(ADA, guids, is_typing=True))
            reading = door.ask(LINE, MarkRead(ADA, guids))
            await until(lambda: typing.status == reading.status == "sent")

        [row] = mac.db.rows("SELECT date_read FROM message WHERE guid = ?", guid)
        assert row["date_read"]

    async def test_one_that_hangs_holds_up_no_text_and_is_given_up(  # srv-015
        self, mac: SimulatedMac, door: FakeDoor, able: Settings
    ) -> None:
        async with working(able, door):
            guid = await mac.person_texts(ADA, "Hi")
            await until(lambda: bool(door.messages))
            chat = door.messages[0].chat.guid
            mac.faults.add(Fault("hang", on="signal", times=10))
            signals = [door.ask(LINE, SetTyping(ADA, (chat,), is_typing=True)) for _ in range(10)]
            await until(lambda: len(mac.faults.pending()) < 10)

            texts = [
                door.accept(LINE, ADA, "Plain", chat_guids=[chat]),
                door.accept(LINE, ADA, "Reply", chat_guids=[chat], reply_to_guid=guid),
            ]
            await until(lambda: all(text.status == "sent" for text in texts))
            assert signals[-1].status != "failed", "some still hang"
            await until(lambda: signals[0].status == "failed")

        assert signals[0].error == "outcome_unknown"

    async def test_without_a_bridge_they_fail_with_the_word_for_it(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        await mac.person_texts(ADA, "Hi")
        typing = door.ask(LINE, SetTyping(ADA, (f"any;-;{ADA}",), is_typing=True))

        async with working(settings, door):
            await until(lambda: typing.status == "failed")

        assert typing.error == "advanced_features_required"

    async def test_a_chat_that_messages_does_not_know_fails_for_good(
        self, mac: SimulatedMac, door: FakeDoor, able: Settings
    ) -> None:
        await mac.person_texts(ADA, "Hi")
        reading = door.ask(LINE, MarkRead(BO, ()))

        async with working(able, door):
            await until(lambda: reading.status == "failed")

        assert reading.error == "chat_not_in_messages"


@pytest.mark.usefixtures("mac")
async def test_all_that_the_bridge_can_do_is_offered(door: FakeDoor, able: Settings) -> None:
    async with working(able, door):
        pass

    assert set(door.hellos[-1].lines[0].capabilities) == set(get_args(Capability))
