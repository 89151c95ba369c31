"""The thread on which chat.db is read, so that a lock there holds up nobody else, and what its errors mean."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from blueport.daemon.chatdb.database import ChatDb
from blueport.daemon.health import Condition
from blueport.daemon.remedies import chat_db_condition
from blueport.logs.lines import logger

# Longer than any question should take. Without an end, a daemon whose disk hangs would look well and hear nothing.
ANSWER_S = 30.0

_Answer = TypeVar("_Answer")

_log = logger(__name__)


class ChatDbError(Exception):
    """chat.db cannot be read for now; `condition` says why."""

    def __init__(self, condition: Condition) -> None:
        super().__init__(condition.hint)
        self.condition = condition


class ChatDbThread:
    """Asks the open chat.db on its thread."""

    def __init__(self, path: Path) -> None:
        self._chat_db = ChatDb(path)
        self._path = path
        self._known_fault: str | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chat.db")

    async def ask(self, question: Callable[[ChatDb], _Answer]) -> _Answer:
        """Return what *question* finds.

        Raises:
            ChatDbError: It cannot be read for now.
        """
        asked = asyncio.get_running_loop().run_in_executor(self._thread, self._ask, question)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asked
        except TimeoutError as error:
            self._chat_db.interrupt()  # so that the thread is free again, unless it waits for the disk itself
            hint = f"{self._path} has not answered for {ANSWER_S:.0f} s: look at this Mac's disk."
            raise ChatDbError(Condition("degraded", hint)) from error

    def close(self) -> None:
        """Let go of the file as soon as the question in progress is answered."""
        self._thread.submit(self._chat_db.close)
        self._thread.shutdown(wait=False)

    def _ask(self, question: Callable[[ChatDb], _Answer]) -> _Answer:
        try:
            return self._answer(question)
        except (sqlite3.Error, OSError) as error:
            self._chat_db.close()
            raise ChatDbError(chat_db_condition(self._path, error)) from error
        except Exception as error:
            # The fault is ours, and a person is to see that nothing is read; its trace once, however often we try.
            if self._known_fault != repr(error):
                self._known_fault = repr(error)
                _log.exception("chat_db_not_read")
            self._chat_db.close()
            hint = f"{self._path} cannot be read for a {type(error).__name__}, which the log shows in full."
            raise ChatDbError(Condition("degraded", hint)) from error

    def _answer(self, question: Callable[[ChatDb], _Answer]) -> _Answer:
        """Answer from columns that are there: Messages lays out its file anew, and adds to it with a new release."""
        answer = question(self._chat_db)
        if not self._chat_db.has_another_schema():
            return answer
        self._chat_db.close()
        raise sqlite3.OperationalError("its tables were changed meanwhile")
