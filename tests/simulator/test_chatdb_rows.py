import plistlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest

from blueport.simulator import edits, oddities
from blueport.simulator.chatdb import Attachment, ChatDb, apple_ns
from blueport.simulator.settings import MacOs
from blueport.typedstream import decode

ADA = "+15550100001"
BO = "bo@example.com"
RELEASES: tuple[MacOs, ...] = get_args(MacOs)
SINCE_26 = ("26", "26x")


@pytest.fixture(params=RELEASES)
def any_release(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChatDb]:
    with closing(ChatDb(tmp_path / "Library/Messages/chat.db", macos=request.param)) as db:
        yield db


@pytest.fixture
def db(tmp_path: Path) -> Iterator[ChatDb]:
    with closing(ChatDb(tmp_path / "Library/Messages/chat.db")) as db:
        yield db


def read_only(db: ChatDb) -> sqlite3.Connection:
    """A reader as the daemon is one: another connection, which may not write."""
    connection = sqlite3.connect(f"file:{db.path}?mode=ro", uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def one(db: ChatDb, query: str) -> sqlite3.Row:
    with closing(read_only(db)) as reader:
        [row] = reader.execute(query).fetchall()
    return row


def columns(db: ChatDb, table: str) -> set[str]:
    with closing(read_only(db)) as reader:
        return {column["name"] for column in reader.execute(f"PRAGMA table_info({table})")}


class TestSchema:
    def test_every_release_has_what_a_reader_needs(self, any_release: ChatDb) -> None:
        assert {
            *("ROWID", "guid", "text", "attributedBody", "handle_id", "service", "error", "date", "date_read"),
            *("is_from_me", "is_sent", "is_delivered", "message_summary_info", "balloon_bundle_id"),
            *("item_type", "associated_message_guid", "associated_message_type", "thread_originator_guid"),
            *("cache_has_attachments", "destination_caller_id"),
        } <= columns(any_release, "message")

    def test_columns_come_with_the_release_that_brought_them(self, tmp_path: Path) -> None:
        found = {}
        for macos in RELEASES:
            with closing(ChatDb(tmp_path / macos / "Library/Messages/chat.db", macos=macos)) as db:
                found[macos] = columns(db, "message")

        assert found["13"] - found["12"] == {"date_edited", "date_retracted", "part_count", "was_detonated"}
        assert found["14"] - found["13"] >= {"fallback_hash", "is_stewie"}
        assert found["15"] - found["14"] >= {"associated_message_emoji", "schedule_type"}
        assert found["26"] - found["15"] == {"is_time_sensitive", "ck_chat_id", "index_state"}
        assert found["26x"] - found["26"] >= {"filter_action", "date_updated", "retry_count"}

    def test_late_builds_have_an_order_of_their_own_and_the_same_indexes(self, tmp_path: Path) -> None:
        order, indexes = {}, {}
        for macos in SINCE_26:
            with closing(ChatDb(tmp_path / macos / "Library/Messages/chat.db", macos=macos)) as db:
                order[macos] = [each["name"] for each in db.rows("PRAGMA table_info(message)")]
                indexes[macos] = {each["name"] for each in db.rows("PRAGMA index_list(message)")}

        both = [name for name in order["26"] if name in order["26x"]]
        assert both != [name for name in order["26x"] if name in both]
        assert {name for name in order["26"] if name not in both} == {
            name for name in order["26"] if name.startswith("sr_")
        }
        assert indexes["26x"] == indexes["26"]

    def test_only_macos_26_links_addresses_to_chats(self, any_release: ChatDb) -> None:
        assert bool(columns(any_release, "chat_lookup")) is (any_release.macos in SINCE_26)

    def test_deleted_messages_can_be_had_back_since_macos_13(self, any_release: ChatDb) -> None:
        assert bool(columns(any_release, "chat_recoverable_message_join")) is (any_release.macos != "12")

    def test_the_file_is_in_wal_mode(self, any_release: ChatDb) -> None:
        assert one(any_release, "PRAGMA journal_mode")["journal_mode"] == "wal"

    def test_an_existing_file_is_kept(self, db: ChatDb) -> None:
        db.add_message("Hi", sender=ADA)

        with closing(ChatDb(db.path)) as reopened:
            assert len(reopened.rows("SELECT 1 FROM message")) == 1


class TestMessages:
    def test_a_body_is_archived_and_only_old_releases_keep_its_text(self, any_release: ChatDb) -> None:
        any_release.add_message("Grüße 👋", sender=ADA)

        row = one(any_release, "SELECT text, attributedBody FROM message")
        assert decode(row["attributedBody"]).text == "Grüße 👋"
        assert row["text"] == ("Grüße 👋" if any_release.macos in ("12", "13") else None)

    def test_a_reader_sees_a_message_grow(self, db: ChatDb) -> None:
        chat = db.direct_chat(ADA)
        grown = (
            "SELECT attributedBody IS NOT NULL AS body, is_sent,"
            " (SELECT count(*) FROM chat_message_join WHERE message_id = message.ROWID) AS chats FROM message"
        )

        row = db.add_row()
        seen = [tuple(one(db, grown))]
        db.write_body(row, "Hi")
        seen.append(tuple(one(db, grown)))
        db.link(row, chat)
        seen.append(tuple(one(db, grown)))
        db.change(row, is_sent=1)
        seen.append(tuple(one(db, grown)))

        assert seen == [(0, 0, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1)]

    def test_a_step_taken_twice_changes_nothing(self, db: ChatDb) -> None:
        chat = db.direct_chat(ADA)
        photo = Attachment("cat.heic", b"a cat")

        for _ in range(2):
            row = db.add_row(sender=ADA, guid="G1")
            db.attach(row, [photo])
            db.link(row, chat)

        assert len(db.rows("SELECT 1 FROM message")) == 1
        assert len(db.rows("SELECT 1 FROM message_attachment_join")) == 1
        assert len(db.rows("SELECT 1 FROM chat_message_join")) == 1

    def test_a_file_lies_where_its_row_says_and_the_body_names_it(self, db: ChatDb) -> None:
        row = db.add_message("look", sender=ADA, attachments=[Attachment("cat.png", b"a cat")])

        stored = one(db, "SELECT * FROM attachment")
        home = db.path.parents[2]
        body = decode(one(db, "SELECT attributedBody FROM message")["attributedBody"])
        assert (home / stored["filename"].removeprefix("~/")).read_bytes() == b"a cat"
        assert (stored["mime_type"], stored["total_bytes"]) == ("image/png", 5)
        assert body.attachment_guids == (stored["guid"],) == (f"at_0_{row.guid}",)

    def test_the_guid_of_a_chat_is_that_of_the_release(self, any_release: ChatDb) -> None:
        any_release.direct_chat(ADA)
        any_release.group_chat("chat123", [ADA, BO], display_name="Tea")

        guids = [row["guid"] for row in any_release.rows("SELECT guid FROM chat ORDER BY ROWID")]
        service = "any" if any_release.macos in SINCE_26 else "iMessage"
        assert guids == [f"{service};-;{ADA}", f"{service};+;chat123"]

    def test_any_column_may_be_given(self, db: ChatDb) -> None:
        db.add_message("Hi", sender=ADA, service="SMS", error=22, date=7, guid="G1", attributedBody=None, text="Hi")

        row = one(db, "SELECT guid, service, error, date, attributedBody, text FROM message")
        assert tuple(row) == ("G1", "SMS", 22, 7, None, "Hi")

    def test_a_message_may_stand_in_two_chats(self, db: ChatDb) -> None:
        row = db.add_message("Hi", sender=ADA)
        db.link(row, db.direct_chat(ADA, service="SMS", guid=f"SMS;-;{ADA}"))

        assert one(db, "SELECT count(*) AS chats FROM chat_message_join")["chats"] == 2


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "uti", "mime_type"),
        [
            ("a.HEIC", "public.heic", "image/heic"),  # att-07
            ("a.jpg", "public.jpeg", "image/jpeg"),
            ("a.m4a", "com.apple.m4a-audio", "audio/x-m4a"),
            ("a.vcf", "public.vcard", "text/vcard"),
            ("a.caf", "com.apple.coreaudio-format", "audio/x-caf"),
            ("a", "public.data", None),
        ],
    )
    def test_a_file_has_the_type_of_its_name(self, db: ChatDb, name: str, uti: str, mime_type: str | None) -> None:
        db.add_message("", sender=ADA, attachments=[Attachment(name, b"a file")])

        row = one(db, "SELECT uti, mime_type, transfer_name FROM attachment")
        assert tuple(row) == (uti, mime_type, name)

    def test_a_voice_memo_may_be_written_at_once(self, any_release: ChatDb) -> None:
        memo = Attachment("memo.m4a", b"a memo", is_audio=True, transcription="Hello")

        any_release.add_message("", sender=ADA, attachments=[memo])

        row = one(
            any_release, "SELECT is_audio_message, attributedBody, transfer_name, user_info FROM message, attachment"
        )
        assert (row["is_audio_message"], row["transfer_name"]) == (1, "Audio Message.caf")
        assert decode(row["attributedBody"]).runs[0].transcription == "Hello"
        assert plistlib.loads(row["user_info"]) == {"audio-transcription": "Hello"}

    def test_a_file_may_be_announced_first(self, db: ChatDb) -> None:  # att-05
        row, photo = db.add_row(sender=ADA), Attachment("cat.png", b"a cat")
        state = "SELECT filename, transfer_state, total_bytes FROM attachment"

        db.announce(row, [photo])
        announced = tuple(one(db, state))
        db.bring(f"at_0_{row.guid}", photo)

        assert announced == (None, 0, 0)
        assert tuple(one(db, state))[1:] == (5, 5)
        assert db.file_of(f"at_0_{row.guid}") is not None


