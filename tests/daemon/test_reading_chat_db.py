"""A whole daemon on a chat.db that the test writes row by row: what the server is told of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.simulator import edits, oddities
from blueport.simulator.chatdb import Attachment, ChatDb, apple_ns
from blueport.typedstream import encode, message_body
from tests.daemon.fake_door import NOBODY, FakeDoor
from tests.daemon.waiting import ADA, BO, CY, LINE, until, working

PHOTO = Attachment("photo.heic", b"heic", "image/heic")
PHOTOS = [Attachment(f"{n}.jpg", b"jpg") for n in range(3)]
MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
async def _daemon_at_work(chat_db: ChatDb, door: FakeDoor, settings: Settings) -> AsyncIterator[None]:  # noqa: ARG001 - chat.db is there before the daemon
    async with working(settings, door):
        yield


async def all_is_told(chat_db: ChatDb, door: FakeDoor) -> None:
    """Wait until all that was written so far is told: what is written now is told after it."""
    last = chat_db.add_message("The last word", sender=NOBODY)
    await until(lambda: last.guid in door.last_words)


class TestBodies:
    @pytest.mark.parametrize("size", [0x30, 127, 128, 200, 255, 256, 292, 32_767, 32_768, 40_000])
    async def test_a_body_of_any_length_is_whole(  # body-04, body-06, body-07, body-08
        self, chat_db: ChatDb, door: FakeDoor, size: int
    ) -> None:
        chat_db.add_message("a" * size, sender=ADA)

        await until(lambda: bool(door.messages))

        assert door.messages[0].text == "a" * size

    async def test_rows_without_plain_text_are_read_from_their_archive(  # body-01, body-02
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        chat_db.add_message("plain", sender=ADA, text="plain", attributedBody=None)
        for text in ("coach me", "again", "and again"):
            chat_db.add_message(text, sender=ADA, text=None)

        await until(lambda: len(door.messages) == 4)

        assert door.received() == ["plain", "coach me", "again", "and again"]

    async def test_the_archive_wins_over_the_plain_text(self, chat_db: ChatDb, door: FakeDoor) -> None:
        chat_db.add_message("the archive", sender=ADA, text="the column")

        await until(lambda: door.received() == ["the archive"])

    async def test_the_plain_text_counts_where_the_archive_says_nothing(self, chat_db: ChatDb, door: FakeDoor) -> None:
        for archived in (encode(message_body("")), encode(message_body("\ufffd")), b"streamtyped"):
            chat_db.add_message("", sender=ADA, text="the column", attributedBody=archived)

        await until(lambda: door.received() == ["the column"] * 3)

    async def test_a_photo_alone_has_no_text_whatever_the_column_says(self, chat_db: ChatDb, door: FakeDoor) -> None:
        chat_db.add_message("", sender=ADA, attachments=[PHOTO], text="\ufffcold")

        await until(lambda: [seen.text for seen in door.messages] == [None])

    async def test_text_survives_to_the_letter(  # body-12, body-18, body-20
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        texts = [" İ am ", "\u202b\u05e9\u05dc\u05d5\u05dd (abc)\u202c", "\u00a0x\u200d\ufe0f", "e\u0301"]
        texts += ["x" + "\U0001f600" * 500, "\U0001f469\u200d\U0001f469\u200d\U0001f467\ufe0f"]
        for text in texts:
            chat_db.add_message(text, sender=ADA)

        await until(lambda: len(door.messages) == len(texts))

        assert door.received() == texts

    async def test_a_body_that_cannot_be_read_is_told_once_it_can(  # body-11
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        whole = encode(message_body("whole"))
        row = chat_db.add_message("", sender=ADA, attributedBody=whole[:60])
        await asyncio.sleep(0.7)  # longer than an unfinished row is held
        await all_is_told(chat_db, door)
        assert door.messages == []

        chat_db.change(row, attributedBody=whole)

        await until(lambda: door.received() == ["whole"])

    async def test_a_caption_has_no_mark_of_its_photo(self, chat_db: ChatDb, door: FakeDoor) -> None:  # body-14
        chat_db.add_message("look", sender=ADA, attachments=[PHOTO])

        await until(lambda: bool(door.messages))

        assert (door.messages[0].text, len(door.messages[0].attachments)) == ("look", 1)

    async def test_a_photo_alone_has_no_text(self, chat_db: ChatDb, door: FakeDoor) -> None:  # body-15
        chat_db.add_message("", sender=ADA, attachments=[PHOTO])

        await until(lambda: bool(door.messages))

        assert door.messages[0].text is None
        assert [file.mime_type for file in door.messages[0].attachments] == ["image/heic"]

    async def test_nul_is_left_out(self, chat_db: ChatDb, door: FakeDoor) -> None:  # body-17
        chat_db.add_message("a\x00b", sender=ADA)

        await until(lambda: door.received() == ["ab"])

    async def test_bytes_that_are_no_utf8_hold_up_nobody(self, chat_db: ChatDb, door: FakeDoor) -> None:
        row = chat_db.add_message("", sender=ADA)
        oddities.bad_utf8(chat_db, row, b"caf\xe9")
        chat_db.add_message("Next", sender=ADA)

        await until(lambda: door.received() == ["caf\ufffd", "Next"])


class TestLifeOfARow:
    async def test_a_row_is_told_when_body_and_chat_are_there(self, chat_db: ChatDb, door: FakeDoor) -> None:
        row = chat_db.add_row(sender=ADA)
        await asyncio.sleep(0.1)
        chat_db.write_body(row, "Step by step")
        await asyncio.sleep(0.1)
        assert door.messages == []

        chat_db.link(row, chat_db.direct_chat(ADA))

        await until(lambda: door.received() == ["Step by step"])

    async def test_an_unfinished_row_holds_up_nobody(self, chat_db: ChatDb, door: FakeDoor) -> None:
        row = chat_db.add_row(sender=ADA)
        chat_db.add_message("Second", sender=ADA)
        await until(lambda: door.received() == ["Second"])

        chat_db.write_body(row, "First")
        chat_db.link(row, chat_db.direct_chat(ADA))

        await until(lambda: door.received() == ["Second", "First"])

    async def test_a_file_that_is_linked_late_is_waited_for(self, chat_db: ChatDb, door: FakeDoor) -> None:  # att-27
        row = chat_db.add_row(sender=ADA, cache_has_attachments=1)
        chat_db.write_body(row, "", attachment_count=1)
        chat_db.link(row, chat_db.direct_chat(ADA))
        await asyncio.sleep(0.1)
        assert door.messages == []

        chat_db.attach(row, [PHOTO])

        await until(lambda: bool(door.messages))
        assert [file.filename for file in door.messages[0].attachments] == ["photo.heic"]

    async def test_files_that_come_one_at_a_time_are_told_together(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:  # att-27
        row = chat_db.add_row(sender=ADA, cache_has_attachments=1)
        chat_db.write_body(row, "", attachment_count=3)
        chat_db.link(row, chat_db.direct_chat(ADA))
        for count in (1, 2, 3):
            chat_db.attach(row, PHOTOS[:count])
            await asyncio.sleep(0.1)

        await until(lambda: bool(door.messages))

        assert [file.filename for file in door.messages[0].attachments] == ["0.jpg", "1.jpg", "2.jpg"]
        assert door.changes == []

    async def test_of_several_files_those_that_come_much_later_are_told_as_a_change(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        row = chat_db.add_message("", sender=ADA, attachments=PHOTOS[:1], cache_has_attachments=1)
        chat_db.write_body(row, "", attachment_count=3)
        await until(lambda: bool(door.messages))
        assert len(door.messages[0].attachments) == 1

        chat_db.attach(row, PHOTOS)

        await until(lambda: [len(change.attachments) for change in door.changes][-1:] == [3])
        assert len(door.messages) == 1

    async def test_a_file_that_its_body_spells_otherwise_is_told(self, chat_db: ChatDb, door: FakeDoor) -> None:
        other = encode(message_body("look", attachment_guids=["F00"]))
        chat_db.add_message("look", sender=ADA, attachments=[PHOTO], attributedBody=other)
        await all_is_told(chat_db, door)

        assert [(seen.text, len(seen.attachments)) for seen in door.messages] == [("look", 1)]

    async def test_a_file_is_not_taken_for_come_because_a_hidden_one_has(self, chat_db: ChatDb, door: FakeDoor) -> None:
        row = chat_db.add_message("", sender=ADA, cache_has_attachments=1)
        chat_db.write_body(row, "", attachment_count=1)
        film = chat_db.insert("attachment", guid="film", transfer_name="photo.mov", hide_attachment=1)
        chat_db.insert("message_attachment_join", message_id=row.rowid, attachment_id=film)
        await asyncio.sleep(0.1)
        assert door.messages == []

        chat_db.attach(row, [PHOTO])

        await until(lambda: [len(seen.attachments) for seen in door.messages] == [1])

    async def test_a_file_that_never_comes_is_not_waited_for_for_ever(  # att-05, att-06
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        row = chat_db.add_message("", sender=ADA, cache_has_attachments=1)
        chat_db.write_body(row, "", attachment_count=1)
        await until(lambda: bool(door.messages))
        assert door.messages[0].attachments == ()

        chat_db.attach(row, [PHOTO])

        await until(lambda: bool(door.changes))
        assert [file.size for file in door.changes[0].attachments] == [4]
        assert len(door.messages) == 1

    async def test_updates_of_a_told_row_are_no_second_message(  # edit-01
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        row = chat_db.add_message("Once", sender=ADA)
        await until(lambda: door.received() == ["Once"])

        chat_db.change(row, is_delivered=1, date_read=1, is_sent=1, error=0)
        await asyncio.sleep(0.3)  # longer than from one sweep to the next
        await all_is_told(chat_db, door)

        assert (door.received(), door.changes) == (["Once"], [])

    async def test_a_row_in_two_chats_is_told_once_and_one_in_none_never(  # cur-20
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        older, newer = chat_db.direct_chat(ADA), chat_db.group_chat("chat1", [ADA, BO])
        row = chat_db.add_message("Twice", sender=ADA, chat=newer)
        chat_db.link(row, older)
        orphan = chat_db.add_row(sender=ADA)
        chat_db.write_body(orphan, "Orphan")
        await asyncio.sleep(0.7)  # longer than an unfinished row is held
        await all_is_told(chat_db, door)

        assert [(seen.text, seen.chat.is_group) for seen in door.messages] == [("Twice", False)]

    async def test_a_link_to_a_chat_that_is_gone_hides_no_other(self, chat_db: ChatDb, door: FakeDoor) -> None:
        with chat_db.one_commit():
            gone, there = chat_db.direct_chat(CY), chat_db.direct_chat(ADA)
            chat_db.link(chat_db.add_message("Hello", sender=ADA, chat=there), gone)
            chat_db.execute("DELETE FROM chat WHERE ROWID = ?", gone)

        await until(lambda: [seen.chat.identifier for seen in door.messages] == [ADA])

    @pytest.mark.parametrize("error", [1, 25])
    async def test_what_somebody_sent_is_told_whatever_its_error(
        self, chat_db: ChatDb, door: FakeDoor, error: int
    ) -> None:
        chat_db.add_message("Hello", sender=ADA, error=error)

        await until(lambda: door.received() == ["Hello"])

    async def test_what_is_recently_deleted_is_not_told(self, chat_db: ChatDb, door: FakeDoor) -> None:
        with chat_db.one_commit():
            oddities.recently_deleted(chat_db, chat_db.add_message("Gone", sender=ADA))
        await all_is_told(chat_db, door)

        assert door.messages == []

    async def test_equal_texts_are_different_messages(  # echo-10, edit-07, date-08
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        at = now_ms()
        for sent_at in (at, at, at - 5_000):
            chat_db.add_message("ok", sender=ADA, sent_at=sent_at)

        await until(lambda: door.received() == ["ok"] * 3)

    async def test_a_burst_is_told_in_order_and_in_full(self, chat_db: ChatDb, door: FakeDoor) -> None:  # cur-07
        texts = [f"Number {n}" for n in range(1_000)]
        for text in texts:
            chat_db.add_message(text, sender=ADA)

        await until(lambda: door.received() == texts)

    async def test_more_than_one_look_can_hold_is_told_though_nothing_else_happens(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        texts = [f"Number {n}" for n in range(1_200)]
        with chat_db.one_commit():
            for text in texts:
                chat_db.add_message(text, sender=ADA)

        await until(lambda: door.received() == texts)


class TestEdits:
    async def test_an_edit_is_told_as_a_change(self, chat_db: ChatDb, door: FakeDoor) -> None:
        row = chat_db.add_message("Teh", sender=ADA)
        await until(lambda: door.received() == ["Teh"])

        edits.edit(chat_db, row, "The")

        await until(lambda: [change.text for change in door.changes] == ["The"])
        assert len(door.messages) == 1

    @pytest.mark.parametrize("date", [0, None, apple_ns(now_ms()) // 10**9], ids=["zero", "null", "seconds"])
    async def test_an_edit_is_seen_whatever_the_unit_of_the_date(
        self, chat_db: ChatDb, door: FakeDoor, date: int | None
    ) -> None:
        row = chat_db.add_message("Teh", sender=ADA, date=date)
        await until(lambda: len(door.messages) == 1)

        edits.edit(chat_db, row, "The")

        await until(lambda: [change.text for change in door.changes] == ["The"])

    async def test_what_was_edited_before_it_was_seen_has_its_newest_text(  # edit-04, edit-08
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        with chat_db.one_commit():
            row = chat_db.add_message("One", sender=ADA)
            for at, text in enumerate(("Two", "Three"), now_ms()):  # of two in one millisecond the first one stays
                edits.edit(chat_db, row, text, at=at)
        await all_is_told(chat_db, door)

        assert (door.received(), door.changes) == (["Three"], [])

    async def test_what_was_unsent_before_it_was_seen_is_not_told(  # edit-09
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        with chat_db.one_commit():
            edits.unsend(chat_db, chat_db.add_message("Oops", sender=ADA))
        await all_is_told(chat_db, door)

        assert door.messages == []

    async def test_what_was_unsent_is_not_told_for_the_plain_text_beside_its_emptied_body(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        with chat_db.one_commit():
            row = chat_db.add_message("Oops", sender=ADA, text="Oops")
            edits.unsend(chat_db, row, attributedBody=encode(message_body("")), text="Oops")
        await all_is_told(chat_db, door)

        assert door.messages == []

    async def test_what_is_unsent_later_loses_its_text(self, chat_db: ChatDb, door: FakeDoor) -> None:
        row = chat_db.add_message("Oops", sender=ADA)
        await until(lambda: door.received() == ["Oops"])

        edits.unsend(chat_db, row)

        await until(lambda: [change.text for change in door.changes] == [None])

    async def test_of_three_photos_only_the_unsent_one_goes(self, chat_db: ChatDb, door: FakeDoor) -> None:  # edit-03
        row = chat_db.add_message("", sender=ADA, attachments=PHOTOS)
        await until(lambda: bool(door.messages))
        left = [f"at_{part}_{row.guid}" for part in (0, 2)]

        edits.unsend(chat_db, row, parts=(1,), attributedBody=encode(message_body("", attachment_guids=left)))

        await until(lambda: bool(door.changes))
        assert [file.guid for file in door.changes[0].attachments] == left

    async def test_what_an_older_device_says_of_an_edit_is_a_message(  # edit-06, rxn-09
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        for text in ("Edited to “x”", "Liked an image"):
            chat_db.add_message(text, sender=ADA)

        await until(lambda: door.received() == ["Edited to “x”", "Liked an image"])


class TestRowsThatAreNoMessages:
    @pytest.mark.parametrize("kind", [2001, 2006, 2007, 2999, 3001, 3007, 3999, 1000, 4000])
    async def test_reactions_stickers_and_polls_are_not_told(  # rxn-03, rxn-04, rxn-07, rxn-08
        self, chat_db: ChatDb, door: FakeDoor, kind: int
    ) -> None:
        chat = chat_db.direct_chat(ADA)
        target = chat_db.add_message("Nice?", sender=ADA)
        oddities.tapback(chat_db, f"p:0/{target.guid}", kind, chat=chat, sender=ADA)
        await all_is_told(chat_db, door)

        assert door.received() == ["Nice?"]

    @pytest.mark.parametrize("kind", [1, 2, 3, 4, 1001, 5000, -1])
    async def test_numbers_that_say_nothing_else_are_messages(self, chat_db: ChatDb, door: FakeDoor, kind: int) -> None:
        chat_db.add_message("Your turn", sender=ADA, associated_message_type=kind)

        await until(lambda: door.received() == ["Your turn"])

    @pytest.mark.parametrize(
        ("item_type", "action"),
        [(1, 0), (1, 1), (2, 0), (3, 0), (3, 1), (3, 2), (4, 0), (5, 0), (6, 0), (99, 0)],
        ids=["added", "removed", "renamed", "left", "photo", "no photo", "location", "kept", "FaceTime", "unheard of"],
    )
    @pytest.mark.parametrize("actor", [ADA, None])
    async def test_events_of_a_group_are_not_told(
        self, chat_db: ChatDb, door: FakeDoor, item_type: int, action: int, actor: str | None
    ) -> None:
        group = chat_db.group_chat("chat1", [ADA, BO])
        other = chat_db.handle_id(BO)
        words = {"group_title": "Friends", "text": "Friends", "other_handle": other, "is_sent": 1}
        oddities.group_event(chat_db, group, item_type, action, actor=actor, **words)
        await all_is_told(chat_db, door)

        assert door.messages == []

    async def test_a_group_is_as_its_chat_says_and_not_as_events_did(self, chat_db: ChatDb, door: FakeDoor) -> None:
        group = chat_db.group_chat("chat1", [ADA, BO], display_name="Friends")
        chat_db.add_message("One", sender=ADA, chat=group)
        await until(lambda: len(door.messages) == 1)

        with chat_db.one_commit():
            oddities.group_event(chat_db, group, 2, actor=ADA, group_title="Family")
            oddities.group_event(chat_db, group, 1, actor=ADA)
            chat_db.update("chat", group, display_name="Family")
            chat_db.insert("chat_handle_join", chat_id=group, handle_id=chat_db.handle_id(CY))
            chat_db.add_message("Two", sender=ADA, chat=group)

        await until(lambda: len(door.messages) == 2)
        assert [seen.chat.name for seen in door.messages] == ["Friends", "Family"]
        assert [seen.chat.participants for seen in door.messages] == [(ADA, BO), (ADA, BO, CY)]

    async def test_spam_is_not_told(self, chat_db: ChatDb, door: FakeDoor) -> None:
        chat_db.add_message("You won", sender=CY, is_spam=1)
        await all_is_told(chat_db, door)

        assert door.messages == []


class TestLinks:
    async def test_a_text_and_its_bubble_are_one_message(self, chat_db: ChatDb, door: FakeDoor) -> None:  # chat-22
        chat = chat_db.direct_chat(ADA)
        chat_db.add_message("Look: https://example.com/a now", sender=ADA)
        oddities.link_preview(chat_db, "https://example.com/a", sender=ADA, chat=chat)
        oddities.link_preview(chat_db, "https://example.com/a", sender=ADA, chat=chat)
        await all_is_told(chat_db, door)

        assert door.received() == ["Look: https://example.com/a now"]

    @pytest.mark.parametrize(
        "text",
        [
            "HTTPS://www.Example.com/A/ ok",
            "look (http://example.com/a), ok?",
            "example.com/a!",
            "[a](https://example.com/a).",
            "\u770bhttps://example.com/a\u3002\u597d",
            "https://example.com/x,https://example.com/a",
        ],
    )
    async def test_a_link_is_the_same_however_it_is_spelled(self, chat_db: ChatDb, door: FakeDoor, text: str) -> None:
        chat_db.add_message(text, sender=ADA)
        oddities.link_preview(chat_db, "https://example.com/a", sender=ADA, chat=chat_db.direct_chat(ADA))
        await all_is_told(chat_db, door)

        assert door.received() == [text]

    @pytest.mark.parametrize(
        "text", ["https://example.com/abc", "example.com/a/b", "https://example.com/a?q=1", "https://an.example.com/a"]
    )
    async def test_a_link_that_is_part_of_another_is_told(self, chat_db: ChatDb, door: FakeDoor, text: str) -> None:
        chat_db.add_message(text, sender=ADA)
        oddities.link_preview(chat_db, "https://example.com/a", sender=ADA, chat=chat_db.direct_chat(ADA))

        await until(lambda: door.received() == [text, "https://example.com/a"])

    async def test_an_own_text_and_its_bubble_are_one_message_whoever_they_name(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        chat = chat_db.direct_chat(ADA)
        for named, bubble_names in ((0, chat_db.handle_id(ADA)), (chat_db.handle_id(ADA), 0)):
            url = f"https://example.com/{named}"
            chat_db.add_message(f"See {url}", chat=chat, handle_id=named, is_sent=1)
            oddities.link_preview(chat_db, url, chat=chat, handle_id=bubble_names, is_sent=1)
        await all_is_told(chat_db, door)

        assert door.sent() == ["See https://example.com/0", f"See https://example.com/{chat_db.handle_id(ADA)}"]

    async def test_a_link_alone_is_told_once(self, chat_db: ChatDb, door: FakeDoor) -> None:
        chat = chat_db.direct_chat(ADA)
        for _ in range(2):
            oddities.link_preview(chat_db, "https://example.com/a", sender=ADA, chat=chat)
        await all_is_told(chat_db, door)

        assert door.received() == ["https://example.com/a"]

    async def test_a_link_that_is_sent_again_later_is_told_again(  # chat-24
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        at = now_ms()
        chat = chat_db.direct_chat(ADA)
        for sent_at in (at - 3 * MINUTE_MS, at):
            chat_db.add_message("https://example.com/a !", sender=ADA, sent_at=sent_at)
            date = apple_ns(sent_at + 900)
            oddities.link_preview(chat_db, "https://example.com/a", sender=ADA, chat=chat, date=date)
        await all_is_told(chat_db, door)

        assert door.received() == ["https://example.com/a !"] * 2

    async def test_a_bubble_finds_its_text_behind_all_that_was_written_meanwhile(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        at, texts = now_ms() - MINUTE_MS, [f"More {n}" for n in range(30)]
        chat_db.add_message("Look: https://example.com/a", sender=ADA, sent_at=at)
        for number, text in enumerate(texts):
            chat_db.add_message(text, sender=ADA, sent_at=at + 50 * number)
        chat = chat_db.direct_chat(ADA)
        oddities.link_preview(chat_db, "https://example.com/a", sender=ADA, chat=chat, date=apple_ns(at + 1_900))
        await all_is_told(chat_db, door)

        assert door.received() == ["Look: https://example.com/a", *texts]

    async def test_a_bubble_finds_its_text_in_a_file_that_was_written_anew(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        at, chat = now_ms() - MINUTE_MS, chat_db.direct_chat(ADA)
        with chat_db.one_commit():
            date = apple_ns(at + 900)
            oddities.link_preview(chat_db, "https://example.com/a", sender=ADA, chat=chat, date=date)
            chat_db.add_message("Look: https://example.com/a", sender=ADA, sent_at=at)
        await all_is_told(chat_db, door)

        assert door.received() == ["Look: https://example.com/a"]

    async def test_somebody_else_s_link_is_his_own(self, chat_db: ChatDb, door: FakeDoor) -> None:
        group = chat_db.group_chat("chat1", [ADA, BO])
        chat_db.add_message("https://example.com/a", sender=ADA, chat=group)
        oddities.link_preview(chat_db, "https://example.com/a", sender=BO, chat=group)
        await all_is_told(chat_db, door)

        assert [seen.sender for seen in door.messages] == [ADA, BO]


class TestFiles:
    async def test_files_are_in_the_order_of_the_body(self, chat_db: ChatDb, door: FakeDoor) -> None:  # att-28, att-29
        with chat_db.one_commit():
            row = chat_db.add_row(sender=ADA)
            chat_db.attach(row, [Attachment(f"{n}.jpg", bytes(n + 1)) for n in range(3)])
            guids = [f"at_{n}_{row.guid}" for n in (2, 0, 1)]
            chat_db.change(row, attributedBody=encode(message_body("", attachment_guids=guids)))
            chat_db.link(row, chat_db.direct_chat(ADA))

        await until(lambda: bool(door.messages))

        assert [(file.guid, file.size) for file in door.messages[0].attachments] == list(
            zip(guids, (3, 1, 2), strict=True)
        )

    @pytest.mark.parametrize(
        ("name", "columns"),
        [
            ("A1.pluginPayloadAttachment", {}),
            ("film of a live photo.mov", {"hide_attachment": 1}),
            ("sticker.heic", {"is_sticker": 1}),
        ],
    )
    async def test_icons_of_links_stickers_and_hidden_files_are_left_out(  # att-16
        self, chat_db: ChatDb, door: FakeDoor, name: str, columns: dict[str, int]
    ) -> None:
        with chat_db.one_commit():
            row = chat_db.add_message("https://example.com", sender=ADA, attachments=[PHOTO])
            file = chat_db.insert("attachment", guid="beside", transfer_name=name, **columns)
            chat_db.insert("message_attachment_join", message_id=row.rowid, attachment_id=file)
        await all_is_told(chat_db, door)

        assert [file.filename for file in door.messages[0].attachments] == ["photo.heic"]

    @pytest.mark.parametrize(
        ("uti", "name", "mime_type"),
        [
            ("public.heic", "IMG_1", "image/heic"),
            ("public.heics", "IMG_2", "image/heic-sequence"),
            ("com.apple.quicktime-movie", "IMG_3", "video/quicktime"),
            (None, "IMG_4.MOV", "video/quicktime"),
            ("com.apple.coreaudio-format", "Audio Message.caf", "audio/x-caf"),
            ("public.vcard", "Ada", "text/vcard"),
            ("dyn.ah62d4rv4ge80", "unheard of", None),
        ],
    )
    async def test_a_file_without_a_type_has_that_of_its_kind_or_of_its_name(  # att-07
        self, chat_db: ChatDb, door: FakeDoor, uti: str | None, name: str, mime_type: str | None
    ) -> None:
        with chat_db.one_commit():
            row = chat_db.add_row(sender=ADA, cache_has_attachments=1)
            chat_db.write_body(row, "", attachment_count=1)
            chat_db.attach(row, [Attachment(name, b"a file")], uti=uti, mime_type=None, transfer_name=name)
            chat_db.link(row, chat_db.direct_chat(ADA))

        await until(lambda: bool(door.messages))

        assert [file.mime_type for file in door.messages[0].attachments] == [mime_type]

    async def test_a_voice_message_is_known_by_its_kind(self, chat_db: ChatDb, door: FakeDoor) -> None:  # att-15
        with chat_db.one_commit():
            row = chat_db.add_message("", sender=ADA, attachments=[Attachment("Audio Message", b"caf")])
            chat_db.execute("UPDATE attachment SET uti = 'com.apple.coreaudio-format', mime_type = NULL")

        await until(lambda: bool(door.messages))

        assert (door.messages[0].guid, door.messages[0].is_audio) == (row.guid, True)
        assert door.messages[0].attachments[0].mime_type == "audio/x-caf"

    async def test_names_cannot_hide_their_ending(self, chat_db: ChatDb, door: FakeDoor) -> None:  # att-17, att-18
        files = [Attachment("invoice\u202efdp.exe", b"x"), Attachment("天狗 e\u0301.heic", b"x")]
        chat_db.add_message("", sender=ADA, attachments=files)

        await until(lambda: bool(door.messages))

        assert [file.filename for file in door.messages[0].attachments] == ["invoicefdp.exe", "天狗 \u00e9.heic"]


class TestPeopleAndChats:
    async def test_a_group_is_known_by_its_chat_and_its_speaker_by_the_row(  # chat-07, chat-08
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        chat_db.direct_chat(ADA)
        group = chat_db.group_chat("chat1", [ADA, BO], display_name="Friends")
        chat_db.add_message("Hi all", sender=ADA, chat=group)
        chat_db.add_message("Who?", sender=ADA, chat=group, handle_id=0)

        await until(lambda: len(door.messages) == 2)

        chat = door.messages[0].chat
        assert (chat.identifier, chat.is_group, chat.name, chat.participants) == ("chat1", True, "Friends", (ADA, BO))
        assert [seen.sender for seen in door.messages] == [ADA, None]

    async def test_an_identifier_written_like_a_guid_names_the_same_person(  # echo-09
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        chat_db.add_message("One", sender=ADA)
        for number, written in enumerate((f"any;-;{ADA}", f"iMessage;-;{ADA}")):
            chat = chat_db.direct_chat(ADA, guid=f"other-{number}")
            chat_db.update("chat", chat, chat_identifier=written)
            chat_db.add_message("Another", sender=ADA, chat=chat)

        await until(lambda: [seen.chat.identifier for seen in door.messages] == [ADA] * 3)

    async def test_services_are_those_of_the_message(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:  # chat-01, chat-10, chat-11
        chat = chat_db.direct_chat(ADA)
        for service in ("iMessage", "SMS", "RCS"):
            chat_db.add_message(service, sender=ADA, chat=chat, service=service)

        await until(lambda: len(door.messages) == 3)

        assert [seen.service for seen in door.messages] == ["iMessage", "SMS", "RCS"]
        assert "any" not in {seen.chat.service for seen in door.messages}

    async def test_a_group_that_goes_on_in_another_is_that_one(self, chat_db: ChatDb, door: FakeDoor) -> None:
        before, after = (chat_db.group_chat(name, [ADA, BO]) for name in ("chat111", "chat222"))
        other = chat_db.group_chat("chat333", [ADA, BO])
        chat_db.execute("UPDATE chat_lookup SET chat = ? WHERE identifier = 'chat111'", after)
        for text, chat in (("Before", before), ("After", after), ("Elsewhere", other)):
            chat_db.add_message(text, sender=ADA, chat=chat)

        await until(lambda: len(door.messages) == 3)

        assert [seen.chat.identifier for seen in door.messages] == ["chat222", "chat222", "chat333"]
        assert [seen.chat.guid for seen in door.messages] == [f"any;+;chat{n}" for n in (111, 222, 333)]

    async def test_two_addresses_that_lead_to_one_conversation_are_one(self, chat_db: ChatDb, door: FakeDoor) -> None:
        by_mail, by_number = chat_db.direct_chat(BO), chat_db.direct_chat(CY)
        group = chat_db.group_chat("chat111", [ADA, BO])
        chat_db.execute("UPDATE chat_lookup SET chat = ? WHERE identifier = ?", by_number, BO)
        chat_db.execute("UPDATE chat_lookup SET chat = ? WHERE identifier = 'chat111'", by_number)  # of another kind
        for chat in (by_mail, by_number, group):
            chat_db.add_message("Hi", sender=BO, chat=chat)

        await until(lambda: len(door.messages) == 3)

        assert [seen.chat.identifier for seen in door.messages] == [CY, CY, "chat111"]

    async def test_conversations_that_lead_to_each_other_stay_what_they_are(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        one, other = chat_db.group_chat("chat111", [ADA]), chat_db.group_chat("chat222", [ADA])
        chat_db.execute("UPDATE chat_lookup SET chat = ? WHERE identifier = 'chat111'", other)
        chat_db.execute("UPDATE chat_lookup SET chat = ? WHERE identifier = 'chat222'", one)
        for chat in (one, other):
            chat_db.add_message("Hi", sender=ADA, chat=chat)

        await until(lambda: len(door.messages) == 2)

        assert [seen.chat.identifier for seen in door.messages] == ["chat111", "chat222"]

    async def test_all_handles_of_one_address_are_read(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:  # chat-03, chat-04
        for service in ("iMessage", "SMS", "RCS"):
            chat_db.add_message(service, sender=ADA, service=service, chat=chat_db.direct_chat(ADA, service=service))

        await until(lambda: door.received() == ["iMessage", "SMS", "RCS"])

        assert {seen.sender for seen in door.messages} == {ADA}

    @pytest.mark.parametrize("sender", ["PayPal 2-FA.", "88438", "urn:biz:1234"])  # chat-12, chat-14
    async def test_senders_that_are_no_numbers_stay_as_they_are(
        self, chat_db: ChatDb, door: FakeDoor, sender: str
    ) -> None:
        chat_db.add_message("Code 1234", sender=sender)

        await until(lambda: [seen.sender for seen in door.messages] == [sender])

    async def test_a_chat_without_members_is_no_trouble(self, chat_db: ChatDb, door: FakeDoor) -> None:  # chat-21
        chat = chat_db.group_chat("chat1", [])
        chat_db.add_message("Hello?", sender=ADA, chat=chat)

        await until(lambda: [seen.chat.participants for seen in door.messages] == [()])

    async def test_a_reply_names_what_it_replies_to(self, chat_db: ChatDb, door: FakeDoor) -> None:
        chat_db.add_message("Yes", sender=ADA, thread_originator_guid="F00", reply_to_guid="BA2")

        await until(lambda: [seen.reply_to_guid for seen in door.messages] == ["F00"])


class TestOwnMessages:
    async def test_what_a_person_sends_from_the_line_is_told_once_it_is_sent(  # echo-08
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        chat = chat_db.direct_chat(ADA)
        row = chat_db.add_message("By hand", chat=chat, handle_id=0)
        await all_is_told(chat_db, door)
        assert door.messages == []

        chat_db.change(row, is_sent=1)

        await until(lambda: door.sent() == ["By hand"])
        assert (door.messages[0].sender, door.messages[0].proves, door.messages[0].chat.identifier) == (None, None, ADA)

    async def test_what_was_not_delivered_is_told_when_it_goes_out_after_all(
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        row = chat_db.add_message("By hand", chat=chat_db.direct_chat(ADA), error=22)
        await all_is_told(chat_db, door)
        assert door.messages == []

        chat_db.change(row, error=0, is_sent=1)

        await until(lambda: door.sent() == ["By hand"])

    @pytest.mark.parametrize("halves", [("ours", "theirs"), ("theirs", "ours"), ("ours",), ("theirs",)])
    async def test_of_words_to_oneself_only_the_sent_half_is_told(  # echo-01, echo-05
        self, chat_db: ChatDb, door: FakeDoor, halves: tuple[str, ...]
    ) -> None:
        at = now_ms()
        chat = chat_db.direct_chat(LINE)
        for number, half in enumerate(halves):
            columns = {"is_sent": 1} if half == "ours" else {"sender": LINE}
            chat_db.add_message("Note", chat=chat, sent_at=at + 2_000 * number, **columns)
        await all_is_told(chat_db, door)

        assert [(seen.text, seen.is_from_me) for seen in door.messages] == [("Note", True)] * halves.count("ours")

    async def test_a_note_to_another_own_address_is_told_as_sent_once_and_proves_nothing(  # echo-06
        self, chat_db: ChatDb, door: FakeDoor
    ) -> None:
        door.accept(LINE, ADA, "Note")
        chat = chat_db.direct_chat("me@icloud.com", account_login="E:me@icloud.com")
        chat_db.add_message("Note", chat=chat, is_sent=1, account="E:me@icloud.com")
        await all_is_told(chat_db, door)

        notes = [seen for seen in door.messages if seen.chat.identifier == "me@icloud.com"]
        assert [(seen.text, seen.is_from_me, seen.line_handle, seen.proves) for seen in notes] == [
            ("Note", True, LINE, None)
        ]
        assert door.received() == []

    @pytest.mark.parametrize("text", ["Hi", "\ufffd\ufffd\x00Hi", "x" * 300])  # echo-04
    async def test_an_echo_from_another_own_address_is_not_told(  # echo-02, echo-03
        self, chat_db: ChatDb, door: FakeDoor, text: str
    ) -> None:
        chat = chat_db.direct_chat("me@icloud.com", account_login="E:me@icloud.com")
        chat_db.add_message(text, sender="me@icloud.com", chat=chat)
        chat_db.add_message(text, sender="Me@iCloud.com", account="e:me@icloud.com")
        chat_db.add_message(text, sender=LINE)
        await all_is_told(chat_db, door)

        assert door.messages == []

    async def test_a_family_member_s_address_is_not_own(self, chat_db: ChatDb, door: FakeDoor) -> None:  # echo-07
        chat = chat_db.direct_chat(ADA, last_addressed_handle=ADA)
        chat_db.add_message("Dinner?", sender=ADA, chat=chat)

        await until(lambda: door.received() == ["Dinner?"])

    async def test_somebody_whom_the_mac_does_not_know_is_told(self, chat_db: ChatDb, door: FakeDoor) -> None:
        chat_db.add_message("Hello?", sender=CY, chat=chat_db.direct_chat(CY, is_filtered=1))

        await until(lambda: door.received() == ["Hello?"])

    async def test_a_person_may_say_what_we_just_said(self, chat_db: ChatDb, door: FakeDoor) -> None:
        chat_db.add_message("ok", chat=chat_db.direct_chat(ADA), is_sent=1)
        chat_db.add_message("ok", sender=ADA)

        await until(lambda: (door.sent(), door.received()) == (["ok"], ["ok"]))
