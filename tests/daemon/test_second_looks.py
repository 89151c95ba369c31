"""Rows of chat.db that change, come back, or go out, when we were done with them long ago."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.simulator import oddities
from blueport.simulator.chatdb import ChatDb, apple_ns
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from tests.daemon.fake_door import FakeDoor
from tests.daemon.test_reading_chat_db import all_is_told
from tests.daemon.waiting import ADA, LINE, until, working

HOUR_MS = 3_600_000
HELD_S = 0.7  # longer than an unfinished row is


class TestLateLink:
    async def test_a_message_whose_chat_comes_late_is_told(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_row(sender=ADA)
            chat_db.write_body(row, "Late")
            await asyncio.sleep(HELD_S)
            await all_is_told(chat_db, door)
            assert door.messages == []

            chat_db.link(row, chat_db.direct_chat(ADA))

            await until(lambda: door.received() == ["Late"])

    async def test_a_send_whose_chat_comes_late_is_proven(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("silent"))
        work = door.accept(LINE, ADA, "Late")
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            row = mac.db.add_row(is_sent=1)
            mac.db.write_body(row, "Late")
            await asyncio.sleep(HELD_S)
            await all_is_told(mac.db, door)

            mac.db.link(row, mac.db.direct_chat(ADA))

            await until(lambda: work.status == "sent")

    async def test_what_was_deleted_before_it_was_told_is_not_told_when_it_is_restored(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            with chat_db.one_commit():
                row = chat_db.add_message("Gone", sender=ADA)
                oddities.recently_deleted(chat_db, row)
            await all_is_told(chat_db, door)

            with chat_db.one_commit():
                chat_db.execute("DELETE FROM chat_recoverable_message_join")
                chat_db.link(row, chat_db.direct_chat(ADA))
            await asyncio.sleep(0.3)  # longer than from one sweep to the next
            await all_is_told(chat_db, door)

        assert (door.messages, door.changes) == ([], [])

    async def test_what_was_told_may_go_and_come_back(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("There and back", sender=ADA)
            await until(lambda: door.received() == ["There and back"])

            oddities.recently_deleted(chat_db, row)
            await asyncio.sleep(HELD_S)
            chat_db.execute("DELETE FROM chat_recoverable_message_join")
            chat_db.link(row, chat_db.direct_chat(ADA))
            await asyncio.sleep(0.3)  # longer than from one sweep to the next
            await all_is_told(chat_db, door)

        assert (door.received(), door.changes) == (["There and back"], [])


class TestDowngrade:
    async def test_a_message_that_goes_out_as_sms_after_all_is_told_so_and_changes_nothing_else(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("By hand", chat=chat_db.direct_chat(ADA), is_sent=1)
            await until(lambda: door.sent() == ["By hand"])

            chat_db.change(row, service="SMS", was_downgraded=1)

            await until(lambda: bool(door.changes))
            chat_db.change(row, is_delivered=1)
            await all_is_told(chat_db, door)
        [change] = door.changes
        assert (door.messages[0].service, change.service) == ("iMessage", "SMS")
        assert (change.text, change.edited_at, change.unsent_at) == ("By hand", None, None)

    async def test_one_that_was_sms_when_it_was_told_is_told_once(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("By hand", chat=chat_db.direct_chat(ADA), service="SMS", was_downgraded=1)
            chat_db.change(row, is_sent=1)
            await until(lambda: door.sent() == ["By hand"])
            chat_db.change(row, is_delivered=1)
            await asyncio.sleep(0.3)  # longer than from one sweep to the next
            await all_is_told(chat_db, door)

        assert (door.messages[0].service, door.changes) == ("SMS", [])


class TestOwnAfterAll:
    @pytest.mark.parametrize("text", ["Mine", "x" * 300, "\ufffd\u0130 am"])  # echo-04: whose length has two bytes
    async def test_a_send_that_was_told_as_somebody_else_s_is_told_again_with_its_proof(  # cur-17
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, text: str
    ) -> None:
        mac.faults.add(Fault("silent"))
        work = door.accept(LINE, ADA, text)
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            row = mac.db.add_message(text, sender=ADA)
            await until(lambda: door.received() == [text])

            mac.db.change(row, is_from_me=1, is_sent=1)

            await until(lambda: work.status == "sent")
        assert (door.received(), door.sent()) == ([], [text])

    async def test_what_another_device_sent_is_told_again_once_it_is_known_as_ours(  # cur-17
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("From my phone", sender=ADA)
            await until(lambda: door.received() == ["From my phone"])

            chat_db.change(row, is_from_me=1)
            chat_db.change(row, is_sent=1)

            await until(lambda: door.sent() == ["From my phone"])
        assert door.messages[0].sender is None


class TestUnsent:
    async def test_what_waits_for_days_is_told_when_it_goes_out(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            later = apple_ns(now_ms() + 40 * HOUR_MS)
            row = chat_db.add_message("Send later", chat=chat_db.direct_chat(ADA), date=later)
            await all_is_told(chat_db, door)
        with closing(sqlite3.connect(settings.journal)) as journal, journal:
            journal.execute("UPDATE sights SET since = since - ?", (25 * HOUR_MS,))
            journal.execute("UPDATE watched SET until = until - ?", (25 * HOUR_MS,))

        async with working(settings, door):
            await all_is_told(chat_db, door)
            assert door.messages == []
            chat_db.change(row, is_sent=1, date=apple_ns(now_ms()))

            await until(lambda: door.sent() == ["Send later"])


class TestRebuiltInSteps:
    async def test_a_message_that_is_written_anew_step_by_step_stays_as_it_was(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            rows = [chat_db.add_message(text, sender=ADA) for text in ("One", "Two")]
            await until(lambda: door.received() == ["One", "Two"])
            chat_db.start_anew()
            chat_db.add_message("Two", sender=ADA, guid=rows[1].guid)
            bare = chat_db.add_row(sender=ADA, guid=rows[0].guid)
            await asyncio.sleep(HELD_S)
            await all_is_told(chat_db, door)
            assert door.changes == []

            chat_db.write_body(bare, "One, edited")
            chat_db.link(bare, chat_db.direct_chat(ADA))

            await until(lambda: [change.text for change in door.changes] == ["One, edited"])
        assert door.received() == ["One", "Two"]
