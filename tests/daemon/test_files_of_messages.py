"""Files of messages, brought to the server by a whole daemon; each lies, or does not lie, on the disk of a test."""

import asyncio
import os
import plistlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from blueport.clock import now_ms
from blueport.daemon.journal import reading, uploads
from blueport.daemon.journal.file import Journal, opened_journal
from blueport.daemon.journal.uploads import Upload
from blueport.daemon.settings import Settings
from blueport.daemon.uplink import opened_uplink
from blueport.daemon.watching import bringing
from blueport.daemon.watching.bringing import Bringing
from blueport.daemon.watching.library import Library
from blueport.simulator import edits, oddities
from blueport.simulator.chatdb import Attachment, Cell, ChatDb, Row
from blueport.simulator.mac import SimulatedMac
from tests.daemon.fake_door import NOBODY, FakeDoor
from tests.daemon.test_daemon_deaths import daemon_process
from tests.daemon.test_reading_chat_db import all_is_told
from tests.daemon.waiting import ADA, LINE, in_journal, until, working

PHOTO = Attachment("photo.heic", b"heic" * 1000, "image/heic")
DOWNLOADING, FINISHED = 3, 5
NEWEST = 60  # more than are looked at for changes each time


class Rounds(asyncio.Event):
    """Counts how often somebody who waits for it begins anew."""

    count = 0

    def clear(self) -> None:
        self.count += 1
        super().clear()


def folder(chat_db: ChatDb) -> Path:
    path = chat_db.path.parent / "Attachments" / "ab" / "12"
    path.mkdir(parents=True, exist_ok=True)
    return path


def message_with(chat_db: ChatDb, filename: str | bytes | None, *, is_audio: bool = False, **columns: Cell) -> Row:
    """Write a message with one file, of which nothing but its row is there."""
    with chat_db.one_commit():
        row = chat_db.add_row(sender=ADA, cache_has_attachments=1, is_audio_message=int(is_audio))
        chat_db.write_body(row, "", attachment_count=1)
        usual: dict[str, Cell] = {"transfer_name": "a.jpg", "mime_type": "image/jpeg", "transfer_state": FINISHED}
        cells: dict[str, Cell] = {"guid": f"at_0_{row.guid}", "filename": None, "total_bytes": 0, **usual, **columns}
        attachment = chat_db.insert("attachment", **cells)
        if filename is not None:
            chat_db.execute("UPDATE attachment SET filename = CAST(? AS TEXT) WHERE ROWID = ?", filename, attachment)
        chat_db.insert("message_attachment_join", message_id=row.rowid, attachment_id=attachment)
        chat_db.link(row, chat_db.direct_chat(ADA))
    return row


def change_file(chat_db: ChatDb, row: Row, **columns: Cell) -> None:
    for name, cell in columns.items():
        chat_db.execute(f"UPDATE attachment SET {name} = ? WHERE guid = ?", cell, f"at_0_{row.guid}")


def said(door: FakeDoor) -> list[str | None]:
    """Return what later sightings say of the words in voice memos, in their order."""
    return [file.transcription for change in door.changes for file in change.attachments]


def brought(door: FakeDoor, row: Row) -> bytes | None:
    return door.files.get((row.guid, f"at_0_{row.guid}"))


