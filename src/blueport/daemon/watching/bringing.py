"""Brings the files of told messages to the server, each by itself: none waits for a large one, or for one that is bad.

A file is brought when two looks see the same and chat.db does not say that there should be more of it: Messages writes
large ones for a while. One that is not there may come within the day, and is looked for less and less often. Which
files are to be brought is in the journal; when to look again is not, so that a new process looks at once. That goes by
a clock that nobody sets.
"""

import asyncio
from contextlib import closing, suppress
from typing import NamedTuple

from blueport.clock import now_ms
from blueport.daemon.journal import uploads
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.uploads import Upload
from blueport.daemon.uplink import GoneError, RefusedError, UnansweredError, Uplink
from blueport.daemon.watching.library import LARGEST_BYTES, FileLook, Library, opened
from blueport.failpoints import reached
from blueport.logs.lines import logger

AT_ONCE = 4
# So many are looked at together.
_IN_VIEW = 64
_PATIENCE_S = 24 * 60 * 60
_LOOK_AGAIN_S = 0.2
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 60.0
# A missing file is looked for again after a part of the time that it has been missing.
_SHARE_OF_AGE = 10
_LONGEST_LOOK_PAUSE_S = 5 * 60
# What chat.db says of a size is wrong, if nothing was written for so long.
_AT_REST_MS = 60_000

_log = logger(__name__)
_Key = tuple[str, str]


class _Wait(NamedTuple):
    """When to look again (seconds of the loop), what was seen last, and how often it could not be brought."""

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
        self._began_s = 0.0

    async def bring_for_ever(self) -> None:
        """Bring each file as soon as it is whole."""
        self._at_work.clear()
        self._began_s = _now_s()
        async with asyncio.TaskGroup() as group:
            while True:
                self._journal.uploads.clear()
                to_do = self._to_do()
                for upload in to_do:
                    file = self._whole(upload) if self._is_due(upload) else None
                    if file is not None:
                        self._at_work.add(_key(upload))
                        group.create_task(self._bring(upload, file))
                await self._rest(are_there_more=len(to_do) == _IN_VIEW)

    def _to_do(self) -> list[Upload]:
        """Return the next to be looked at, of which there may be thousands; those that are waited for are let wait."""
        now_s = _now_s()
        waited_for = {key for key, wait in self._waits.items() if wait.until > now_s}
        to_do = uploads.to_do(self._journal, _IN_VIEW, but=waited_for | self._at_work)
        # Some may have been called off, or are behind those that are in view: they are begun with anew.
        keys = {_key(upload) for upload in to_do} | waited_for | self._at_work
        self._waits = {key: wait for key, wait in self._waits.items() if key in keys}
        return to_do

    def _is_due(self, upload: Upload) -> bool:
        key = _key(upload)
        is_free = key not in self._at_work and len(self._at_work) < AT_ONCE
        return is_free and self._waits.get(key, _Wait(0)).until <= _now_s()

    def _whole(self, upload: Upload) -> FileLook | None:
        """Return the file if it can be brought now; else see to it that it is looked at again, or given up."""
        before = self._waits.get(_key(upload), _Wait(0))
        file = self._library.look(upload.path)
        if file is not None and file.size > LARGEST_BYTES:
            self._end(upload)
        elif file is None or file.size == 0:
            self._look_later(upload)
        elif file != before.seen or _is_growing(file, upload):
            self._waits[_key(upload)] = _Wait(_now_s() + _LOOK_AGAIN_S, file, before.failures)
        else:
            return file
        return None

    def _look_later(self, upload: Upload) -> None:
        age_s = self._age_s(upload)
        if age_s > _PATIENCE_S:
            _log.info("file_not_waited_for")
            self._end(upload)
        else:
            pause_s = min(max(age_s / _SHARE_OF_AGE, _LOOK_AGAIN_S), _LONGEST_LOOK_PAUSE_S)
            self._waits[_key(upload)] = _Wait(_now_s() + pause_s)

    def _age_s(self, upload: Upload) -> float:
        """Return for how long a file is waited for; if the clock was set back meanwhile, since we began."""
        age_ms = now_ms() - upload.since
        return age_ms / 1000 if age_ms >= 0 else _now_s() - self._began_s

    async def _bring(self, upload: Upload, file: FileLook) -> None:
        try:
            await self._send(upload, file)
        except RefusedError as refusal:
            _log.error("file_refused", status=refusal.status, error_code=refusal.code)
            self._end(upload)
        except UnansweredError:
            self._try_later(upload, file)
        except (GoneError, OSError):
            # Not told yet, or not to be read: as if it were missing, only sooner.
            self._try_later(upload, file)
            if self._age_s(upload) > _PATIENCE_S:
                self._end(upload)
        else:
            reached("daemon.brought")
            self._end(upload)
        finally:
            self._at_work.discard(_key(upload))
            self._journal.uploads.set()

    async def _send(self, upload: Upload, file: FileLook) -> None:
        of = {"line": upload.line, "message": upload.message_guid, "attachment": upload.attachment_guid}
        reached("daemon.bringing")
        with closing(opened(file)) as content:
            await self._uplink.bring(of, content, mime_type=upload.mime_type, size=file.size)

    def _try_later(self, upload: Upload, file: FileLook) -> None:
        failures = self._waits.get(_key(upload), _Wait(0)).failures
        pause_s = min(_FIRST_PAUSE_S * 2**failures, _LONGEST_PAUSE_S)
        self._waits[_key(upload)] = _Wait(_now_s() + pause_s, file, min(failures + 1, 10))

    def _end(self, upload: Upload) -> None:
        uploads.end(self._journal, upload)
        self._waits.pop(_key(upload), None)

    async def _rest(self, *, are_there_more: bool) -> None:
        """Wait until something is to be brought, or looked at again; if there are more, only let others have a turn."""
        if are_there_more and len(self._at_work) < AT_ONCE:
            await asyncio.sleep(0)
            return
        due_at = min((wait.until for key, wait in self._waits.items() if key not in self._at_work), default=None)
        pause_s = None if due_at is None or len(self._at_work) == AT_ONCE else max(due_at - _now_s(), 0)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._journal.uploads.wait()


def _key(upload: Upload) -> _Key:
    return upload.message_guid, upload.attachment_guid


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _is_growing(file: FileLook, upload: Upload) -> bool:
    is_at_rest = abs(now_ms() - file.written_ns // 1_000_000) > _AT_REST_MS
    return upload.total_bytes not in (0, file.size) and not is_at_rest
