"""Keeps bytes in a folder or in a bucket.

What comes in goes to a draft on this machine's disk first: counted, hashed, and flushed. Only what came whole is given
its place, under a random name, so that no half of a file is ever seen there. A draft that its writer left behind is
swept later; so are files that no row tells of.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from blueport.server.blobs import kinds, transcoding
from blueport.server.errors import ApiError, MisconfiguredError, StoreUnavailableError
from blueport.server.settings import Settings
from blueport.whole_files import flush

GATHERED_BYTES = 1024 * 1024
READ_BYTES = 256 * 1024
# Left free on the disk: the database is likely there too, and a file that is refused is the smaller loss.
RESERVED_BYTES = 256 * 1024 * 1024
# Parts of a large file on its way to a bucket; two of them are in memory.
PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 2
TRANSCODINGS_AT_ONCE = 2
# As many keys as one statement may ask for.
LISTED_AT_ONCE = 500
_VOICE = ".voice"
_DRAFTS = "drafts/"
_KEY = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{38}")
_DRAFT = re.compile(r"[0-9a-f]{32}")


class Kept(msgspec.Struct, frozen=True):
    """Bytes that are on the disk: where, how many, their SHA-256 in hex, and what their first ones look like."""

    storage_key: str
    size: int
    sha256: str
    sniffed: str
    shown_as: str | None


class Stored(NamedTuple):
    """Where bytes are, and how many."""

    storage_key: str
    size: int


class Blobs:
    """One folder or bucket."""

    def __init__(self, store: ObjectStore, drafts: Path, folder: Path | None) -> None:
        """Keep files in *store*, which is *folder* unless that is None, and drafts in *drafts* on the same disk."""
        self._store = store
        self._drafts = drafts
        self._folder = folder
        self._transcodings = asyncio.Semaphore(TRANSCODINGS_AT_ONCE)

    async def keep(self, parts: AsyncIterator[bytes], *, limit: int) -> Kept:
        """Store what *parts* brings, up to *limit* bytes.

        Raises:
            ApiError: `empty_file` or `file_too_large`.
            StoreUnavailableError: It could not be written.
        """
        with _trouble(), self._draft() as path:
            draft = await _written(path, parts, limit)
            kept = await asyncio.to_thread(draft.kept, _new_key())
            await self._place(path, kept.storage_key)
            return kept

    async def opened(self, storage_key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Return the bytes from *start* up to *end*, in parts.

        Raises:
            StoreUnavailableError: They could not be read.
        """
        with _trouble():
            got = await obstore.get_async(self._store, storage_key, options={"range": (start, end)})
            return aiter(got.stream(READ_BYTES))

    async def drop(self, storage_key: str) -> None:
        """Remove bytes of which no row tells.

        Raises:
            StoreUnavailableError: They could not be removed.
        """
        for key in (storage_key, storage_key + _VOICE):
            with _trouble(), contextlib.suppress(FileNotFoundError):
                await obstore.delete_async(self._store, key)

    async def voice(self, original: Stored) -> Stored:
        """Return the voice message that was made of *original*, made now if it is the first time.

        Raises:
            ApiError: `audio_not_readable`.
            StoreUnavailableError: It could not be read or written.
        """
        key = original.storage_key + _VOICE
        with _trouble():
            try:
                return Stored(key, (await obstore.head_async(self._store, key))["size"])
            except FileNotFoundError:
                return Stored(key, await self._make_voice(original, key))

    async def sweep_drafts(self, before_ms: int) -> None:
        """Remove drafts that nobody has written to since *before_ms* (Unix milliseconds)."""
        with _trouble():
            await asyncio.to_thread(_sweep, self._drafts, before_ms)

    async def listed(self, before_ms: int) -> AsyncIterator[list[str]]:
        """Return the storage keys of originals that are older than *before_ms* (Unix milliseconds), some at a time.

        Whatever else is there is none of ours: somebody may have named a folder that he keeps other things in.
        """
        with _trouble():
            async for batch in obstore.list(self._store, chunk_size=LISTED_AT_ONCE):
                old = [str(each["path"]) for each in batch if each["last_modified"].timestamp() * 1000 < before_ms]
                yield [key for key in old if _KEY.fullmatch(key)]

    @contextlib.contextmanager
    def _draft(self) -> Iterator[Path]:
        path = self._drafts / secrets.token_hex(16)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def _place(self, draft: Path, key: str) -> None:
        if self._folder is not None:
            await asyncio.to_thread(_move, draft, self._folder, key)
        else:
            await obstore.put_async(self._store, key, draft, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)

    async def _make_voice(self, original: Stored, key: str) -> int:
        async with self._transcodings:
            with self._draft() as source, self._draft() as target:
                await _written(source, await self.opened(original.storage_key, 0, original.size), original.size)
                await asyncio.to_thread(transcoding.transcode, source, target)
                size = target.stat().st_size
                await self._place(target, key)
                return size


