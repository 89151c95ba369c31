"""Journals that earlier daemons left: what stands in them goes on."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from blueport.clock import now_ms
from blueport.daemon.journal import items
from blueport.daemon.journal.file import Journal, JournalDamagedError, opened_journal
from blueport.daemon.run import run
from blueport.daemon.settings import Settings
from blueport.protocol.commands import SendText
from blueport.protocol.door import ClaimedItem
from blueport.protocol.sightings import ChatSeen, MessageSeen, Proof
from blueport.simulator.chatdb import Row
from blueport.simulator.mac import SimulatedMac
from tests.daemon.fake_door import FakeDoor, Work
from tests.daemon.test_daemon_deaths import daemon_process
from tests.daemon.test_sending_through_messages import texts_on_phone
from tests.daemon.waiting import ADA, LINE, until, working
from tests.patience import PATIENCE_S

# As the first daemons wrote it, without a word on its version.
VERSION_1 = """
CREATE TABLE identity (journal TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE items (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, token TEXT NOT NULL, line TEXT NOT NULL,
  command BLOB NOT NULL, status TEXT NOT NULL, rowid_before INTEGER, begun_at INTEGER, message_rowid INTEGER UNIQUE,
  error TEXT, permanent INTEGER
);
CREATE TABLE sightings (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, sighting BLOB NOT NULL, item_id TEXT, refused_because TEXT
);
CREATE INDEX sightings_to_tell ON sightings (seq) WHERE refused_because IS NULL;
CREATE TABLE reading (
  file INTEGER NOT NULL, cursor INTEGER NOT NULL, cursor_guid TEXT, read_at INTEGER NOT NULL
);
CREATE TABLE seen (guid TEXT PRIMARY KEY, state TEXT NOT NULL, told TEXT) WITHOUT ROWID;
CREATE TABLE watched (guid TEXT PRIMARY KEY, rowid INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE TABLE chats (guid TEXT PRIMARY KEY, newest_at INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO identity VALUES ('jrn_1', 1);
"""
DAY_MS = 86_400_000


class JournalOfVersion1:
    """A journal as the first daemons wrote it, for an update to find."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.write(VERSION_1)

    def write(self, script: str) -> None:
        with closing(sqlite3.connect(self._path)) as journal:
            journal.executescript(script)

    def insert(self, table: str, cells: Sequence[object]) -> None:
        with closing(sqlite3.connect(self._path)) as journal, journal:
            journal.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(cells))})", tuple(cells))

    def hold(self, work: Work, status: str, row: Row | None = None) -> None:
        """Let an item be this journal's, found to be *row* if there is one."""
        work.status, work.journal, work.token, work.begun = "claimed", "jrn_1", f"{work.id}-1", row is not None
        found = (None, None, None) if row is None else (0, now_ms(), row.rowid)
        command = msgspec.json.encode(work.command)
        self.insert("items", (None, work.id, work.token, work.line, command, status, *found, None, None))


@pytest.fixture
def old(settings: Settings) -> JournalOfVersion1:
    return JournalOfVersion1(settings.journal)


