"""Which messages are announced and which only stored: what is old is history, unless it is old because we were away."""

import sqlite3
from contextlib import closing

import pytest

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.daemon.watching import reader
from blueport.daemon.watching.looking import FRESH_LIMIT
from blueport.simulator import edits, oddities
from blueport.simulator.chatdb import ChatDb
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from tests.daemon.fake_door import FakeDoor
from tests.daemon.waiting import ADA, BO, LINE, until, working

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
YEAR_MS = 365 * 24 * HOUR_MS


async def let_work(settings: Settings, door: FakeDoor) -> None:
    """Let a daemon work for a moment."""
    async with working(settings, door):
        pass


def age(settings: Settings, ms: int, *, away: int = 0) -> None:
    """Let *ms* pass for the journal of a daemon that is down, the last *away* ms of it without a look."""
    with closing(sqlite3.connect(settings.journal)) as journal, journal:
        journal.execute("UPDATE identity SET created_at = created_at - ?", (ms,))
        journal.execute("UPDATE chats SET newest_at = newest_at - ?", (ms,))
        for moment in ("read_at", "away_since", "back_at"):
            journal.execute(f"UPDATE reading SET {moment} = {moment} - ?", (away,))


class TestHistory:
    async def test_what_icloud_brings_back_is_stored_without_news(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            chat_db.add_message("New", sender=ADA)
            await until(lambda: door.received() == ["New"])

            oddities.backfill(chat_db, 20, sender=ADA, newest_at=now_ms() - HOUR_MS)

            await until(lambda: len(door.messages) == 21)
        assert door.received() == ["New"]

    async def test_what_icloud_brings_back_oldest_first_is_no_news_either(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            with chat_db.one_commit():
                for n in range(20):
                    chat_db.add_message(f"Old {n}", sender=ADA, sent_at=now_ms() - 7 * YEAR_MS + n * MINUTE_MS)

            await until(lambda: len(door.messages) == 20)
        assert door.received() == []

    async def test_what_comes_late_but_newest_is_news(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        await let_work(settings, door)
        age(settings, 2 * HOUR_MS)

        async with working(settings, door):
            for text, minutes in (("Late", 60), ("Less late", 30), ("Older than that", 45)):
                chat_db.add_message(text, sender=ADA, sent_at=now_ms() - minutes * MINUTE_MS)

            await until(lambda: len(door.messages) == 3)
        assert door.received() == ["Late", "Less late"]

    async def test_a_date_in_the_future_silences_nobody(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            chat_db.add_message("From the future", sender=ADA, sent_at=now_ms() + YEAR_MS)
            await until(lambda: len(door.messages) == 1)
        age(settings, 2 * HOUR_MS)

        async with working(settings, door):
            chat_db.add_message("Late", sender=ADA, sent_at=now_ms() - HOUR_MS)
            await until(lambda: len(door.messages) == 2)

        assert door.received() == ["From the future", "Late"]

    async def test_a_date_in_the_future_silences_nobody_in_a_rebuilt_file(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            chat_db.add_message("From the future", sender=BO, sent_at=now_ms() + YEAR_MS)
            for text in ("One", "Two"):
                chat_db.add_message(text, sender=ADA)
            await until(lambda: len(door.messages) == 3)
        oddities.rebuild(chat_db)
        chat_db.add_message("After", sender=ADA)

        async with working(settings, door):
            await until(lambda: door.received()[-1] == "After")


class TestAbsence:
    async def test_what_was_unfinished_on_our_return_is_news_when_it_is_told(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        await let_work(settings, door)
        age(settings, 3 * HOUR_MS, away=2 * HOUR_MS)
        row = chat_db.add_row(sender=ADA, sent_at=now_ms() - HOUR_MS, cache_has_attachments=1)
        chat_db.write_body(row, "A photo whose file is on its way", attachment_count=1)
        chat_db.link(row, chat_db.direct_chat(ADA))
        chat_db.add_message("Sent later", sender=ADA, sent_at=now_ms() - HOUR_MS + MINUTE_MS)

        async with working(settings, door):
            await until(lambda: len(door.messages) == 2)

        assert door.received() == ["Sent later", "A photo whose file is on its way"]

    async def test_however_much_it_is_all_of_it_is_news(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        await let_work(settings, door)
        age(settings, 3 * HOUR_MS, away=2 * HOUR_MS)
        at = now_ms() - HOUR_MS
        texts = [f"Number {n}" for n in range(FRESH_LIMIT + 10)]
        with chat_db.one_commit():
            for n, text in enumerate(texts):
                chat_db.add_message(text, sender=ADA, sent_at=at + n * 1000)
            chat_db.add_message("Out of order", sender=ADA, sent_at=at + 500)

        async with working(settings, door):
            await until(lambda: len(door.messages) == FRESH_LIMIT + 11)

        assert door.received() == [*texts, "Out of order"]

    @pytest.mark.parametrize("crashes", [0, 1])
    async def test_what_messages_fetches_only_after_our_return_is_news(  # send-27
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, crashes: int
    ) -> None:
        await let_work(settings, door)
        age(settings, 3 * HOUR_MS, away=2 * HOUR_MS)
        for _ in range(crashes):
            await let_work(settings, door)

        async with working(settings, door):
            for text, minutes in (("Second", 20), ("First", 40), ("Long before", 200)):
                chat_db.add_message(text, sender=ADA, sent_at=now_ms() - minutes * MINUTE_MS)

            await until(lambda: len(door.messages) == 3)
        assert door.received() == ["Second", "First"]

    async def test_a_moment_awake_ends_no_absence(self, chat_db: ChatDb, door: FakeDoor, settings: Settings) -> None:
        for _ in range(2):
            await let_work(settings, door)
            age(settings, 2 * HOUR_MS, away=HOUR_MS)

        async with working(settings, door):
            for text, minutes in (("Second hour", 30), ("First hour", 90), ("Before", 150)):
                chat_db.add_message(text, sender=ADA, sent_at=now_ms() - minutes * MINUTE_MS)
            await until(lambda: len(door.messages) == 3)

        assert door.received() == ["Second hour", "First hour"]

    async def test_what_a_person_wrote_long_before_it_went_out_is_news(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            chat = chat_db.direct_chat(ADA)
            chat_db.add_message("Waits for the network", chat=chat)
            chat_db.add_message("Hi", sender=ADA)
            await until(lambda: door.received() == ["Hi"])
        with closing(sqlite3.connect(settings.journal)) as journal, journal:
            journal.execute("UPDATE sights SET since = since - ?", (20 * MINUTE_MS,))
        chat_db.execute("UPDATE message SET date = date - ?, is_sent = 1 WHERE is_from_me", 20 * MINUTE_MS * 1_000_000)

        async with working(settings, door):
            await until(lambda: door.sent() == ["Waits for the network"])

    async def test_a_send_is_not_given_up_on_waking(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("silent"))
        work = door.accept(LINE, ADA, "Hi")
        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
        age(settings, 0, away=HOUR_MS)
        with closing(sqlite3.connect(settings.journal)) as journal, journal:
            journal.execute("UPDATE items SET begun_at = begun_at - ?", (HOUR_MS,))

        async with working(settings, door):
            mac.db.add_message("Hi", chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: work.status != "claimed")

        assert work.status == "sent"


class TestClock:
    async def test_a_clock_that_is_set_back_holds_up_nobody(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with working(settings, door):
            told = chat_db.add_message("Teh", sender=ADA)
            await until(lambda: len(door.messages) == 1)
            row = chat_db.add_row(sender=ADA, cache_has_attachments=1)
            chat_db.write_body(row, "A file that never comes", attachment_count=1)
            chat_db.link(row, chat_db.direct_chat(ADA))
            chat_db.add_message("Next", sender=ADA)
            await until(lambda: len(door.messages) == 2)

            monkeypatch.setattr(reader, "now_ms", lambda: now_ms() - HOUR_MS)
            edits.edit(chat_db, told, "The")

            await until(lambda: len(door.messages) == 3 and len(door.changes) == 1)
        assert door.received() == ["Teh", "Next", "A file that never comes"]
