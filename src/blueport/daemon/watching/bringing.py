"""Brings the files of told messages to the server, each by itself: none waits for a large one, or for one that is bad.

A file is brought when two looks see the same and chat.db does not say that there should be more of it: Messages writes
large ones for a while. One that is not there may come within the day, and is looked for less and less often. Which
files are to be brought is in the journal; when to look again is not, so that a new process looks at once.
"""

import asyncio
import logging
from contextlib import closing, suppress
from typing import NamedTuple

from blueport.clock import now_ms
from blueport.daemon.journal import uploads
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.uploads import Upload
from blueport.daemon.uplink import GoneError, RefusedError, UnansweredError, Uplink
from blueport.daemon.watching.library import LARGEST_BYTES, FileLook, Library, opened
from blueport.failpoints import reached

AT_ONCE = 4
_PATIENCE_MS = 24 * 60 * 60 * 1000
_LOOK_AGAIN_MS = 200
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 250, 60_000
# A missing file is looked for again after a part of the time that it has been missing.
_SHARE_OF_AGE = 10
_LONGEST_LOOK_PAUSE_MS = 5 * 60 * 1000
# What chat.db says of a size is wrong, if nothing was written for so long.
_AT_REST_MS = 60_000

_log = logging.getLogger(__name__)
_Key = tuple[str, str]


class _Wait(NamedTuple):
    """When to look again (Unix ms), what was seen last, and how often it could not be brought."""

    until: float
    seen: FileLook | None = None
    failures: int = 0


class Bringing:
    """The way of files from this Mac to the server."""

    def __init__(self, journal: Journal, uplink: Uplink, library: Library) -> None:
        self._journal = journal
        self._uplink = uplink
        self._library = library
        self._waits: dict[_Key, _Wait] = {}
        self._at_work: set[_Key] = set()

    async def bring_for_ever(self) -> None:
        """Bring each file as soon as it is whole."""
        self._at_work.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                self._journal.uploads.clear()
                for upload in uploads.to_do(self._journal):
                    file = self._whole(upload) if self._is_due(upload) else None
                    if file is not None:
                        self._at_work.add(_key(upload))
                        group.create_task(self._bring(upload, file))
                await self._rest()

    def _is_due(self, upload: Upload) -> bool:
        key = _key(upload)
        is_free = key not in self._at_work and len(self._at_work) < AT_ONCE
        return is_free and self._waits.get(key, _Wait(0)).until <= now_ms()

    def _whole(self, upload: Upload) -> FileLook | None:
        """Return the file if it can be brought now; else see to it that it is looked at again, or given up."""
        before = self._waits.get(_key(upload), _Wait(0))
        file, moment = self._library.look(upload.path), now_ms()
        if file is not None and file.size > LARGEST_BYTES:
            self._end(upload)
        elif file is None or file.size == 0:
            self._look_later(upload, moment)
        elif file != before.seen or _is_growing(file, upload, moment):
            self._waits[_key(upload)] = _Wait(moment + _LOOK_AGAIN_MS, file, before.failures)
        else:
            return file
        return None

    def _look_later(self, upload: Upload, moment: int) -> None:
        age_ms = abs(moment - upload.since)
        if age_ms > _PATIENCE_MS:
            _log.info("A file of a message did not come within a day; it is not waited for.")
            self._end(upload)
        else:
            pause_ms = min(max(age_ms / _SHARE_OF_AGE, _LOOK_AGAIN_MS), _LONGEST_LOOK_PAUSE_MS)
            self._waits[_key(upload)] = _Wait(moment + pause_ms)

    async def _bring(self, upload: Upload, file: FileLook) -> None:
        try:
            await self._send(upload, file)
        except RefusedError as refusal:
            _log.error("The server does not take a file of a message (%s).", refusal)
            self._end(upload)
        except UnansweredError:
            self._try_later(upload, file)
        except (GoneError, OSError):
            # Not told yet, or not to be read: as if it were missing, only sooner.
            self._try_later(upload, file)
            if abs(now_ms() - upload.since) > _PATIENCE_MS:
                self._end(upload)
        else:
            reached("daemon.brought")
            self._end(upload)
        finally:
            self._at_work.discard(_key(upload))
            self._journal.uploads.set()

    async def _send(self, upload: Upload, file: FileLook) -> None:
        of = {"line": upload.line, "message": upload.message_guid, "attachment": upload.attachment_guid}
        with closing(opened(file)) as content:
            await self._uplink.bring(of, content, mime_type=upload.mime_type, size=file.size)

    def _try_later(self, upload: Upload, file: FileLook) -> None:
        failures = self._waits.get(_key(upload), _Wait(0)).failures
        pause_ms = min(_FIRST_PAUSE_MS * 2**failures, _LONGEST_PAUSE_MS)
        self._waits[_key(upload)] = _Wait(now_ms() + pause_ms, file, min(failures + 1, 10))

    def _end(self, upload: Upload) -> None:
        uploads.end(self._journal, upload)
        self._waits.pop(_key(upload), None)

    async def _rest(self) -> None:
        """Wait until something is to be brought, or looked at again."""
        due_at = min((wait.until for key, wait in self._waits.items() if key not in self._at_work), default=None)
        pause_s = None if due_at is None or len(self._at_work) == AT_ONCE else max(due_at - now_ms(), 0) / 1000
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._journal.uploads.wait()


def _key(upload: Upload) -> _Key:
    return upload.message_guid, upload.attachment_guid


def _is_growing(file: FileLook, upload: Upload, moment: int) -> bool:
    is_at_rest = abs(moment - file.written_ns // 1_000_000) > _AT_REST_MS
    return upload.total_bytes not in (0, file.size) and not is_at_rest