class TestMany:
    async def test_a_file_behind_hundreds_that_are_not_there_is_brought(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            for number in range(200):
                message_with(chat_db, f"~/Library/Messages/Attachments/missing-{number}.jpg", total_bytes=5)
            row = chat_db.add_message("", sender=ADA, attachments=[PHOTO])

            await until(lambda: brought(door, row) is not None)

            assert len(door.files) == 1

    async def test_hundreds_of_files_are_all_brought(self, chat_db: ChatDb, door: FakeDoor, settings: Settings) -> None:
        async with working(settings, door):
            with chat_db.one_commit():
                rows = [chat_db.add_message("", sender=ADA, attachments=[PHOTO]) for _ in range(150)]

            await until(lambda: all(brought(door, row) for row in rows))


class TestThere:
    async def test_each_file_is_announced_and_brought(  # att-28, att-07
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        photos = [msgspec.structs.replace(PHOTO, content=f"photo {n}".encode()) for n in range(3)]
        async with working(settings, door):
            row = chat_db.add_message("Look", sender=ADA, attachments=photos)
            await until(lambda: len(door.files) == 3)

        assert [door.files[row.guid, f"at_{n}_{row.guid}"] for n in range(3)] == [b"photo 0", b"photo 1", b"photo 2"]
        assert set(door.file_types.values()) == {"image/heic"}
        assert [file.is_coming for file in door.messages[0].attachments] == [True] * 3

    async def test_those_of_our_own_messages_too(self, mac: SimulatedMac, door: FakeDoor, settings: Settings) -> None:
        work = door.accept_file(LINE, ADA, "photo.jpg", b"jpeg")
        async with working(settings, door):
            await until(lambda: work.status == "sent" and bool(door.files))

        assert list(door.files.values()) == [b"jpeg"]
        assert mac.db.rows("SELECT 1 FROM message WHERE is_from_me = 1")

    @pytest.mark.parametrize(
        "name",
        [
            "photo \u5929\u72d7 e\u0301(NFD).heic".encode(),
            b"invoice\xe2\x80\xaefdp.exe",
            b"no utf-8 \xff.jpg",
            b"a?b#c%20 'd' \"e\".jpg",
        ],
    )
    async def test_a_name_is_taken_to_the_byte(  # att-17
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, name: bytes
    ) -> None:
        (folder(chat_db) / os.fsdecode(name)).write_bytes(b"content")
        async with working(settings, door):
            row = message_with(chat_db, b"~/Library/Messages/Attachments/ab/12/" + name)
            await until(lambda: brought(door, row) == b"content")

    async def test_nothing_outside_of_messages_folder_is_brought(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_bytes(b"secret")
        (folder(chat_db) / "link.jpg").symlink_to(tmp_path / "secret")
        (folder(chat_db) / "inside.jpg").write_bytes(b"inside")
        (folder(chat_db) / "link inside.jpg").symlink_to(folder(chat_db) / "inside.jpg")
        outside = (
            str(tmp_path / "secret"),
            "~/Library/Messages/Attachments/ab/12/link.jpg",
            "~/Library/Messages/../../../secret",
            "~/Library/Messages/Attachments/ab/12",
        )
        async with working(settings, door):
            rows = [message_with(chat_db, path) for path in outside]
            inside = message_with(chat_db, str(folder(chat_db) / "link inside.jpg"))
            await until(lambda: brought(door, inside) == b"inside" and len(door.messages) == 5)

        assert [brought(door, row) for row in rows] == [None] * 4
        assert {file.is_coming for seen in door.messages[:4] for file in seen.attachments} == {False}

    async def test_a_file_that_cannot_be_brought_holds_up_no_message_and_no_other_file(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        door.hears_files.clear()
        async with working(settings, door):
            for n in range(bringing.AT_ONCE - 1):
                chat_db.add_message(f"Slow {n}", sender=ADA, attachments=[PHOTO])
            await until(lambda: door.knocks["files"] == bringing.AT_ONCE - 1)
            chat_db.add_message("Next", sender=ADA)
            await until(lambda: door.received()[-1:] == ["Next"])
            door.hears_files.set()
            await until(lambda: len(door.files) == bringing.AT_ONCE - 1)

    async def test_what_the_server_cannot_take_now_is_brought_later(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        door.loses_answers.add("files")
        async with working(settings, door):
            row = chat_db.add_message("Look", sender=ADA, attachments=[PHOTO])
            await until(lambda: door.knocks["files"] == 2)

        assert brought(door, row) == PHOTO.content

    async def test_a_file_of_more_than_a_hundred_megabytes_is_not_brought(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        with (folder(chat_db) / "film.mov").open("wb") as film:
            film.truncate(100_000_001)
        async with working(settings, door):
            message_with(chat_db, str(folder(chat_db) / "film.mov"), total_bytes=100_000_001)
            photo = chat_db.add_message("", sender=ADA, attachments=[PHOTO])
            await until(lambda: brought(door, photo) is not None)

        assert [[file.is_coming for file in seen.attachments] for seen in door.messages] == [[False], [True]]
        assert len(door.files) == 1


class TestNotThere:
    async def test_one_that_lies_in_icloud_is_told_at_once_without_its_bytes(  # att-06
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        path = folder(chat_db) / "a.jpg"
        async with working(msgspec.structs.replace(settings, settle_s=30), door):
            row = message_with(chat_db, str(path), total_bytes=7)
            await until(lambda: bool(door.messages))
            assert not door.messages[0].attachments[0].is_coming

            path.write_bytes(b"content")
            await until(lambda: brought(door, row) == b"content")

        assert len(door.messages) == 1

    async def test_one_that_is_not_yet_downloaded_is_waited_for_and_brought_when_it_is(  # att-05
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = message_with(chat_db, None, transfer_state=0)
            await until(lambda: bool(door.messages))
            [file] = door.messages[0].attachments
            assert (file.is_coming, file.size) == (False, None)

            path = folder(chat_db) / "a.jpg"
            path.write_bytes(b"content")
            change_file(chat_db, row, filename=str(path), transfer_state=FINISHED, total_bytes=7)
            await until(lambda: brought(door, row) == b"content")

        assert [change.attachments[0].size for change in door.changes] == [7]

    async def test_one_that_comes_within_the_grace_time_is_announced(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        path = folder(chat_db) / "a.jpg"
        async with working(msgspec.structs.replace(settings, settle_s=30), door):
            row = message_with(chat_db, str(path), transfer_state=DOWNLOADING, total_bytes=7)
            await all_is_told(chat_db, door)
            assert door.messages == []

            path.write_bytes(b"content")
            change_file(chat_db, row, transfer_state=FINISHED)
            await until(lambda: brought(door, row) == b"content")

        assert [file.is_coming for seen in door.messages for file in seen.attachments] == [True]

    async def test_one_that_grows_is_brought_when_all_of_it_is_there(  # att-12
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        path = folder(chat_db) / "a.jpg"
        path.write_bytes(b"con")
        async with working(settings, door):
            row = message_with(chat_db, str(path), total_bytes=7)
            other = chat_db.add_message("", sender=ADA, attachments=[PHOTO])
            await until(lambda: brought(door, other) is not None)
            assert brought(door, row) is None
            path.write_bytes(b"content")
            await until(lambda: brought(door, row) == b"content")

    async def test_one_that_never_comes_is_given_up_after_a_day_and_troubles_nobody(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            missing = message_with(chat_db, str(folder(chat_db) / "never.jpg"), total_bytes=7)
            await until(lambda: bool(door.messages))
        with opened_journal(settings.journal) as journal:
            journal.change("UPDATE uploads SET since = ?", now_ms() - 25 * 3_600_000)

        async with working(settings, door):
            photo = chat_db.add_message("", sender=ADA, attachments=[PHOTO])
            await until(lambda: brought(door, photo) is not None)
            await until(lambda: in_journal(settings, "uploads WHERE is_over = 0") == 0)

        with opened_journal(settings.journal) as journal:
            assert uploads.to_do(journal, 1) == []
        assert brought(door, missing) is None

    async def test_one_that_was_taken_back_is_waited_for_no_more(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        path = folder(chat_db) / "a.jpg"
        async with working(settings, door):
            row = message_with(chat_db, str(path), total_bytes=7)
            await until(lambda: bool(door.messages))
            await until(lambda: in_journal(settings, "uploads WHERE is_over = 0") == 1)

            edits.unsend(chat_db, row)

            await until(lambda: in_journal(settings, "uploads WHERE is_over = 0") == 0)
            path.write_bytes(b"content")
            other = chat_db.add_message("", sender=ADA, attachments=[PHOTO])
            await until(lambda: brought(door, other) is not None)
        assert brought(door, row) is None


class TestAnotherFile:
    async def test_a_photo_that_was_on_its_way_when_chat_db_was_rebuilt_is_brought(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            chat_db.add_message("Before", sender=ADA, sent_at=now_ms() - 1_000)
            photo = chat_db.add_row(sender=ADA, cache_has_attachments=1)
            chat_db.write_body(photo, "Look", attachment_count=1)
            chat_db.announce(photo, [PHOTO])
            chat_db.link(photo, chat_db.direct_chat(ADA))
            await until(lambda: door.received() == ["Before", "Look"])

            oddities.rebuild(chat_db)
            chat_db.add_message("After", sender=ADA)
            await until(lambda: door.received() == ["Before", "Look", "After"])
            chat_db.bring(f"at_0_{photo.guid}", PHOTO)

            await until(lambda: brought(door, photo) == PHOTO.content)

    async def test_words_that_were_to_come_when_chat_db_was_rebuilt_are_told(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            chat_db.add_message("Before", sender=ADA, sent_at=now_ms() - 1_000)
            memo = chat_db.add_message("", sender=ADA, attachments=[Attachment("a.m4a", b"memo", is_audio=True)])
            await until(lambda: len(door.messages) == 2)

            oddities.rebuild(chat_db)
            chat_db.add_message("After", sender=ADA)
            await until(lambda: len(door.messages) == 3)
            user_info = plistlib.dumps({"audio-transcription": "Hello"})
            change_file(chat_db, memo, user_info=user_info)  # and nothing in the message itself

            await until(lambda: said(door) == ["Hello"])


class TestClock:
    async def test_one_that_is_set_back_holds_up_no_file(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = folder(chat_db) / "a.jpg"
        async with working(settings, door):
            row = message_with(chat_db, str(path), total_bytes=7)
            await until(lambda: bool(door.messages))

            monkeypatch.setattr(bringing, "now_ms", lambda: now_ms() - 2 * 86_400_000)
            path.write_bytes(b"content")
            await until(lambda: brought(door, row) == b"content")

    async def test_a_file_that_is_awaited_from_the_future_on_is_not_given_up(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        path = folder(chat_db) / "a.jpg"
        async with working(settings, door):
            row = message_with(chat_db, str(path), total_bytes=7)
            await until(lambda: bool(door.messages))
        with opened_journal(settings.journal) as journal:
            journal.change("UPDATE uploads SET since = ?", now_ms() + 2 * 86_400_000)

        async with working(settings, door):
            other = chat_db.add_message("", sender=ADA, attachments=[PHOTO])
            await until(lambda: brought(door, other) is not None)
            path.write_bytes(b"content")
            await until(lambda: brought(door, row) == b"content")


class TestAwayFromTheServer:
    async def test_a_line_that_is_taken_from_the_mac_for_a_while_costs_no_file(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        path = folder(chat_db) / "a.jpg"
        path.write_bytes(b"con")
        async with working(settings, door):
            row = message_with(chat_db, str(path), total_bytes=7)
            await until(lambda: bool(door.messages))
            door.lines = set()
            path.write_bytes(b"content")
            await until(lambda: door.knocks["files"] > 0)

            door.lines = {LINE}
            await until(lambda: brought(door, row) == b"content")

    async def test_a_file_whose_message_is_to_be_told_anew_is_not_asked_for_again_and_again(
        self, chat_db: ChatDb, settings: Settings, journal: Journal
    ) -> None:
        journal.uploads = rounds = Rounds()
        uploads.queue(journal, Upload("a-message", "a-file", LINE, b"/nowhere", None, 0, now_ms()), sighting_seq=0)
        async with opened_uplink(settings) as uplink:
            work = asyncio.create_task(Bringing(journal, uplink, Library(chat_db.path)).bring_for_ever())
            await until(lambda: rounds.count > 0)
            uploads.forget(journal, "a-message")
            await asyncio.sleep(1)
            work.cancel()

        assert rounds.count < 20  # one that does not rest makes thousands


class TestDeath:
    @pytest.mark.parametrize("point", ["seen", "told", "brought"])
    async def test_at_any_point_the_file_is_brought_in_the_end(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, tmp_path: Path, point: str
    ) -> None:
        async with daemon_process(settings, tmp_path) as first:
            await until(lambda: bool(door.hellos))
            (tmp_path / f"daemon.{point}").touch()
            row = chat_db.add_message("Look", sender=ADA, attachments=[PHOTO])
            await first.wait()

        async with daemon_process(settings, tmp_path):
            await until(lambda: brought(door, row) == PHOTO.content)
            await until(lambda: len(door.messages) == 1)


class TestVoiceMessages:
    MEMO = Attachment("Audio Message.caf", b"caff", is_audio=True)

    @staticmethod
    def in_body(chat_db: ChatDb, row: Row) -> None:
        chat_db.transcribe(row, "See you at eight")
        chat_db.execute("UPDATE attachment SET user_info = NULL")

    @staticmethod
    def beside_file(chat_db: ChatDb, row: Row) -> None:
        said = plistlib.dumps({"audio-transcription": "See you at eight"}, fmt=plistlib.FMT_BINARY)
        change_file(chat_db, row, user_info=said)

    @staticmethod
    def hardly_sweeping(settings: Settings) -> Settings:
        """Settings of a daemon that compares the states of all rows when it starts, and not again."""
        return msgspec.structs.replace(settings, sweep_s=3600)

    @pytest.mark.parametrize("write", [in_body, beside_file])
    async def test_what_is_said_is_told_once_and_as_soon_as_it_is_written_down(  # att-11
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, write: Callable[[ChatDb, Row], None]
    ) -> None:
        async with working(self.hardly_sweeping(settings), door):
            row = chat_db.add_message("", sender=ADA, attachments=[self.MEMO])
            await until(lambda: brought(door, row) is not None)
            assert [file.transcription for file in door.messages[0].attachments] == [None]

            write(chat_db, row)
            await until(lambda: bool(door.changes))
            await all_is_told(chat_db, door)

        [change] = door.changes
        assert (change.text, [file.transcription for file in change.attachments]) == (None, ["See you at eight"])
        assert len(door.messages) == 1

    async def test_one_that_is_not_kept_is_brought_before_it_goes_and_stays_told(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("", sender=ADA, attachments=[self.MEMO], is_expirable=1)
            await until(lambda: brought(door, row) == b"caff")

            oddities.offload(chat_db, row)
            chat_db.change(row, expire_state=1)
            await asyncio.sleep(0.3)  # longer than from one sweep to the next
            await all_is_told(chat_db, door)

        assert (len(door.messages), door.changes) == (1, [])
        assert brought(door, row) == b"caff"

    async def test_what_is_said_is_awaited_by_a_daemon_that_starts_again(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("", sender=ADA, attachments=[self.MEMO])
            await until(lambda: bool(door.messages))

        async with working(self.hardly_sweeping(settings), door):
            chat_db.transcribe(row, "See you at eight")
            await until(lambda: bool(door.changes))
            await all_is_told(chat_db, door)

        assert (len(door.messages), len(door.changes)) == (1, 1)

    async def test_what_is_said_in_a_file_that_comes_late_is_awaited_too(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        path = folder(chat_db) / "a.jpg"
        path.write_bytes(b"content")
        async with working(self.hardly_sweeping(settings), door):
            row = message_with(chat_db, None, is_audio=True, transfer_state=0)
            await until(lambda: bool(door.messages))
            change_file(chat_db, row, filename=str(path), transfer_state=FINISHED, total_bytes=7)
            await until(lambda: brought(door, row) == b"content")

            self.beside_file(chat_db, row)
            await until(lambda: said(door) == [None, "See you at eight"])

    async def test_after_two_minutes_what_is_said_is_left_to_the_sweep(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("", sender=ADA, attachments=[self.MEMO])
            await until(lambda: bool(door.messages))
        with chat_db.one_commit():  # the newest are looked at each time
            for n in range(NEWEST):
                chat_db.add_message(f"Number {n}", sender=NOBODY)
        with opened_journal(settings.journal) as journal:
            assert [one.until <= now_ms() + 120_000 for one in reading.watched(journal)] == [True]
            journal.change("UPDATE watched SET until = ?", now_ms())

        async with working(self.hardly_sweeping(settings), door):
            await all_is_told(chat_db, door)
            chat_db.transcribe(row, "See you at eight")
            await all_is_told(chat_db, door)
            assert door.changes == []

        async with working(settings, door):
            await until(lambda: said(door) == ["See you at eight"])

    async def test_damaged_words_are_none(self, chat_db: ChatDb, door: FakeDoor, settings: Settings) -> None:
        async with working(settings, door):
            row = chat_db.add_message("", sender=ADA, attachments=[self.MEMO])
            await until(lambda: bool(door.messages))
            change_file(chat_db, row, user_info=b"bplist00 and no more")
            await all_is_told(chat_db, door)

        assert door.messages[0].is_audio
        assert door.changes == []
