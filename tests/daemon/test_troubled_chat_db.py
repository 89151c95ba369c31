"""A chat.db that is missing, locked, unreadable, replaced, or was written to while nobody looked."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from blueport.clock import now_ms
from blueport.daemon.chatdb.database import ChatDb as Reader
from blueport.daemon.chatdb.thread import ChatDbError, ChatDbThread
from blueport.daemon.settings import Settings
from blueport.daemon.watching import reader as watching
from blueport.simulator import oddities
from blueport.simulator.chatdb import Attachment, ChatDb
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from blueport.simulator.settings import MacOs
from tests.daemon.fake_door import FakeDoor
from tests.daemon.waiting import ADA, LINE, in_journal, until, working
from tests.told import told

HOUR_MS = 3_600_000
BOOT_S = 0.05
NOBODY = 65_534
# What no release ever lacked, and what cannot be taken away.
NEEDED = {
    *("ROWID", "guid", "original_guid", "id", "handle_id", "date", "attributedBody", "chat_id", "message_id"),
    *("is_from_me", "item_type", "style"),
}
PHOTO = Attachment("photo.heic", b"heic", "image/heic")


def dispensable(db: ChatDb) -> list[tuple[str, str]]:
    """Return the columns without which a message is still one, those that no release lacks left out."""
    tables = ("message", "chat", "handle", "attachment", "chat_message_join")
    found = [(table, each["name"]) for table in tables for each in db.rows(f"PRAGMA table_info({table})")]
    # `service` is part of what is unique about a handle.
    return [(table, name) for table, name in found if name not in NEEDED and (table, name) != ("handle", "service")]


def drop_indexes(db: ChatDb) -> None:
    """Have columns go that are part of one."""
    for index in db.rows("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"):
        db.execute(f"DROP INDEX {index['name']}")


def denied() -> None:
    """Have SQLite refuse a statement with its code 23, as it does where macOS forbids the reading."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
        connection.execute("SELECT 1")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Lay down the powers of root, who may read everything; others have none to lay down."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