class TestUpdate:
    async def test_all_that_an_older_daemon_left_comes_to_its_end(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, old: JournalOfVersion1
    ) -> None:
        chat = mac.db.direct_chat(ADA)
        proven, seen = (mac.db.add_message(text, chat=chat) for text in ("Proven", "Seen"))
        works = [door.accept(LINE, ADA, text) for text in ("Proven", "Seen", "Waiting")]
        for work, status, row in zip(works, ("proven", "handed", "claimed"), (proven, seen, None), strict=True):
            old.hold(work, status, row)
        old.insert("watched", (seen.guid, seen.rowid, now_ms(), now_ms() + DAY_MS))
        old.insert("sightings", (1, msgspec.json.encode(proof_of(proven, works[0])), works[0].id, None))
        old.insert("reading", (settings.chat_db.stat().st_ino, seen.rowid, seen.guid, now_ms()))

        async with working(settings, door):
            await until(lambda: works[0].status == works[2].status == "sent")
            assert works[1].status == "claimed"
            mac.db.change(seen, is_sent=1)
            await until(lambda: works[1].status == "sent")

        assert {hello.journal for hello in door.hellos} == {"jrn_1"}

    def test_what_chat_db_has_shown_is_not_unsaid(self, journal: Journal) -> None:
        claimed = ClaimedItem("obx_1", "tok_1", LINE, 1, SendText(ADA, (), "Hi"))
        items.keep(journal, claimed)
        items.keep(journal, msgspec.structs.replace(claimed, id="obx_2"))
        [first, _] = items.all_held(journal)
        items.begin(journal, first, rowid_before=0, begun_at=1)
        items.prove(journal, first)

        items.fail(journal, first, "messages_not_running", permanent=False)

        assert [item.status for item in items.all_held(journal)] == ["proven", "claimed"]

    def test_it_happens_once(self, settings: Settings, old: JournalOfVersion1) -> None:
        old.insert("reading", (1, 2, "a guid", 3))

        for _ in range(2):
            with opened_journal(settings.journal) as journal:
                assert (journal.id, journal.created_at) == ("jrn_1", 1)


class TestDamage:
    """A journal that is not whole is not replaced by one that knows nothing: the daemon ends, and says what to do."""

    async def test_a_file_that_is_no_journal_ends_the_daemon(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        settings.journal.write_bytes(b"no database at all" * 1000)
        work, log = door.accept(LINE, ADA, "Hi"), list[bytes]()

        async with daemon_process(settings, tmp_path, log) as process:
            await asyncio.wait_for(process.wait(), PATIENCE_S)

        assert process.returncode == os.EX_DATAERR
        assert b"is damaged" in log[-1]
        assert (door.hellos, work.attempts) == ([], 0)
        assert settings.journal.read_bytes().startswith(b"no database")
        assert texts_on_phone(mac, ADA) == []

    @pytest.mark.parametrize("size", [0, 3 * 4096 + 100])
    async def test_one_that_was_cut_off_ends_the_daemon(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, size: int
    ) -> None:
        async with working(settings, door):
            await mac.person_texts(ADA, "Hi")
            await until(lambda: door.received() == ["Hi"])
        os.truncate(settings.journal, size)

        with pytest.raises(JournalDamagedError):
            await run(settings)

        assert len(door.hellos) == 1

    async def test_damage_that_shows_only_later_ends_the_daemon(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            await mac.person_texts(ADA, "Hi")
            await until(lambda: door.received() == ["Hi"])
        working_on = asyncio.create_task(run(settings))
        await until(lambda: len(door.hellos) > 1)
        _damage_items(settings.journal)

        door.accept(LINE, ADA, "Never sent")
        with pytest.raises(JournalDamagedError):
            await asyncio.wait_for(working_on, PATIENCE_S)
        assert texts_on_phone(mac, ADA) == []

    async def test_one_that_was_moved_away_is_begun_anew(self, settings: Settings) -> None:
        with opened_journal(settings.journal) as journal:
            before = journal.id
        settings.journal.unlink()

        with opened_journal(settings.journal) as journal:
            assert journal.id != before

    def test_a_death_before_the_first_write_is_no_damage(self, settings: Settings) -> None:
        settings.journal.touch()

        with opened_journal(settings.journal) as journal:
            assert items.all_held(journal) == []


def proof_of(row: Row, work: Work) -> MessageSeen:
    return MessageSeen(
        line_handle=LINE,
        guid=row.guid,
        chat=ChatSeen(f"any;-;{ADA}", ADA, is_group=False, service="iMessage"),
        sender=None,
        text=work.command.text,
        service="iMessage",
        is_from_me=True,
        sent_at=now_ms(),
        proves=Proof(work.id, work.token),
    )


def _damage_items(journal: Path) -> None:
    """Have the disk lose the page of the items, and whoever holds the file read it anew."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as other:
        [page] = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'items'").fetchone()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with journal.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(bytes(4096))
        other.execute("UPDATE identity SET created_at = created_at")
