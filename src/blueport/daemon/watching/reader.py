"""Follows chat.db: cursor, watch set, sweep, and what to do when the file is another one.

The cursor finds new rows. It moves on past rows of which more is to come, as files and the words of voice memos; those
are in the watch set and looked at again whenever anything is written, or their time is up. The sweep finds what changed
in rows that were done with: edits, late failures, late sends, late chats, messages that turn out our own. All of that
is one transaction of the journal a step, so that a crash repeats a step or none of it, and never skips a row.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from math import inf

from blueport.clock import now_ms
from blueport.daemon.chatdb.database import ChatDb, Reached, Reading
from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.chatdb.thread import ChatDbError, ChatDbThread
from blueport.daemon.health import WELL, Condition, MacHealth
from blueport.daemon.journal import awaiting, items, reading
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.reading import Position, Presence
from blueport.daemon.settings import Settings
from blueport.daemon.watching.library import Library
from blueport.daemon.watching.looking import Look, Question, look, look_for_unknown
from blueport.daemon.watching.noting import AHEAD_MS, Noting, Now
from blueport.daemon.watching.presence import after_look, unread_since
from blueport.failpoints import reached
from blueport.logs.lines import logger
from blueport.protocol.commands import Change

# A lock of a moment is nobody's concern.
_FAILURES_BEFORE_COMPLAINT = 3
_FAILURE_PAUSE_S = 0.5
_PERSIST_READ_AT_MS = 60_000
_REBUILD_MARGIN_MS = 10 * 60 * 1000
# So long a person may see that the file is another one: what it lacks nobody will be told.
REPLACED_SHOWN_S = 3_600.0
# So long a peer may take to read, for us to learn of it.
_RECEIPTS_MS = 14 * 86_400_000
# So many of our messages are asked after at every look, and all of them with the sweep.
_NEWEST_AWAITED = 50

_log = logger(__name__)


class Reader:
    """The reading of one chat.db into one journal. Setting `stirred` makes it look at once."""

    def __init__(
        self, journal: Journal, chat_db: ChatDbThread, library: Library, health: MacHealth, settings: Settings
    ) -> None:
        self.stirred = asyncio.Event()
        self.noting = Noting(journal, library, settings)
        self._journal = journal
        self._chat_db = chat_db
        self._health = health
        self._settings = settings
        self._is_new = True
        self._failures = 0
        # From the beginning of a look until all that it found is in the journal.
        self._is_behind = True
        self._presence = reading.presence(journal) or Presence(journal.created_at)
        self._replaced = WELL
        self._replaced_until_s = 0.0
        self._swept_at = 0
        self._looked_at: dict[str, MessageRow] = {}
        self._is_swept = False
        self._window_ms = round(settings.sweep_window_h * 3_600_000)

    async def read_for_ever(self) -> None:
        """Look whenever something was written, something is due, or `poll_s` has passed."""
        while True:
            self.stirred.clear()
            is_all = await self.step()
            if is_all:
                await self._rest()

    async def step(self) -> bool:
        """Look once, and note what is there; False if there is more to be read at once."""
        try:
            return await self._step()
        except ChatDbError as error:
            self._failures += 1
            if self._failures >= _FAILURES_BEFORE_COMPLAINT or error.condition.health != "degraded":
                self._health.note("chat.db", error.condition)
            return True

    async def _step(self) -> bool:
        at = reading.position(self._journal)
        question = self._question(at)
        self._is_behind = True
        seen = await self._chat_db.ask(partial(look, question=question))
        if self._failures or self._is_new:
            self.noting.learn(await self._chat_db.ask(ChatDb.addresses_of_rows))
        self._failures, self._is_new = 0, False
        self._health.note("chat.db", self._condition())
        if seen is None:
            self._note_quiet()
        else:
            self.noting.learn(seen.accounts)
            await self._take_in(seen, was_swept=question.states_since is not None)
        self._is_behind = seen is not None and not seen.is_all
        return not self._is_behind

    async def _take_in(self, seen: Look, *, was_swept: bool) -> None:
        if seen.is_rebuilt:
            at = reading.position(self._journal)
            self._say_replaced(seen, await self._start_over(seen), before=at.cursor if at else 0)
        else:
            await self._note(seen, was_swept=was_swept)

    async def _note(self, seen: Look, *, was_swept: bool) -> None:
        rowids = self._changed_rowids(seen)
        changed = await self._chat_db.ask(partial(ChatDb.rows_at, rowids=rowids)) if rowids else []
        changed += await self._changed_by_items()
        read = await self._read(seen.readings)
        reached_now = await self._reached([*seen.watched, *seen.fresh, *changed], is_sweep=was_swept)
        now = self._now()
        # What a look did not reach is as new as what it did: until all is seen, we have not looked.
        looked = after_look(self._presence, now.ms) if seen.is_all else self._presence
        with self._journal.transaction():
            for row in (*self._worth_noting(seen.watched, now.ms), *seen.fresh, *changed):
                self.noting.note(row, now)
            for row, read_at in read:
                self.noting.note_reading(row, read_at, now)
            for found in reached_now:
                self.noting.note_reached(found, now)
            self._end_vanished(seen)
            self._forget_vanished(seen, now.ms)
            if seen.is_all:
                self.noting.proving.end_unproven(now.ms, back_at=looked.back_at)
            self._move_to(seen, looked)
        self._is_swept = was_swept
        self._looked_at = {row.guid: row for row in seen.watched}
        if was_swept:
            self._swept_at = now.ms
        reached("daemon.seen")

    async def _changed_by_items(self) -> list[MessageRow]:
        """Return the messages, however old, that items are changing."""
        commands = [item.command for item in items.unproven(self._journal)]
        guids = [command.message_guid for command in commands if isinstance(command, Change)]
        return await self._chat_db.ask(partial(ChatDb.rows_of, guids=guids)) if guids else []

    async def _read(self, readings: list[Reading]) -> list[tuple[MessageRow, int]]:
        """Return the messages that were read since we last heard of it, and when (Unix ms)."""
        later = [one for one in readings if one.read_at > reading.last_read_at(self._journal, one.chat_guid)]
        at = {one.rowid: one.read_at for one in later}
        rows = await self._chat_db.ask(partial(ChatDb.rows_at, rowids=list(at))) if at else []
        return [(row, at[row.rowid]) for row in rows]

    async def _reached(self, rows: Iterable[MessageRow], *, is_sweep: bool) -> list[Reached]:
        """Return what has become of our messages: of the newest, and of those that may be told only now."""
        if is_sweep:
            awaiting.give_up(self._journal, now_ms() - _RECEIPTS_MS)
        awaited = awaiting.guids(self._journal, -1 if is_sweep else _NEWEST_AWAITED)
        guids = list({*awaited, *(row.guid for row in rows if row.is_from_me)})
        return await self._chat_db.ask(partial(ChatDb.reached, guids=guids)) if guids else []

    def _worth_noting(self, watched: list[MessageRow], moment: int) -> list[MessageRow]:
        """Return those that are another than at the last look, or whose time is up: most wait for a long time."""
        due = {one.guid for one in reading.watched(self._journal) if one.is_due(moment)}
        return [row for row in watched if row.guid in due or self._looked_at.get(row.guid) != row]

    async def _start_over(self, seen: Look) -> int:
        """Go on in a file whose rowids mean something else: what is in it and not known is news, if it is recent.

        Returns how many there were of those.
        """
        _log.warning("chat_db_replaced", row=seen.cursor)
        since = now_ms() - self._window_ms
        states = await self._chat_db.ask(partial(ChatDb.states_since, moment=since))
        known = frozenset(reading.seen_states(self._journal, [state.guid for state in states]))
        unknown = await self._chat_db.ask(partial(look_for_unknown, since=since, known=known))
        # What was told, and of which more may come, is under another number by now.
        watched = [one.guid for one in reading.watched(self._journal)]
        told = list(reading.seen_states(self._journal, watched))
        unfinished = await self._chat_db.ask(partial(ChatDb.rows_of, guids=told))
        newest_told_at = reading.newest_told_of_all(self._journal) or self._presence.read_at
        now = self._now()
        looked = after_look(self._presence, now.ms)
        with self._journal.transaction():
            items.forget_rowids(self._journal)
            for guid in watched:
                reading.unwatch(self._journal, guid)
            for row in unknown:
                if row.sent_at >= max(newest_told_at - _REBUILD_MARGIN_MS, self._journal.created_at):
                    self.noting.note(row, now)
                else:
                    self.noting.pass_over(row)
            for row in unfinished:
                self.noting.note(row, now)
            self._move_to(seen, looked)
        self._is_swept = False
        return len(unknown)

    def _say_replaced(self, seen: Look, unknown: int, *, before: int) -> None:
        """Say for a while that the file is another one, and what became of that."""
        cursor = f"cursor ahead, at {before} of {seen.cursor}" if before > seen.cursor else "other rows at the cursor"
        hint = f"chat.db is another file than before ({cursor}): it is read on from its end."
        self._replaced = Condition("degraded", f"{hint} Of its last days, {unknown} messages were not known.")
        self._replaced_until_s = asyncio.get_running_loop().time() + REPLACED_SHOWN_S
        self._health.note("chat.db", self._replaced)

    def _condition(self) -> Condition:
        return self._replaced if asyncio.get_running_loop().time() < self._replaced_until_s else WELL

    def _question(self, at: Position | None) -> Question:
        moment = now_ms()
        is_sweep_due = self._sweep_due_at() <= moment or self._swept_at > moment
        return Question(
            at=at,
            born_at=self._journal.created_at,
            watched=tuple(one.rowid for one in reading.watched(self._journal)),
            states_since=moment - self._window_ms if is_sweep_due else None,
            is_due=self._is_behind or is_sweep_due or self._next_due_at() <= moment,
            # As with messages: what was before our time is nobody's news.
            read_between=(self._journal.created_at, moment + AHEAD_MS),
            receipts_since=moment - _RECEIPTS_MS if is_sweep_due else None,
        )

    def _changed_rowids(self, seen: Look) -> list[int]:
        """Return the rows whose state is another than when they were last looked at."""
        known = reading.seen_states(self._journal, [state.guid for state in seen.states])
        return [state.rowid for state in seen.states if known.get(state.guid, state.state) != state.state]

    def _end_vanished(self, seen: Look) -> None:
        """Give up the items whose row is gone, as that of a tapback in whose place another came: it proves nothing."""
        there = {row.guid for row in (*seen.watched, *seen.fresh)}
        gone = [one.guid for one in reading.watched(self._journal) if one.rowid in seen.gone]
        for guid in gone:
            item = items.of_row(self._journal, guid)
            if item is not None and guid not in there:
                items.fail(self._journal, item, items.OUTCOME_UNKNOWN, permanent=True)

    def _forget_vanished(self, seen: Look, moment: int) -> None:
        """Stop looking at rows that are gone: deleted by a person before they were finished.

        Of what is watched only since the look began it says nothing.
        """
        there = {row.guid for row in seen.watched}
        asked = seen.gone | {row.rowid for row in seen.watched}
        for one in reading.watched(self._journal):
            if one.is_due(moment) and one.rowid in asked and one.guid not in there:
                reading.unwatch(self._journal, one.guid)

    def _move_to(self, seen: Look, looked: Presence) -> None:
        reading.move_to(self._journal, Position(seen.file, seen.cursor, seen.cursor_guid), looked)
        self._presence = looked

    def _note_quiet(self) -> None:
        """Remember that we were here, if not on disk with every poll; that we were away is on disk at once."""
        self._presence = looked = after_look(self._presence, now_ms())
        stored = reading.presence(self._journal)
        if stored is None:
            return
        if stored.back_at != looked.back_at or abs(looked.read_at - stored.read_at) >= _PERSIST_READ_AT_MS:
            reading.note_presence(self._journal, looked)

    async def _rest(self) -> None:
        """Wait until there is a reason to look."""
        if self._failures:
            await asyncio.sleep(_FAILURE_PAUSE_S)
            return
        due_in_s = (min(self._next_due_at(), self._sweep_due_at()) - now_ms()) / 1000
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(due_in_s, 0), self._settings.poll_s)):
                await self.stirred.wait()

    def _sweep_due_at(self) -> float:
        """Return when to compare states (Unix ms): never while nothing was written since the last time."""
        return inf if self._is_swept else self._swept_at + self._settings.sweep_s * 1000

    def _next_due_at(self) -> float:
        """Return when time alone changes something (Unix ms): a row was held long enough, or an item."""
        held = [0 if one.is_due(now_ms()) else one.until for one in reading.watched(self._journal)]
        back_at = self._presence.back_at
        sought = [self.noting.proving.gives_up_at(item, back_at=back_at) for item in items.unproven(self._journal)]
        return min([*held, *sought], default=inf)

    def _now(self) -> Now:
        moment = now_ms()
        return Now(moment, unread_since(self._presence, moment))
