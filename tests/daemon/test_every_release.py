"""A whole daemon on the chat.db of each release: rows of every kind, and what the server is told of them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.simulator import edits, oddities
from blueport.simulator.chatdb import Attachment, ChatDb, Row, apple_ns
from blueport.simulator.settings import MacOs, chat_db_path
from tests.daemon.fake_door import FakeDoor
from tests.daemon.test_reading_chat_db import all_is_told
from tests.daemon.waiting import ADA, BO, CY, LINE, until, working

HOUR_MS = 3_600_000
PHOTO = Attachment("photo.heic", b"heic", "image/heic")
MEMO = Attachment("memo.m4a", b"a memo", is_audio=True)


@pytest.fixture(params=get_args(MacOs))
def chat_db(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ChatDb]:
    with closing(ChatDb(chat_db_path(tmp_path / "mac"), macos=request.param, line=LINE)) as db:
        yield db


@pytest.fixture(autouse=True)
async def _daemon_at_work(chat_db: ChatDb, door: FakeDoor, settings: Settings) -> AsyncIterator[None]:  # noqa: ARG001 - chat.db is there before the daemon
    async with working(settings, door):
        yield


def knows_edits(chat_db: ChatDb) -> bool:
    return chat_db.has("message", "date_edited")


async def test_messages_of_every_kind_are_told(chat_db: ChatDb, door: FakeDoor) -> None:
    group = chat_db.group_chat("chat797", [ADA, BO], display_name="Tea")
    first = chat_db.add_message("İ " + "x" * 32_768, sender=ADA)
    chat_db.add_message("Archive alone", sender=ADA, text=None)
    chat_db.add_message("Column alone", sender=ADA, text="Column alone", attributedBody=None)
    chat_db.add_message("look", sender=ADA, attachments=[PHOTO])
    chat_db.add_message("", sender=ADA, attachments=[MEMO])
    chat_db.add_message("Yes", sender=ADA, thread_originator_guid=first.guid)
    chat_db.add_message("To all", sender=BO, chat=group)
    for service in ("SMS", "RCS"):
        chat_db.add_message(service, sender=CY, service=service, chat=chat_db.direct_chat(CY, service=service))
    chat_db.add_message("By hand", chat=chat_db.direct_chat(ADA), is_sent=1)
    chat_db.add_message("In seconds", sender=ADA, date=apple_ns(now_ms()) // 10**9)
    await all_is_told(chat_db, door)

    assert [seen.text for seen in door.messages] == [
        *("İ " + "x" * 32_768, "Archive alone", "Column alone", "look", None, "Yes"),
        *("To all", "SMS", "RCS", "By hand", "In seconds"),
    ]
    photo, memo, reply, to_all, sms, rcs, own, in_seconds = door.messages[3:]
    assert [file.mime_type for file in photo.attachments] == ["image/heic"]
    assert (memo.is_audio, memo.attachments[0].mime_type) == (True, "audio/x-caf")
    assert reply.reply_to_guid == first.guid
    assert (to_all.sender, to_all.chat.is_group, to_all.chat.name) == (BO, True, "Tea")
    assert [seen.service for seen in (sms, rcs)] == ["SMS", "RCS"]
    assert (own.is_from_me, own.sender) == (True, None)
    assert abs(in_seconds.sent_at - now_ms()) < HOUR_MS
    assert all(seen.announce for seen in door.messages)


async def test_tapbacks_are_told_and_other_rows_are_not(chat_db: ChatDb, door: FakeDoor) -> None:
    chat = chat_db.direct_chat(ADA)
    target = chat_db.add_message("Nice?", chat=chat, is_sent=1)

    def react(kind: int, part: int) -> Row:
        return oddities.tapback(chat_db, f"p:{part}/{target.guid}", kind, chat=chat, sender=ADA)

    for part, kind in enumerate((2000, 2005, 3001)):
        react(kind, part)
    for part, kind in enumerate((1000, 4000, 2999), start=10):
        react(kind, part)
    for item_type in range(1, 7):
        oddities.group_event(chat_db, chat, item_type, actor=ADA)
    chat_db.add_message("You won", sender=CY, is_spam=1)
    chat_db.add_message("", sender=ADA, balloon_bundle_id="com.apple.Handwriting.HandwritingProvider")
    chat_db.add_message("See https://example.com/a", sender=ADA)
    oddities.link_preview(chat_db, "https://example.com/a", sender=ADA, chat=chat)
    await all_is_told(chat_db, door)

    assert [(seen.tapback, seen.is_added) for seen in door.reactions] == [
        ("love", True),
        ("question", True),
        ("like", False),
    ]
    assert door.received() == ["See https://example.com/a"]


async def test_an_emoji_is_told_by_releases_that_know_it(chat_db: ChatDb, door: FakeDoor) -> None:
    chat = chat_db.direct_chat(ADA)
    target = chat_db.add_message("Nice?", chat=chat, is_sent=1)
    knows_emoji = chat_db.has("message", "associated_message_emoji")
    columns = {"associated_message_emoji": "🎉"} if knows_emoji else {}
    oddities.tapback(chat_db, f"p:0/{target.guid}", 2006, chat=chat, sender=ADA, **columns)
    await all_is_told(chat_db, door)

    assert [(seen.tapback, seen.emoji) for seen in door.reactions] == [(None, "🎉" if knows_emoji else None)]
    assert door.received() == []


async def test_edits_and_unsends_are_told_and_on_an_older_release_their_sentences_are_messages(  # edit-06
    chat_db: ChatDb, door: FakeDoor
) -> None:
    rows = [chat_db.add_message(text, sender=ADA) for text in ("Teh", "Oops")]
    await until(lambda: len(door.messages) == 2)

    if knows_edits(chat_db):
        edits.edit(chat_db, rows[0], "The")
        edits.unsend(chat_db, rows[1])
        await until(lambda: [change.text for change in door.changes] == ["The", None])
    else:
        chat_db.add_message("Edited to “The”", sender=ADA)
        await until(lambda: door.received()[2:] == ["Edited to “The”"])


async def test_what_comes_later_is_told_as_a_change(chat_db: ChatDb, door: FakeDoor) -> None:
    photo = chat_db.add_row(sender=ADA, cache_has_attachments=1)
    chat_db.write_body(photo, "", attachment_count=1)
    chat_db.link(photo, chat_db.direct_chat(ADA))
    memo = chat_db.add_message("", sender=ADA, attachments=[MEMO])
    own = chat_db.add_message("By hand", chat=chat_db.direct_chat(ADA), is_sent=1)
    await until(lambda: len(door.messages) == 3)

    chat_db.attach(photo, [PHOTO])
    chat_db.transcribe(memo, "See you")
    chat_db.change(own, is_delivered=1, date_delivered=apple_ns(now_ms()), date_read=apple_ns(now_ms()))

    await until(lambda: len(door.changes) == 2 and bool(door.reached) and bool(door.receipts))
    said = {change.guid: change.attachments[0].transcription for change in door.changes}
    assert said == {photo.guid: None, memo.guid: "See you"}
    assert door.reached[0].guid == own.guid


async def test_what_was_deleted_at_once_is_not_told(chat_db: ChatDb, door: FakeDoor) -> None:
    with chat_db.one_commit():
        row = chat_db.add_message("Gone", sender=ADA)
        if chat_db.has("chat_recoverable_message_join", "message_id"):
            oddities.recently_deleted(chat_db, row)
        else:
            chat_db.execute("DELETE FROM message WHERE ROWID = ?", row.rowid)
    await all_is_told(chat_db, door)

    assert door.messages == []


async def test_a_rebuilt_file_is_read_on_from_its_end(chat_db: ChatDb, door: FakeDoor) -> None:
    for text in ("One", "Two"):
        chat_db.add_message(text, sender=ADA)
    await until(lambda: door.received() == ["One", "Two"])

    oddities.rebuild(chat_db)
    chat_db.add_message("Three", sender=ADA)

    await until(lambda: door.received() == ["One", "Two", "Three"])
