"""A change of chat.db is noticed by watching its folder, and where nobody can watch it, by looking now and then."""

import asyncio
from contextlib import closing, suppress

import msgspec

from blueport.daemon.chatdb.thread import ChatDbThread
from blueport.daemon.health import MacHealth
from blueport.daemon.journal.file import Journal
from blueport.daemon.settings import Settings
from blueport.daemon.watching.library import Library
from blueport.daemon.watching.reader import Reader
from blueport.simulator.chatdb import ChatDb
from tests.daemon.fake_door import FakeDoor
from tests.daemon.waiting import ADA, until, working

NEVER_S = 3_600


async def test_who_watches_does_not_wait_for_the_next_poll(settings: Settings, door: FakeDoor, chat_db: ChatDb) -> None:
    async with working(msgspec.structs.replace(settings, poll_s=NEVER_S, sweep_s=NEVER_S), door):
        for text in ("one", "two"):
            chat_db.add_message(text, sender=ADA)
            await until(lambda text=text: door.messages and door.messages[-1].text == text)


async def test_a_poll_sees_what_nobody_told_of(settings: Settings, journal: Journal, chat_db: ChatDb) -> None:
    patient = msgspec.structs.replace(settings, poll_s=0.05)
    with closing(ChatDbThread(chat_db.path)) as thread:
        reader = Reader(journal, thread, Library(chat_db.path), MacHealth(), patient)
        await reader.step()
        reading = asyncio.create_task(reader.read_for_ever())

        chat_db.add_message("hello", sender=ADA)

        async with asyncio.timeout(10):
            await journal.news.wait()
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