class TestOddities:
    def test_a_file_may_be_in_icloud_although_its_row_says_otherwise(self, db: ChatDb) -> None:  # att-06
        row = db.add_message("", sender=ADA, attachments=[Attachment("a.png", b"a"), Attachment("b.png", b"b")])

        oddities.offload(db, row)

        stored = db.rows("SELECT guid, transfer_state FROM attachment")
        assert [each["transfer_state"] for each in stored] == [5, 5]
        assert [db.file_of(each["guid"]) for each in stored] == [None, None]

    def test_a_file_may_still_be_growing(self, db: ChatDb) -> None:  # att-12
        row = db.add_message("", sender=ADA, attachments=[Attachment("a.png", b"a whole picture")])

        oddities.half_arrived(db, row)

        path = db.file_of(f"at_0_{row.guid}")
        assert path is not None
        assert path.stat().st_size < one(db, "SELECT total_bytes FROM attachment")["total_bytes"]

    def test_a_link_preview_has_a_file_of_its_own(self, db: ChatDb) -> None:  # att-16
        preview = oddities.link_preview(db, "https://example.com", sender=ADA, chat=db.direct_chat(ADA))

        oddities.preview_icon(db, preview)

        assert one(db, "SELECT transfer_name FROM attachment")["transfer_name"].endswith(".pluginPayloadAttachment")

    def test_tapbacks_of_different_people_stand_side_by_side(self, db: ChatDb) -> None:
        target, chat = db.add_message("Hi", sender=ADA), db.group_chat("chat1", [ADA, BO])

        for sender in (ADA, BO, None):
            oddities.tapback(db, f"p:0/{target.guid}", 2000, chat=chat, sender=sender)

        reactors = db.rows("SELECT is_from_me, handle_id FROM message WHERE associated_message_type != 0")
        assert len({tuple(each) for each in reactors}) == 3
        assert [each["handle_id"] for each in reactors if each["is_from_me"]] == [0]

    def test_of_one_person_only_the_latest_tapback_is_kept(self, db: ChatDb) -> None:
        target = db.add_message("Hi", sender=ADA)
        chat = db.direct_chat(ADA)

        oddities.tapback(db, f"p:0/{target.guid}", 2000, chat=chat, sender=ADA)
        oddities.tapback(db, f"p:0/{target.guid}", 2003, chat=chat, sender=ADA)

        row = one(db, "SELECT * FROM message WHERE associated_message_type != 0")
        assert (row["associated_message_guid"], row["associated_message_type"]) == (f"p:0/{target.guid}", 2003)

    def test_a_group_event_has_no_body(self, db: ChatDb) -> None:
        chat = db.group_chat("chat1", [ADA, BO])

        oddities.group_event(db, chat, 2, actor=ADA, group_title="Tea")

        row = one(db, "SELECT item_type, group_title, attributedBody FROM message")
        assert tuple(row) == (2, "Tea", None)

    def test_an_edit_keeps_every_version(self, db: ChatDb) -> None:
        row = db.add_message("first", sender=ADA)

        edits.edit(db, row, "second")
        edits.edit(db, row, "third")

        stored = one(db, "SELECT attributedBody, date_edited, message_summary_info FROM message")
        versions = plistlib.loads(stored["message_summary_info"])["ec"]["0"]
        assert [decode(version["t"]).text for version in versions] == ["first", "second", "third"]
        assert decode(stored["attributedBody"]).text == "third"
        assert stored["date_edited"] > 0

    def test_two_edits_within_a_millisecond_are_two_and_one_that_is_made_again_is_one(self, db: ChatDb) -> None:
        row = db.add_message("first", sender=ADA)

        for text in ("second", "third", "third"):
            edits.edit(db, row, text, at=1_760_000_000_000)

        versions = plistlib.loads(one(db, "SELECT message_summary_info FROM message")["message_summary_info"])["ec"][
            "0"
        ]
        assert [decode(version["t"]).text for version in versions] == ["first", "second", "third"]

    def test_an_unsent_message_has_no_body_and_no_date_of_it(self, db: ChatDb) -> None:
        edits.unsend(db, db.add_message("oops", sender=ADA))

        stored = one(db, "SELECT attributedBody, date_retracted, message_summary_info FROM message")
        assert (stored["attributedBody"], stored["date_retracted"]) == (None, 0)
        assert plistlib.loads(stored["message_summary_info"]) == {"rp": [0]}

    def test_a_ghost_has_neither_body_nor_chat(self, db: ChatDb) -> None:
        oddities.ghost(db)

        assert one(db, "SELECT attributedBody, is_from_me FROM message")["attributedBody"] is None
        assert db.rows("SELECT 1 FROM chat_message_join") == []

    def test_bytes_that_are_no_utf8_lie_in_the_text(self, db: ChatDb) -> None:
        oddities.bad_utf8(db, db.add_message("x", sender=ADA), b"He\xfflo")

        with closing(read_only(db)) as reader, pytest.raises(sqlite3.OperationalError, match="decode"):
            reader.execute("SELECT text FROM message").fetchall()

    def test_a_recently_deleted_message_keeps_its_row(self, db: ChatDb) -> None:
        row = db.add_message("Hi", sender=ADA)

        oddities.recently_deleted(db, row)

        assert db.rows("SELECT 1 FROM chat_message_join") == []
        assert one(db, "SELECT message_id FROM chat_recoverable_message_join")["message_id"] == row.rowid

    def test_a_link_preview_is_a_message_of_its_own(self, db: ChatDb) -> None:
        text = db.add_message("see https://example.com", sender=ADA)

        preview = oddities.link_preview(db, "https://example.com", sender=ADA, chat=db.direct_chat(ADA))

        assert preview.guid != text.guid
        assert one(db, "SELECT guid FROM message WHERE balloon_bundle_id IS NOT NULL")["guid"] == preview.guid

    def test_a_backfill_has_new_rowids_and_old_dates(self, db: ChatDb) -> None:
        now = db.add_message("new", sender=ADA, sent_at=1_700_000_000_000)

        old = oddities.backfill(db, 3, sender=ADA, newest_at=1_600_000_000_000)

        assert min(row.rowid for row in old) > now.rowid
        newest = one(db, "SELECT max(date) AS date FROM message WHERE guid != '" + now.guid + "'")
        assert newest["date"] == apple_ns(1_600_000_000_000)

    def test_a_rebuilt_file_numbers_its_rows_anew(self, db: ChatDb) -> None:
        rows = [db.add_message(f"{n}", sender=ADA, sent_at=1_700_000_000_000 + n) for n in range(3)]
        inode = db.path.stat().st_ino

        oddities.rebuild(db, newest=2)

        found = [(row["ROWID"], row["guid"]) for row in db.rows("SELECT ROWID, guid FROM message ORDER BY ROWID")]
        assert found == [(1, rows[2].guid), (2, rows[1].guid)]
        assert len(db.rows("SELECT 1 FROM chat_message_join")) == 2
        assert db.path.stat().st_ino != inode
