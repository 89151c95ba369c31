"""Hands items over to Messages, one at a time and in the order in which they came, and never twice.

Between two of these steps this process may die; the next one finds the item in the status on the right.

    1  note the newest row of chat.db, and of  claimed
       an edit its message's versions
    2  the hand-over's name is on disk         claimed
    3  the server grants it                    claimed   nothing is in Messages yet: asking again is granted again
    4  the intent is on disk                   begun     perhaps in Messages from here on: only looked for
    5  Messages is asked                       begun
    6  its answer is on disk                   handed    the same, whether it said yes or we do not know

A step back from begun to claimed is written only after Messages answered that it took nothing; death before that leaves
an item that is looked for, not found, and reported as unknown. The next item may follow as soon as this one is handed
over: the order in Messages is that of the hand-overs, not of the proofs. Only a tapback waits until the row of the one
whose place it takes was seen, or had the time to come: it will be gone. There is one Messages on a Mac, so what holds
back the item of one line holds back all. Whether Messages listens at all is found out before step 1.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from blueport.clock import now_ms
from blueport.daemon.chatdb.database import ChatDb
from blueport.daemon.chatdb.thread import ChatDbError, ChatDbThread
from blueport.daemon.health import WELL, MacHealth
from blueport.daemon.journal import endings, items, staged
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.items import Item
from blueport.daemon.performing import changing, reacting
from blueport.daemon.performing.attending import Attending, is_all_read
from blueport.daemon.performing.changing import Before
from blueport.daemon.performing.choosing import Chosen
from blueport.daemon.performing.staging import is_there
from blueport.daemon.remedies import HANGING
from blueport.daemon.settings import Settings
from blueport.daemon.transports.base import NotNowError, OutcomeUnknownError, TransportError
from blueport.daemon.uplink import Uplink
from blueport.failpoints import reached
from blueport.protocol.commands import Change, React
from blueport.protocol.door import Begin

_UNREADABLE_PAUSE_S = 1.0
# What is refused because its turn has not come is offered again at once.
_REFUSED_PAUSE_S = 0.1
_UNSEEN_PAUSE_S = 0.1

_Answer = TypeVar("_Answer")


class _Moment(NamedTuple):
    """A moment by both clocks: one stands still while a Mac sleeps, the other can be set back."""

    monotonic_s: float
    wall_ms: int

    @classmethod
    def now(cls) -> Self:
        return cls(time.monotonic(), now_ms())

    def passed_s(self) -> float:
        return max(time.monotonic() - self.monotonic_s, (now_ms() - self.wall_ms) / 1000)


class Hands:
    """What handing over needs: the journal, the server, chat.db, a way into Messages, and somewhere to complain."""

    def __init__(
        self,
        journal: Journal,
        uplink: Uplink,
        chat_db: ChatDbThread,
        transport: Chosen,
        health: MacHealth,
        *,
        lease_s: float,
    ) -> None:
        self._lease_s = lease_s
        self._journal = journal
        self._uplink = uplink
        self._chat_db = chat_db
        self._transport = transport
        self._health = health
        # The item of which Messages left open what became: whether it still listens is to be found out.
        self._doubted: Item | None = None
        self._handed_s = 0.0

    async def work_for_ever(self, settings: Settings) -> None:
        """Hand over whatever is claimed, as soon as it is its turn."""
        patience_s = settings.hang_patience_s
        attending = Attending(self._journal, self._chat_db, self._transport, self._health, patience_s=patience_s)
        while True:
            asked = self._doubted or items.next_claimed(self._journal)
            if asked is None:
                await self._journal.work.wait()
                self._journal.work.clear()
                continue
            is_on = await attending.is_listening(asked.command)
            if self._doubted is not None:
                self._doubted = None if is_on else asked
            elif is_on:
                is_on = await self._hand_over(asked, settings)
            await asyncio.sleep(settings.pace_ms / 1000 if is_on else settings.not_now_retry_s)

    async def _hand_over(self, item: Item, settings: Settings) -> bool:
        """Take *item* as far as it goes; False if nothing can be handed over for now."""
        if not self._has_its_file(item):
            staged.note_lost(self._journal, item)
            return True
        if not await self._may_replace(item, settings.settle_s):
            await asyncio.sleep(_UNSEEN_PAUSE_S)
            return True
        if item.file is not None:
            await self._let_settle(settings.before_file_ms)
        before = await self._before(item)
        nonce = items.name_hand_over(self._journal, item)
        reached("daemon.named")
        if not await self._is_granted(item, nonce):
            items.drop_unbegun(self._journal, item)
            await asyncio.sleep(_REFUSED_PAUSE_S)
            return True
        reached("daemon.granted")
        if await self._is_told_again(item) or self._is_settled(item, before):
            return True
        versions = before.versions
        items.begin(self._journal, item, rowid_before=before.rowid, begun_at=now_ms(), versions_before=versions)
        reached("daemon.begun")
        self._journal.performing = item.id
        try:
            return await self._perform(item, nonce)
        finally:
            self._journal.performing = None

    async def _let_settle(self, before_file_ms: int) -> None:
        """Leave Messages time between a text and the file that goes with it."""
        passed_s = time.monotonic() - self._handed_s
        await asyncio.sleep(before_file_ms / 1000 - passed_s)

    def _has_its_file(self, item: Item) -> bool:
        return item.file is None or (item.staged is not None and is_there(item, Path(item.staged)))

    async def _may_replace(self, item: Item, settle_s: float) -> bool:
        """Say whether the rows that go with the coming of *item*'s, if there are any, were seen or had their time."""
        if not isinstance(item.command, React):
            return True
        replaced = reacting.replaced(item.command, items.unproven(self._journal))
        waited_ms = [now_ms() - max(other.begun_at or 0, other.taken_at or 0) for other in replaced]
        # A clock that was set back keeps nobody waiting.
        is_due = not any(0 <= waited < settle_s * 1000 for waited in waited_ms)
        return not replaced or (is_due and await is_all_read(self._journal, self._chat_db))

    async def _is_told_again(self, item: Item) -> bool:
        """Have the ending of *item* told again, if it has ended; False if it never did."""
        ending = endings.ending_of(self._journal, item)
        if ending is None:
            return False
        guid = ending.message_guid
        rowid = None if guid is None else await self._asked(partial(ChatDb.rowid_of, guid=guid))
        endings.tell_again(self._journal, item, ending, rowid)
        return True

    async def _before(self, item: Item) -> Before:
        may_change = changing.is_changing(item, items.unproven(self._journal))
        found = await self._asked(partial(changing.before, item=item))
        return found._replace(may_change=may_change)

    def _is_settled(self, item: Item, before: Before) -> bool:
        """Say whether *item* changes a message and need not, or may not, be handed over; it ends then."""
        command, message = item.command, before.message
        if not isinstance(command, Change):
            return False
        word = changing.refusal(command, message, now_ms())
        if word is not None:
            with self._journal.transaction():
                items.fail(self._journal, item, word, permanent=True)
            return True
        if message is None or not changing.is_as_wanted(command, message, may_change=before.may_change):
            return False
        with self._journal.transaction():
            endings.tell_message_as_it_is(self._journal, item, message.guid, message.rowid)
        return True

    async def _is_granted(self, item: Item, nonce: str) -> bool:
        """Have the server grant the hand-over, again if this Mac slept so long that the grant may be worth nothing."""
        said = Begin(item.token, nonce, item.nonce_before)
        while True:
            asked = _Moment.now()
            if not await self._uplink.begin(item.id, said):
                return False
            if asked.passed_s() <= self._lease_s / 2:
                return True

    async def _perform(self, item: Item, nonce: str) -> bool:
        file = Path(item.staged) if item.staged else None
        try:
            await self._transport.perform(item.command, file, items.guid_named(nonce))
        except NotNowError as error:
            reached("daemon.refused")
            self._health.note("Messages", error.condition)
            items.take_back(self._journal, item)
            return False
        except TransportError as error:
            reached("daemon.refused")
            with self._journal.transaction():
                items.fail(self._journal, item, str(error), permanent=error.permanent)
        except OutcomeUnknownError:
            self._health.note("Messages", HANGING)
            items.hand_over(self._journal, item, None)
            self._doubted = item
        else:
            reached("daemon.handed")
            self._health.note("Messages", WELL)
            items.hand_over(self._journal, item, now_ms())
            self._handed_s = time.monotonic()
        reached("daemon.outcome")
        return True

    async def _asked(self, question: Callable[[ChatDb], _Answer]) -> _Answer:
        """Ask chat.db, however long it takes: a send that nobody could prove is not begun."""
        while True:
            try:
                return await self._chat_db.ask(question)
            except ChatDbError:
                await asyncio.sleep(_UNREADABLE_PAUSE_S)