class _Draft:
    """What was written to a file so far."""

    def __init__(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256()
        self._head = b""

    def add(self, file: int, part: bytes) -> None:
        if shutil.disk_usage(file).free < RESERVED_BYTES + len(part):
            raise OSError(errno.ENOSPC, f"less than {RESERVED_BYTES} bytes are free")
        self._head = self._head or part[: kinds.HEAD_BYTES]
        self.size += len(part)
        self._digest.update(part)
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(file, rest) :]

    def kept(self, key: str) -> Kept:
        sniffed, shown_as = kinds.sniffed(self._head), kinds.shown_as(self._head)
        return Kept(key, self.size, self._digest.hexdigest(), sniffed, shown_as)


def blobs_of(settings: Settings) -> Blobs:
    """Open the folder or the bucket that the settings name.

    Raises:
        MisconfiguredError: They name none.
    """
    if "://" in settings.files:
        return _in_bucket(settings)
    folder = Path(settings.files).expanduser() if settings.files else settings.folder / "files"
    drafts = _drafts_in(folder)
    return Blobs(LocalStore(folder), drafts, folder)


def _in_bucket(settings: Settings) -> Blobs:
    place = urlsplit(settings.files)
    if place.scheme != "s3" or not place.netloc:
        raise MisconfiguredError("`files` takes a folder, or `s3://bucket/prefix`")
    given = {
        "endpoint": settings.s3_endpoint,
        "region": settings.s3_region,
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": settings.s3_secret_access_key,
    }
    is_plain = (settings.s3_endpoint or "").startswith("http://")
    try:
        store = S3Store(
            place.netloc,
            prefix=place.path.strip("/") or None,
            client_options={"allow_http": is_plain, "timeout": "300s"},
            # Callers wait for an answer.
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
            **{name: value for name, value in given.items() if value},  # type: ignore[arg-type]  # each is of S3Config
        )
    except BaseError as error:
        raise MisconfiguredError(f"`files`: no bucket can be reached by that ({type(error).__name__})") from error
    return Blobs(store, _drafts_in(settings.folder), None)


def _drafts_in(folder: Path) -> Path:
    """Make the folder of drafts, and what is above it, for its owner alone."""
    drafts = folder / _DRAFTS
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        drafts.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise MisconfiguredError(f"`files`: {error}") from error
    return drafts


@contextlib.contextmanager
def _trouble() -> Iterator[None]:
    """Tell of a disk or a bucket that fails as of a store that does: nothing was done."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise StoreUnavailableError(f"files: {error}") from error


async def _written(path: Path, parts: AsyncIterator[bytes], limit: int) -> _Draft:
    """Write *parts* to *path*, and flush them to the disk."""
    draft = _Draft()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        async for gathered in _gathered(parts, limit):
            await _in_thread(asyncio.to_thread(draft.add, file, gathered))
        if draft.size == 0:
            raise ApiError("empty_file", "The file is empty.")
        await _in_thread(asyncio.to_thread(os.fsync, file))
    finally:
        os.close(file)
    return draft


async def _gathered(parts: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Join small parts: a change of threads costs more than to write one."""
    waiting: list[bytes] = []
    size = total = 0
    async for part in parts:
        total += len(part)
        if total > limit:
            raise too_large(limit)
        waiting.append(part)
        size += len(part)
        if size >= GATHERED_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


async def _in_thread(work: Awaitable[None]) -> None:
    """Wait for a thread, even if we are cancelled: it has our file."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def too_large(limit: int) -> ApiError:
    """Return the refusal of a file of more than *limit* bytes."""
    return ApiError("file_too_large", f"A file may have at most {limit // (1024 * 1024)} MB ({limit} bytes).")


def _new_key() -> str:
    """Return a place that nobody can guess, in one of 256 folders."""
    name = secrets.token_hex(20)
    return f"{name[:2]}/{name}"


def _move(draft: Path, folder: Path, key: str) -> None:
    """Give a draft its place, so that it is there after a loss of power too."""
    place = folder / key
    place.parent.mkdir(exist_ok=True, mode=0o700)
    flush(draft)
    draft.replace(place)
    try:
        flush(place.parent)
        flush(folder)
    except OSError:
        place.unlink(missing_ok=True)
        raise


def _sweep(drafts: Path, before_ms: int) -> None:
    for path in drafts.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if _DRAFT.fullmatch(path.name) and path.stat().st_mtime * 1000 < before_ms:
                path.unlink()