class TestDowntime:
    async def test_what_came_while_the_daemon_was_down_is_told_once_and_in_order(  # cur-02
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            chat_db.add_message("Before", sender=ADA)
            await until(lambda: door.received() == ["Before"])
        for text in ("One", "Two", "Three"):
            chat_db.add_message(text, sender=ADA)

        async with working(settings, door):
            await until(lambda: len(door.messages) == 4)

        assert door.received() == ["Before", "One", "Two", "Three"]

    async def test_what_was_there_before_the_daemon_ever_ran_is_not_told(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        chat_db.add_message("Long ago", sender=ADA, sent_at=now_ms() - HOUR_MS)

        async with working(settings, door):
            chat_db.add_message("Now", sender=ADA)
            await until(lambda: bool(door.messages))

        assert [seen.text for seen in door.messages] == ["Now"]

    async def test_a_row_unfinished_at_the_end_is_finished_by_the_next_daemon(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_row(sender=ADA)
            chat_db.add_message("Second", sender=ADA)
            await until(lambda: door.received() == ["Second"])
        chat_db.write_body(row, "First")
        chat_db.link(row, chat_db.direct_chat(ADA))

        async with working(settings, door):
            await until(lambda: door.received() == ["Second", "First"])

    async def test_rows_that_pile_up_while_the_mac_sleeps_are_news(  # send-27
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            for n in range(20):
                chat_db.add_message(f"Number {n}", sender=ADA)
            await until(lambda: len(door.messages) == 20)

        assert door.received() == [f"Number {n}" for n in range(20)]


class TestOwnAddresses:
    """What an own address sends inbound is an echo: the address may be named anywhere in the file, at any time."""

    async def test_addresses_that_messages_name_are_known_from_the_start(  # echo-02, echo-03
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        chat = chat_db.direct_chat(ADA)
        chat_db.add_message("To one", sender=ADA, chat=chat, destination_caller_id="one@icloud.com")
        chat_db.add_message("From the other", chat=chat, is_sent=1, account="E:Other@icloud.com")
        chat_db.add_message("To the line", sender=ADA, chat=chat)

        async with working(settings, door):
            for sender in ("one@icloud.com", "other@icloud.com"):
                chat_db.add_message("Echo", sender=sender, chat=chat)
            chat_db.add_message("No echo", sender=ADA)
            await until(lambda: bool(door.messages))

        assert door.received() == ["No echo"]

    async def test_addresses_that_turn_up_later_are_known_from_then_on(  # echo-04, echo-06
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        chat = chat_db.direct_chat(ADA)
        async with working(settings, door):
            chat_db.direct_chat(LINE, account_login="E:one@icloud.com")
            chat_db.add_message("To another", sender=ADA, chat=chat, destination_caller_id="other@icloud.com")
            await until(lambda: len(door.messages) == 1)
            for sender in ("one@icloud.com", "other@icloud.com"):
                chat_db.add_message("Echo", sender=sender, chat=chat)
            chat_db.add_message("No echo", sender=ADA)
            await until(lambda: len(door.messages) == 2)

        assert door.received() == ["To another", "No echo"]


class TestLines:
    async def test_the_line_is_that_which_was_written_to_whatever_the_chat_was_last_addressed_by(  # echo-07
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        second, of_the_family = "+15550100099", "sister@example.com"
        door.lines.add(second)
        chat = chat_db.direct_chat(ADA, last_addressed_handle=of_the_family)
        async with working(msgspec.structs.replace(settings, lines=(LINE, second)), door):
            for written_to in (second, LINE, of_the_family, None):
                chat_db.add_message("Hi", sender=ADA, chat=chat, destination_caller_id=written_to)
            await until(lambda: len(door.messages) == 4)
            chat_db.add_message("From my phone", chat=chat, is_sent=1, destination_caller_id=second)
            await until(lambda: len(door.messages) == 5)

        assert [seen.line_handle for seen in door.messages] == [second, LINE, LINE, LINE, second]
        assert door.received() == ["Hi"] * 4


class TestAnotherFile:
    async def test_a_rebuilt_file_is_read_on_from_its_end(  # cur-03
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        for n in range(30):
            chat_db.add_message(f"Old {n}", sender=ADA, sent_at=now_ms() - HOUR_MS)
        async with working(settings, door):
            chat_db.add_message("Before", sender=ADA)
            await until(lambda: door.received() == ["Before"])

            oddities.rebuild(chat_db, newest=5)
            chat_db.add_message("After", sender=ADA)

            await until(lambda: door.received() == ["Before", "After"])
            assert [seen.text for seen in door.messages] == ["Before", "After"]

    async def test_a_file_that_was_rebuilt_while_the_daemon_was_down_is_recognised(  # cur-03
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            for text in ("One", "Two"):
                chat_db.add_message(text, sender=ADA)
            await until(lambda: door.received() == ["One", "Two"])
        oddities.rebuild(chat_db)
        chat_db.add_message("Three", sender=ADA)

        async with working(settings, door):
            await until(lambda: door.received() == ["One", "Two", "Three"])

    async def test_an_older_copy_is_read_on_from_its_end_and_said_for_a_while(  # cur-05
        self,
        chat_db: ChatDb,
        door: FakeDoor,
        settings: Settings,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(watching, "REPLACED_SHOWN_S", 1.0)
        chat_db.add_message("Before all", sender=ADA, sent_at=now_ms() - HOUR_MS)
        chat_db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(chat_db.path, tmp_path / "copy")
        async with working(msgspec.structs.replace(settings, poll_s=0.2), door):
            for text in ("One", "Two", "Three"):
                chat_db.add_message(text, sender=ADA)
            await until(lambda: door.received() == ["One", "Two", "Three"])

            chat_db.close()
            shutil.copy(tmp_path / "copy", tmp_path / "restored")
            for suffix in ("-wal", "-shm"):  # else what was written to the lost file is found again there
                chat_db.path.with_name(chat_db.path.name + suffix).unlink(missing_ok=True)
            (tmp_path / "restored").rename(chat_db.path)
            with closing(ChatDb(chat_db.path, line=LINE)) as restored:
                restored.add_message("Four", sender=ADA)
                await until(lambda: door.received()[-1] == "Four")
                await until(lambda: any(hello.lines[0].health == "degraded" for hello in door.hellos))
                await until(lambda: door.hellos[-1].lines[0].health == "ok")

        assert [seen.text for seen in door.messages] == ["One", "Two", "Three", "Four"]
        [hint] = {hello.lines[0].hint for hello in door.hellos if hello.lines[0].health == "degraded"}
        assert "cursor ahead, at 4 of " in (hint or "")
        assert "messages were not known" in (hint or "")
        assert [line["event"] for line in told(caplog, "blueport.daemon.watching.reader")] == ["chat_db_replaced"]

    async def test_a_send_is_proven_in_a_file_with_lower_numbers(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        for n in range(5):
            mac.db.add_message(f"Old {n}", sender=ADA, sent_at=now_ms() - HOUR_MS)
        mac.faults.add(Fault("silent"))
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: not mac.faults.pending())
            await asyncio.sleep(0.3)
            oddities.rebuild(mac.db, newest=1)
            mac.db.add_message("Hi", chat=mac.db.direct_chat(ADA), is_sent=1)

            await until(lambda: work.status == "sent")

    async def test_a_deleted_newest_row_is_no_rebuild(  # rxn-06
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("Deleted", sender=ADA)
            await until(lambda: door.received() == ["Deleted"])
            chat_db.execute("DELETE FROM message WHERE ROWID = ?", row.rowid)
            chat_db.add_message("Next", sender=ADA)

            await until(lambda: door.received() == ["Deleted", "Next"])


class TestDeafness:
    async def test_a_watcher_that_hears_of_nothing_costs_time_alone(  # srv-013
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "true")
        monkeypatch.setenv("WATCHFILES_POLL_DELAY_MS", "3600000")
        async with working(msgspec.structs.replace(settings, poll_s=0.2, sweep_s=3600), door):
            chat_db.add_message("Hi", sender=ADA)

            await until(lambda: door.received() == ["Hi"])


class TestColumns:
    async def test_a_column_that_comes_while_the_daemon_runs_is_read_from_then_on(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        chat_db.execute("ALTER TABLE message RENAME COLUMN service TO called_otherwise")
        async with working(settings, door):
            chat_db.execute("INSERT INTO message (guid, date, is_from_me) VALUES ('OTHER', 1, 0)")
            await until(lambda: in_journal(settings, "watched WHERE guid = 'OTHER'") == 1)

            with chat_db.one_commit():
                chat_db.execute("ALTER TABLE message RENAME COLUMN called_otherwise TO service")
                chat_db.add_message("Hi", sender=ADA)

            await until(lambda: door.received() == ["Hi"])
        assert door.messages[0].service == "iMessage"


class TestSilence:
    """srv-013: the daemon is in contact, claims and renews, and yet hears or tells of nothing."""

    async def test_a_file_that_does_not_answer_is_said_and_read_on_once_it_does(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blueport.daemon.chatdb.thread.ANSWER_S", 0.5)
        async with working(settings, door):
            chat_db.execute("DROP TABLE chat_recoverable_message_join")
            chat_db.execute(
                "CREATE VIEW chat_recoverable_message_join AS WITH RECURSIVE down(message_id) AS "
                "(SELECT -1 UNION ALL SELECT message_id - 1 FROM down) SELECT * FROM down"
            )
            row = chat_db.add_row(sender=ADA)  # what has no chat may be Recently Deleted
            await until(lambda: door.hellos[-1].lines[0].health == "degraded")
            assert "has not answered" in (door.hellos[-1].lines[0].hint or "")
            assert door.received() == []

            chat_db.execute("DROP VIEW chat_recoverable_message_join")
            chat_db.write_body(row, "Meanwhile")
            chat_db.link(row, chat_db.direct_chat(ADA))

            await until(lambda: door.received() == ["Meanwhile"])
            await until(lambda: door.hellos[-1].lines[0].health == "ok")

    async def test_sightings_that_the_server_does_not_take_are_said_although_it_answers_all_else(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blueport.daemon.telling.UNHEARD_S", 0.5)
        async with working(msgspec.structs.replace(settings, call_timeout_s=0.2), door):
            door.hears_sightings.clear()
            chat_db.add_message("Meanwhile", sender=ADA)
            await until(lambda: door.hellos[-1].lines[0].health == "degraded")
            assert "does not take" in (door.hellos[-1].lines[0].hint or "")

            door.hears_sightings.set()

            await until(lambda: door.received() == ["Meanwhile"])
            await until(lambda: door.hellos[-1].lines[0].health == "ok")


class TestUnreadableFile:
    async def test_a_missing_file_is_said_and_read_once_it_is_there(  # cur-13
        self, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            await until(lambda: door.hellos[-1].lines[0].health == "no_disk_access")
            assert "not there" in (door.hellos[-1].lines[0].hint or "")

            with closing(ChatDb(settings.chat_db, line=LINE)) as chat_db:
                chat_db.add_message("Here I am", sender=ADA)

                await until(lambda: door.received() == ["Here I am"])
            await until(lambda: door.hellos[-1].lines[0].health == "ok")

    async def test_a_lock_is_waited_out(self, chat_db: ChatDb, door: FakeDoor, settings: Settings) -> None:  # cur-11
        chat_db.execute("PRAGMA journal_mode = DELETE")  # where a writer keeps readers out, too
        async with working(settings, door):
            chat_db.execute("BEGIN EXCLUSIVE")
            row = chat_db.add_row(sender=ADA)
            chat_db.write_body(row, "Patience")
            await until(lambda: door.hellos[-1].lines[0].health == "degraded")
            assert "locked" in (door.hellos[-1].lines[0].hint or "")

            chat_db.link(row, chat_db.direct_chat(ADA))
            chat_db.execute("COMMIT")

            await until(lambda: door.received() == ["Patience"])
            await until(lambda: door.hellos[-1].lines[0].health == "ok")

    async def test_what_is_no_database_is_said(self, door: FakeDoor, settings: Settings) -> None:
        settings.chat_db.parent.mkdir(parents=True)
        settings.chat_db.write_bytes(b"not a database at all" * 100)

        async with working(settings, door):
            await until(lambda: door.hellos[-1].lines[0].health == "degraded")

        assert "not a database" in (door.hellos[-1].lines[0].hint or "")

    async def test_nothing_is_sent_while_no_proof_could_be_seen(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        hidden = settings.chat_db.with_name("hidden")
        settings.chat_db.rename(hidden)
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: work.status == "claimed")
            await asyncio.sleep(BOOT_S)
            assert not work.begun
            hidden.rename(settings.chat_db)

            await until(lambda: work.status == "sent")
        assert mac.phones.screen(ADA)[-1].text == "Hi"


class TestOpening:
    def test_it_cannot_write_by_either_of_two_locks(self, chat_db: ChatDb) -> None:  # cur-10
        with closing(Reader(chat_db.path)) as reader:
            connection = reader._opened().connection  # noqa: SLF001 - the one way to try
            assert connection.execute("PRAGMA query_only").fetchall() == [(1,)]
            for _ in ("query_only", "mode=ro"):
                with pytest.raises(sqlite3.OperationalError, match="readonly"):
                    connection.execute("DELETE FROM message")
                connection.execute("PRAGMA query_only = 0")

    def test_what_is_only_in_the_log_is_seen(self, chat_db: ChatDb) -> None:  # cur-08
        with closing(Reader(chat_db.path)) as reader:
            reader.has_changed()
            chat_db.add_message("Hi", sender=ADA)

            assert reader.has_changed()
            assert [row.text for row in reader.rows_after(0, 10)] == ["Hi"]

    @pytest.mark.parametrize("macos", ["12", "26x"])  # all others have no columns that neither of these has
    def test_each_column_of_any_release_may_be_missing(self, tmp_path: Path, macos: MacOs) -> None:
        with closing(ChatDb(tmp_path / "a" / "b" / "chat.db", macos=macos)) as db:
            row = db.add_message("look", sender=ADA, attachments=[PHOTO], is_read=1)
            drop_indexes(db)
            for table, column in dispensable(db):
                db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
                with closing(Reader(db.path)) as reader:
                    found = reader.rows_after(0, 10)
                    states = reader.states_since(0)
                    reader.addresses_of_chats()
                    reader.addresses_of_rows()
                    reader.reached([row.guid])
                    reader.readings(since=0, between=(0, now_ms()))

                assert [(each.guid, each.text, each.sender) for each in found] == [(row.guid, "look", ADA)], column
                assert [state.guid for state in states] == [row.guid], column

    def test_missing_columns_are_empty(self, chat_db: ChatDb) -> None:  # rxn-07
        chat_db.add_message("Hi", sender=ADA)
        chat_db.execute("DROP INDEX message_idx_thread_originator_guid")
        for column in ("thread_originator_guid", "date_edited", "associated_message_emoji", "is_spam"):
            chat_db.execute(f"ALTER TABLE message DROP COLUMN {column}")
        chat_db.execute("ALTER TABLE chat DROP COLUMN account_login")
        chat_db.execute("DROP TABLE chat_recoverable_message_join")

        with closing(Reader(chat_db.path)) as reader:
            [row] = reader.rows_after(0, 10)
            addresses = reader.addresses_of_chats()

        assert (row.text, row.reply_to_guid, row.is_deleted, addresses) == ("Hi", None, False, [])

    def test_the_sweep_does_not_read_the_whole_table(self, chat_db: ChatDb) -> None:
        with closing(Reader(chat_db.path)) as reader:
            asked: list[str] = []
            reader.has_changed()
            reader._opened().connection.set_trace_callback(asked.append)  # noqa: SLF001 - the one way to listen
            reader.states_since(now_ms())

        plan = [str(step["detail"]) for step in chat_db.rows(f"EXPLAIN QUERY PLAN {asked[-1]}")]
        assert [step for step in plan if step.startswith("SCAN")] == []
        assert sum("USING INDEX message_idx_date" in step for step in plan) == 4

    async def test_an_error_of_our_own_is_said_like_one_of_the_file(
        self, chat_db: ChatDb, caplog: pytest.LogCaptureFixture
    ) -> None:
        reader = ChatDbThread(chat_db.path)

        with closing(reader), pytest.raises(ChatDbError) as raised:
            await reader.ask(lambda _: [].index(1))

        assert raised.value.condition.health == "degraded"
        (fault,) = told(caplog, "blueport.daemon.chatdb.thread")
        assert [error.type for error in fault["errors"]] == ["ValueError"]

    async def test_a_file_that_is_not_there_raises_what_to_do(self, tmp_path: Path) -> None:
        chat_db = ChatDbThread(tmp_path / "chat.db")

        with closing(chat_db), pytest.raises(ChatDbError) as raised:
            await chat_db.ask(Reader.newest_rowid)

        assert raised.value.condition.health == "no_disk_access"

    async def test_a_refusal_of_sqlite_itself_raises_what_to_do(self, chat_db: ChatDb) -> None:  # cur-12
        reader = ChatDbThread(chat_db.path)

        with closing(reader), pytest.raises(ChatDbError) as raised:
            await reader.ask(lambda _: denied())

        assert raised.value.condition.health == "no_disk_access"
        assert "Full Disk Access" in (raised.value.condition.hint or "")

    async def test_a_file_that_is_forbidden_raises_what_to_do(self, chat_db: ChatDb) -> None:  # cur-12, cur-13
        chat_db.path.chmod(0)
        reader = ChatDbThread(chat_db.path)

        with closing(reader), as_nobody(), pytest.raises(ChatDbError) as raised:
            await reader.ask(Reader.newest_rowid)

        assert raised.value.condition.health == "no_disk_access"
        assert "Full Disk Access" in (raised.value.condition.hint or "")
