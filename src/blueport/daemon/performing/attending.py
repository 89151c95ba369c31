"""Sees to it that Messages listens before anything is put into its hands, and starts it anew if it hangs.

That is done once in ten minutes at most, whoever asks for it; after a look into chat.db; and not while something may
still be under way that was handed over, since a Messages that answers nobody was seen to send for two minutes more.
"""

from contextlib import suppress

from blueport.clock import now_ms
from blueport.daemon.chatdb.database import ChatDb
from blueport.daemon.chatdb.thread import ChatDbError, ChatDbThread
from blueport.daemon.health import MacHealth
from blueport.daemon.journal import items, reading, restarts
from blueport.daemon.journal.file import Journal
from blueport.daemon.remedies import HANGING, NEVER_ANSWERED
from blueport.daemon.transports.base import HangingError, NotNowError, Transport
from blueport.failpoints import reached
from blueport.logs.lines import logger
from blueport.protocol.commands import Command

_log = logger(__name__)


async def is_all_read(journal: Journal, chat_db: ChatDbThread) -> bool:
    """Say whether all that is in chat.db now was taken in; while that cannot be said, it was not."""
    try:
        newest = await chat_db.ask(ChatDb.newest_rowid)
    except ChatDbError:
        return False
    looked = reading.position(journal)
    return looked is not None and looked.cursor >= newest


class Attending:
    """The care for Messages; one that is silent for *patience_s* longer than what it was given is started anew."""

    def __init__(
        self, journal: Journal, chat_db: ChatDbThread, transport: Transport, health: MacHealth, *, patience_s: float
    ) -> None:
        self._journal = journal
        self._chat_db = chat_db
        self._transport = transport
        self._health = health
        self._patience_ms = patience_s * 1000

    async def is_listening(self, command: Command) -> bool:
        """Find out whether Messages would answer if it were asked for *command*; if not, help it and say so aloud."""
        try:
            has_answered = await self._transport.require_answer(command)
        except HangingError:
            await self._help()
        except NotNowError as error:
            self._health.note("Messages", error.condition)
        else:
            if has_answered:
                restarts.note_answer(self._journal)
            return True
        return False

    async def _help(self) -> None:
        """Start Messages anew, if that is all that one can do."""
        if not restarts.has_answered(self._journal):
            self._health.note("Messages", NEVER_ANSWERED)
            return
        self._health.note("Messages", HANGING)
        if not restarts.is_due(self._journal, now_ms()) or not await self._is_nothing_under_way():
            return
        restarts.note(self._journal, now_ms())
        reached("daemon.restarting")
        _log.warning("messages_restarted")
        with suppress(NotNowError):  # the next question says so again
            await self._transport.restart()
        reached("daemon.restarted")

    async def _is_nothing_under_way(self) -> bool:
        """Say whether all that Messages never said it took has had its time, and what chat.db has was taken in."""
        if not await is_all_read(self._journal, self._chat_db):
            return False
        untaken = [item for item in items.unproven(self._journal) if item.taken_at is None]
        return all(now_ms() - (item.begun_at or 0) >= self._patience_ms for item in untaken)
