"""A daemon that stands still, or whose disk is full: what people wrote meanwhile is told afterwards, each once.

What is late because the Mac slept for hours is in `test_news_and_history`.
"""

import asyncio
import os
import resource
import signal
from pathlib import Path

import pytest

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.simulator import edits, oddities
from blueport.simulator.chatdb import Attachment, ChatDb
from tests.daemon.fake_door import FakeDoor
from tests.daemon.test_daemon_deaths import daemon_process
from tests.daemon.waiting import ADA, full_disk, until

PHOTO = Attachment("photo.jpg", b"jpg")


def people_act(chat_db: ChatDb, *, sent_at: int) -> None:
    """Have Ada write five texts, the third in steps, edit the first, take back the last, and put a tapback on one."""
    rows = [chat_db.add_message(f"Number {n}", sender=ADA, sent_at=sent_at + n) for n in range(2)]
    row = chat_db.add_row(sender=ADA, sent_at=sent_at + 2)
    chat_db.write_body(row, "Number 2", attachment_count=1)
    chat_db.attach(row, [PHOTO])
    chat_db.link(row, chat_db.direct_chat(ADA))
    rows += [chat_db.add_message(f"Number {n}", sender=ADA, sent_at=sent_at + n) for n in (3, 4)]
    edits.edit(chat_db, rows[0], "Number 0!")
    edits.unsend(chat_db, rows[-1])
    oddities.tapback(chat_db, f"p:0/{rows[1].guid}", 2000, chat=chat_db.direct_chat(ADA), sender=ADA)


def assert_told_once(door: FakeDoor) -> None:
    assert door.received() == ["Before", "Number 0!", "Number 1", "Number 2", "Number 3", "After"]
    assert [seen.tapback for seen in door.reactions] == ["love"]
    assert {len(seen.attachments) for seen in door.messages if seen.text == "Number 2"} == {1}
    assert door.changes == []


async def test_what_came_while_the_daemon_stood_still_is_told_when_it_goes_on(  # send-27
    chat_db: ChatDb, door: FakeDoor, settings: Settings, tmp_path: Path
) -> None:
    async with daemon_process(settings, tmp_path) as process:
        await until(lambda: bool(door.hellos))
        chat_db.add_message("Before", sender=ADA)
        await until(lambda: door.received() == ["Before"])
        os.kill(process.pid, signal.SIGSTOP)
        people_act(chat_db, sent_at=now_ms())

        os.kill(process.pid, signal.SIGCONT)
        chat_db.add_message("After", sender=ADA)
        await until(lambda: len(door.messages) == 6 and bool(door.reactions))

    assert_told_once(door)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
async def test_what_came_while_the_journal_could_not_be_written_is_told_when_it_can(
    chat_db: ChatDb, door: FakeDoor, settings: Settings, tmp_path: Path
) -> None:
    async with daemon_process(settings, tmp_path) as process:
        await until(lambda: bool(door.hellos))
        chat_db.add_message("Before", sender=ADA)
        await until(lambda: door.received() == ["Before"])
        with full_disk(process.pid, 0):
            people_act(chat_db, sent_at=now_ms())
            await asyncio.sleep(1)  # long enough for some tries

        chat_db.add_message("After", sender=ADA)
        await until(lambda: len(door.messages) == 6 and bool(door.reactions))

    assert_told_once(door)
