"""Imports history: tells, as news to nobody, what was in chat.db before this daemon's time.

It works beside all else, and after it: some rows at a time are put into the queue of what is to be told, together with
the import's own place, and only when that queue is empty; then it rests for as long as that took. So what happens
meanwhile waits behind a batch at most, memory stays flat, and whoever dies goes on where he stood.

It is asked for by a file beside the journal, which nobody but the daemon may write: the file is put aside, written into
the journal, and removed, in that order.
"""

import asyncio
from functools import partial
from pathlib import Path

import msgspec

from blueport.clock import now_ms
from blueport.daemon.chatdb.database import ChatDb
from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.chatdb.thread import ChatDbError, ChatDbThread
from blueport.daemon.journal import imports, items, reading, sightings
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.imports import Asked, Extent, Import
from blueport.daemon.journal.reading import Position
from blueport.daemon.settings import Settings
from blueport.daemon.watching.looking import is_rebuilt
from blueport.daemon.watching.noting import Noting, Now
from blueport.failpoints import reached
from blueport.handles import canonical_handle
from blueport.logs.lines import logger

BATCH = 100
_LOOK_S = 0.5
_LONGEST_REST_S = 1.0

_log = logger(__name__)


def request_place(journal: Path) -> Path:
    """Return the file by which a daemon with that journal is asked for an import."""
    return journal.with_name(f"{journal.name}.import")


class Importing:
    """The imports of one journal; what is told of them goes through the queue that all sightings go through."""

    def __init__(self, journal: Journal, chat_db: ChatDbThread, noting: Noting, settings: Settings) -> None:
        self._journal = journal
        self._chat_db = chat_db
        self._noting = noting
        self._region = settings.region
        self._place = request_place(settings.journal)

    async def import_for_ever(self) -> None:
        """Do what is asked for, one import after the other."""
        while True:
            if not await self._may_go_on():
                await asyncio.sleep(_LOOK_S)

    async def _may_go_on(self) -> bool:
        """Do a little more; False if there is nothing to do, or just now it cannot be done."""
        try:
            await self._take_up()
            one = imports.unfinished(self._journal)
            return one is not None and await self._go_on(one)
        except ChatDbError:
            return False  # the reader says aloud why

    async def _take_up(self) -> None:
        """Begin what somebody asks for."""
        taken = self._place.with_name(f"{self._place.name}.taken")
        if not taken.exists():
            if not self._place.exists():
                return
            self._place.replace(taken)
        try:
            await self.begin(msgspec.json.decode(taken.read_bytes(), type=Asked))
        except msgspec.DecodeError:
            _log.warning("import_not_understood")
        reached("daemon.import_taken")
        taken.unlink()

    async def begin(self, asked: Asked) -> None:
        """Begin an import of what is in chat.db now.

        Raises:
            ChatDbError: It cannot be read for now.
        """
        extent = await self._extent(asked.wanted.since)
        with self._journal.transaction():
            imports.begin(self._journal, asked, extent)
        _log.info("import_begun", count=extent.total)

    async def _extent(self, since: int | None) -> Extent:
        """Return which rows there are up to the reader's place: what comes later is his."""
        while True:
            at = reading.position(self._journal)
            extent = await self._chat_db.ask(partial(_extent, at=at, since=since))
            if extent is not None:
                return extent
            await asyncio.sleep(_LOOK_S)

    async def _go_on(self, one: Import) -> bool:
        """Take some more rows; False if what is under way has to come first."""
        if self._is_anything_under_way(one):
            return False
        began_s = _now_s()
        rows = await self._chat_db.ask(partial(_next_rows, one=one))
        if rows is None:
            imports.begin_anew(self._journal, one, await self._extent(one.wanted.since))
            return True
        self._note(one, rows)
        reached("daemon.imported")
        await self._until_told()
        await asyncio.sleep(min(_now_s() - began_s, _LONGEST_REST_S))
        return True

    def _is_anything_under_way(self, one: Import) -> bool:
        """Say whether something waits to be told, or a row may turn out to be an item on its way.

        That can only be if the clock was set back since our birth: what is of before that was not sent by us.
        """
        return bool(sightings.oldest(self._journal, 1)) or any(
            (item.begun_at or 0) <= self._journal.created_at and (item.rowid_before or 0) < one.last
            for item in items.unproven(self._journal)
        )

    def _note(self, one: Import, rows: list[MessageRow]) -> None:
        now = Now(now_ms(), 0)
        within = [row for row in rows if row.rowid <= one.last]
        wanted = one.wanted
        with self._journal.transaction():
            told = sum(
                self._noting.note_history(row, now, with_files=wanted.with_files)
                for row in within
                if self._is_wanted(row, one)
            )
            is_over = len(within) < BATCH
            last = within[-1] if within else None
            imports.move_on(
                self._journal,
                msgspec.structs.replace(
                    one,
                    cursor=last.rowid if last else one.cursor,
                    cursor_guid=last.guid if last else one.cursor_guid,
                    looked=one.looked + len(within),
                    told=one.told + told,
                    ended_at=now.ms if is_over else None,
                ),
            )
        if is_over:
            _log.info("import_ended", count=one.told + told)

    def _is_wanted(self, row: MessageRow, one: Import) -> bool:
        wanted = one.wanted
        if row.sent_at < (wanted.since or 0) or row.chat is None:
            return False
        return not wanted.chats or canonical_handle(row.chat.identifier, region=self._region) in wanted.chats

    async def _until_told(self) -> None:
        while sightings.oldest(self._journal, 1):
            self._journal.told.clear()
            await self._journal.told.wait()


def _extent(db: ChatDb, at: Position | None, since: int | None) -> Extent | None:
    """Return the rows since a moment (Unix ms) up to the reader's place; None while he is elsewhere."""
    newest = db.newest_rowid()  # so that the file is open
    if at is None or at.file != db.file:
        return None
    first = 0 if since is None else db.last_rowid_without(since)
    last = min(at.cursor, newest)
    return Extent(db.file, first, db.guid_at(first), last, db.count_between(first, last))


def _next_rows(db: ChatDb, one: Import) -> list[MessageRow] | None:
    """Return the next rows, None if the file is another one by now."""
    rows = db.rows_after(one.cursor, BATCH)
    is_another = db.file != one.file or is_rebuilt(db, Position(one.file, one.cursor, one.cursor_guid))
    return None if is_another else rows


def _now_s() -> float:
    return asyncio.get_running_loop().time()
