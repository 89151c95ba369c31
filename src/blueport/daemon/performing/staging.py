"""Fetches the files of claimed items and lays them where Messages may read them.

Messages is sandboxed: of a file elsewhere it makes an empty bubble, and says that all went well. An item waits for its
file before its turn, and the later ones of its line with it; each line fetches by itself, so that nobody waits for
another line's file. The path is journalled before there is a file, and a file is taken for whole only once it is on
disk with its name: after a death in between it is fetched again, in the same place.
"""

import asyncio
import mimetypes
import os
import re
import shutil
import unicodedata
import uuid
from pathlib import Path, PurePosixPath

from blueport.clock import now_ms
from blueport.daemon.journal import items, staged
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.items import Item
from blueport.daemon.uplink import GoneError, RefusedError, UnansweredError, Uplink
from blueport.failpoints import reached
from blueport.logs.lines import logger, named
from blueport.whole_files import flush

FOLDER = "blueport"
LONGEST_NAME_BYTES = 200
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 30.0
# What is dropped may be offered again at once.
_GONE_PAUSE_S = 0.5
# About five minutes; then the server may offer the item to somebody else, or end it.
_TRIES = 15
_TIDYING_S = 3600
# What ends a name, separates it, or makes it look like another.
_UNFIT = re.compile("[/:\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_log = logger(__name__)


class _WrongSizeError(Exception):
    """What came is not the file that was announced."""


class Staging:
    """The fetching of files to beside one chat.db."""

    def __init__(self, journal: Journal, uplink: Uplink, chat_db: Path) -> None:
        self._journal = journal
        self._uplink = uplink
        self._folder = chat_db.parent / "Attachments" / FOLDER
        self._lines_at_work: set[str] = set()

    async def fetch_for_ever(self) -> None:
        """Fetch what is waited for, each line in its order."""
        self._lines_at_work.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                self._journal.fetches.clear()
                for item in items.waiting_for_files(self._journal):
                    if item.line not in self._lines_at_work:
                        self._lines_at_work.add(item.line)
                        group.create_task(self._fetch_for(item))
                await self._journal.fetches.wait()

    async def tidy_for_ever(self) -> None:
        """Delete the files of items that ended a day ago."""
        while True:
            for file in staged.no_longer_needed(self._journal, now_ms()):
                await asyncio.to_thread(shutil.rmtree, file.path.parent, ignore_errors=True)
                staged.forget(self._journal, file)
            await asyncio.sleep(_TIDYING_S)

    async def _fetch_for(self, item: Item) -> None:
        try:
            await self._fetch_until_over(item)
        finally:
            self._lines_at_work.discard(item.line)
            self._journal.fetches.set()

    async def _fetch_until_over(self, item: Item) -> None:
        """Fetch the file of *item*, as long as the item waits for it."""
        pause_s = _FIRST_PAUSE_S
        for _ in range(_TRIES):
            if not self._is_waited_for(item) or await self._is_over(item):
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        _log.warning("file_not_fetched", outbox_id=item.id)
        with self._journal.transaction():
            items.fail(self._journal, item, "file_not_fetched", permanent=False)

    def _is_waited_for(self, item: Item) -> bool:
        return any((one.id, one.token) == (item.id, item.token) for one in items.waiting_for_files(self._journal))

    async def _is_over(self, item: Item) -> bool:
        """Fetch the file once; False if that is to be tried again."""
        try:
            await self._stage(item)
        except GoneError:
            await asyncio.sleep(_GONE_PAUSE_S)
            items.drop_unbegun(self._journal, item)
        except RefusedError as refusal:
            with self._journal.transaction():
                items.fail(self._journal, item, str(refusal), permanent=True)
            self._journal.work.set()
        except UnansweredError:
            return False  # the uplink has said so
        except (OSError, _WrongSizeError) as error:
            _log.warning("file_not_staged", outbox_id=item.id, **named(error))
            return False
        return True

    async def _stage(self, item: Item) -> None:
        path = self._folder / str(uuid.uuid4()).upper() / safe_name(item)
        file = staged.place(self._journal, item, path)
        reached("daemon.placed")
        if not (file.is_whole and is_there(item, file.path)):
            await self._fetch(item, file.path)
        reached("daemon.fetched")
        staged.note_whole(self._journal, item)
        reached("daemon.staged")

    async def _fetch(self, item: Item, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123, ASYNC230 - a descriptor; what is slow about it is elsewhere
            await self._uplink.fetch(item.id, item.token, file.write)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        if not is_there(item, path):
            raise _WrongSizeError("it came with another size than was announced")
        await asyncio.to_thread(flush, path.parent)


def is_there(item: Item, path: Path) -> bool:
    """Say whether the file of *item* lies at *path*, all of it as far as its size was announced."""
    return path.is_file() and item.file is not None and item.file.size in (None, path.stat().st_size)


def safe_name(item: Item) -> str:
    """Return the name of the item's file, made fit for a disk and for Messages: with an extension, and not too long."""
    written = unicodedata.normalize("NFC", item.file.filename if item.file else "")
    name = PurePosixPath(_UNFIT.sub("", written).strip(". ") or "file")
    is_short = 0 < len(name.suffix.encode()) <= LONGEST_NAME_BYTES // 4
    stem, suffix = (name.stem, name.suffix) if is_short else (name.name, _suffix_of(item))
    room = LONGEST_NAME_BYTES - len(suffix.encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + suffix


def _suffix_of(item: Item) -> str:
    return mimetypes.guess_extension(item.file.mime_type) or "" if item.file else ""
