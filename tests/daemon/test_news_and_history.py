"""Which messages are announced and which only stored: what is old is history, unless it is old because we were away."""

import sqlite3
from contextlib import closing

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.simulator import oddities
from blueport.simulator.chatdb import ChatDb
from tests.daemon.fake_door import FakeDoor
from tests.daemon.waiting import ADA, BO, until, working

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
        journal.execute("UPDATE reading SET read_at = read_at - ?", (away,))


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
