"""Where the bytes of files are kept: in a folder and in a bucket, the same in all that callers see."""

import asyncio
import hashlib
import os
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from blueport.clock import now_ms
from blueport.server.blobs import storage
from blueport.server.blobs.storage import Blobs, Kept, blobs_of
from blueport.server.errors import ApiError, MisconfiguredError, StoreUnavailableError
from blueport.server.settings import Settings
from tests.databases import Database
from tests.server.world import Clock, World

MIB = 1024 * 1024
LIMIT = 200 * MIB


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Run a server that speaks S3; return its URL."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Bucket:
    """A bucket as its owner sees it."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.name = name
        self.endpoint = endpoint
        self.client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="id",
            aws_secret_access_key="secret",
        )
        self.client.create_bucket(Bucket=name)

    def settings(self, folder: Path) -> Settings:
        return Settings(
            database=str(folder / "blueport.db"),
            files=f"s3://{self.name}/some/prefix",
            s3_endpoint=self.endpoint,
            s3_region="us-east-1",
            s3_access_key_id="id",
            s3_secret_access_key="secret",
        )

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=self.name).get("Contents", [])]

    def unfinished(self) -> list[str]:
        uploads = self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
        return [each["Key"] for each in uploads]


@pytest.fixture
def bucket(s3: str, tmp_path: Path) -> Bucket:
    return Bucket(s3, tmp_path.name.replace("_", "-").lower()[:60])


@pytest.fixture(params=["folder", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return blobs_of(Settings(database=str(tmp_path / "blueport.db")))
    bucket: Bucket = request.getfixturevalue("bucket")
    return blobs_of(bucket.settings(tmp_path))


async def parts(*given: bytes) -> AsyncIterator[bytes]:
    for part in given:
        yield part


async def read(blobs: Blobs, key: str, start: int, end: int) -> bytes:
    return b"".join([part async for part in await blobs.opened(key, start, end)])


async def much() -> AsyncIterator[bytes]:
    """Bring 100 MiB, as a socket would."""
    for number in range(100 * 16):
        yield bytes([number % 251]) * (64 * 1024)


async def digest(blobs: Blobs, kept: Kept) -> str:
    digest = hashlib.sha256()
    async for part in await blobs.opened(kept.storage_key, 0, kept.size):
        digest.update(part)
    return digest.hexdigest()


async def listed(blobs: Blobs, before_ms: int) -> list[str]:
    return [key async for keys in blobs.listed(before_ms) for key in keys]


def drafts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("drafts/*") if path.is_file()]


class TestKeeping:
    async def test_what_is_kept_is_read_again_whole_and_in_part(self, blobs: Blobs, tmp_path: Path) -> None:
        kept = await blobs.keep(parts(b"abc", b"", b"defg"), limit=LIMIT)

        assert (kept.size, kept.sha256) == (7, hashlib.sha256(b"abcdefg").hexdigest())
        assert await read(blobs, kept.storage_key, 0, 7) == b"abcdefg"
        assert await read(blobs, kept.storage_key, 2, 5) == b"cde"
        assert drafts(tmp_path) == []

    async def test_a_large_one_comes_through_whole(self, blobs: Blobs) -> None:
        kept = await blobs.keep(much(), limit=LIMIT)

        assert (kept.size, await digest(blobs, kept)) == (100 * MIB, kept.sha256)

    async def test_equal_bytes_are_kept_apart(self, blobs: Blobs) -> None:
        first, second = [await blobs.keep(parts(b"same"), limit=LIMIT) for _ in range(2)]

        await blobs.drop(first.storage_key)

        assert await read(blobs, second.storage_key, 0, 4) == b"same"

    async def test_what_was_dropped_is_gone_and_may_be_dropped_again(self, blobs: Blobs) -> None:
        kept = await blobs.keep(parts(b"x"), limit=LIMIT)

        await blobs.drop(kept.storage_key)
        await blobs.drop(kept.storage_key)

        with pytest.raises(StoreUnavailableError):
            await blobs.opened(kept.storage_key, 0, 1)


class TestRefusing:
    async def test_too_much_is_refused_as_soon_as_it_is_seen(self, blobs: Blobs, tmp_path: Path) -> None:
        # att-21
        read_on: list[str] = []

        async def too_much() -> AsyncIterator[bytes]:
            yield b"x" * 10
            yield b"x"
            read_on.append("one more")
            yield b"x"

        with pytest.raises(ApiError) as refused:
            await blobs.keep(too_much(), limit=10)

        assert (refused.value.code, read_on) == ("file_too_large", [])
        assert drafts(tmp_path) == []
        assert await listed(blobs, now_ms() + 1000) == []

    async def test_one_that_breaks_off_leaves_nothing(self, blobs: Blobs, tmp_path: Path) -> None:
        # srv-118
        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * (20 * MIB)
            raise EOFError

        with pytest.raises(EOFError):
            await blobs.keep(broken(), limit=LIMIT)

        assert drafts(tmp_path) == []
        assert await listed(blobs, now_ms() + 1000) == []

    async def test_one_that_is_cancelled_leaves_nothing(self, blobs: Blobs, tmp_path: Path) -> None:
        has_begun = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield b"x" * (2 * MIB)
            has_begun.set()
            await asyncio.Event().wait()

        keeping = asyncio.create_task(blobs.keep(endless(), limit=LIMIT))
        await has_begun.wait()
        assert len(drafts(tmp_path)) == 1
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

        assert drafts(tmp_path) == []
        assert await listed(blobs, now_ms() + 1000) == []

    async def test_nothing_is_no_file(self, blobs: Blobs, tmp_path: Path) -> None:
        with pytest.raises(ApiError) as refused:
            await blobs.keep(parts(b"", b""), limit=LIMIT)

        assert refused.value.code == "empty_file"
        assert drafts(tmp_path) == []


class TestInAFolder:
    async def test_a_large_one_passes_through_little_memory(self, tmp_path: Path) -> None:
        blobs = blobs_of(Settings(database=str(tmp_path / "blueport.db")))
        tracemalloc.start()

        await digest(blobs, await blobs.keep(much(), limit=LIMIT))

        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 16 * MIB

    async def test_it_is_its_owners_alone_and_spread_over_folders(self, tmp_path: Path) -> None:
        blobs = blobs_of(Settings(database=str(tmp_path / "blueport.db")))

        keys = [(await blobs.keep(parts(b"x"), limit=LIMIT)).storage_key for _ in range(20)]

        paths = [tmp_path / "files" / key for key in keys]
        assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
        assert all(path.parent.stat().st_mode & 0o077 == 0 for path in paths)
        assert len({path.parent for path in paths}) > 5

    def test_one_that_cannot_be_made_stops_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "taken").write_bytes(b"")

        with pytest.raises(MisconfiguredError):
            blobs_of(Settings(database=str(tmp_path / "blueport.db"), files=str(tmp_path / "taken")))

    async def test_another_may_be_named(self, tmp_path: Path) -> None:
        blobs = blobs_of(Settings(database=str(tmp_path / "blueport.db"), files=str(tmp_path / "a/b")))

        kept = await blobs.keep(parts(b"x"), limit=LIMIT)

        assert (tmp_path / "a/b" / kept.storage_key).read_bytes() == b"x"

    @pytest.mark.parametrize("wrong", ["ftp://host/x", "s3://", "https://bucket.example.com"])
    def test_what_is_none_stops_the_start(self, tmp_path: Path, wrong: str) -> None:
        with pytest.raises(MisconfiguredError):
            blobs_of(Settings(database=str(tmp_path / "blueport.db"), files=wrong))


class TestInABucket:
    async def test_it_lies_under_the_prefix(self, bucket: Bucket, tmp_path: Path) -> None:
        blobs = blobs_of(bucket.settings(tmp_path))

        kept = await blobs.keep(parts(b"x"), limit=LIMIT)

        assert bucket.keys() == [f"some/prefix/{kept.storage_key}"]

    async def test_nothing_reaches_it_before_all_is_here(self, bucket: Bucket, tmp_path: Path) -> None:
        # srv-118
        blobs = blobs_of(bucket.settings(tmp_path))

        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * (30 * MIB)
            raise EOFError

        with pytest.raises(EOFError):
            await blobs.keep(broken(), limit=LIMIT)

        assert (bucket.keys(), bucket.unfinished()) == ([], [])

    async def test_one_that_is_not_there_is_trouble(self, s3: str, tmp_path: Path) -> None:
        settings = Settings(
            database=str(tmp_path / "blueport.db"),
            files="s3://nobodys-bucket",
            s3_endpoint=s3,
            s3_access_key_id="id",
            s3_secret_access_key="secret",
        )

        with pytest.raises(StoreUnavailableError):
            await blobs_of(settings).keep(parts(b"x"), limit=LIMIT)

        assert drafts(tmp_path) == []

    def test_a_server_works_on_one(
        self, bucket: Bucket, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)  # with PostgreSQL, drafts are where the server was started
        given = bucket.settings(database.folder)
        names = ("files", "s3_endpoint", "s3_region", "s3_access_key_id", "s3_secret_access_key")
        with World(database, Clock(), **{name: getattr(given, name) for name in names}).open() as world:
            alice = world.customer("Alice", "+15550101000")
            file = alice.uploads(b"x" * (20 * MIB))

            answer = world.client.get(file["url"].removeprefix("http://testserver"), headers={"Range": "bytes=-5"})

        assert (answer.status_code, answer.content) == (206, b"xxxxx")


class TestSweeping:
    def test_what_was_left_behind_is_removed_and_nothing_else(self, world: World) -> None:
        alice = world.customer("Alice", "+15550101000")
        file = alice.uploads(b"told of")
        folder = world.database.folder / "files"
        (told_of,) = folder.glob("??/*")
        untold = told_of.with_name(told_of.name[:-4] + "beef")
        untold.write_bytes(b"its process died")
        fresh = told_of.with_name(told_of.name[:-4] + "cafe")
        fresh.write_bytes(b"to be told of at once")
        abandoned, underway = (folder / "drafts" / (digit * 32) for digit in "ab")
        for path in (abandoned, underway):
            path.write_bytes(b"half")
        for path in (abandoned, untold, told_of):
            os.utime(path, (0, 0))

        world.client.portal.call(world.server.housekeeper.sweep_files)

        assert {path for path in folder.rglob("*") if path.is_file()} == {told_of, fresh, underway}
        assert world.client.get(file["url"].removeprefix("http://testserver")).content == b"told of"

    def test_what_somebody_else_keeps_there_is_left_alone(self, world: World) -> None:
        folder = world.database.folder / "files"
        hexes = "a" * 40
        own = [
            folder / name
            for name in ("thesis.pdf", "aa/notes", f"b/{hexes}", f"ab/{hexes}", f"aa/{hexes}.txt", "drafts/novel")
        ]
        for path in own:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"years of work")
            os.utime(path, (0, 0))

        world.client.portal.call(world.server.housekeeper.sweep_files)

        assert [path.read_bytes() for path in own] == [b"years of work"] * 6

    def test_many_are_asked_for_in_turns(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(storage, "LISTED_AT_ONCE", 2)
        alice = world.customer("Alice", "+15550101000")
        for _ in range(5):
            alice.uploads()
        kept = list((world.database.folder / "files").glob("??/*"))
        for path in kept:
            os.utime(path, (0, 0))

        world.client.portal.call(world.server.housekeeper.sweep_files)

        assert all(path.exists() for path in kept)

    async def test_a_bucket_can_be_listed(self, blobs: Blobs) -> None:
        kept = await blobs.keep(parts(b"x"), limit=LIMIT)

        assert await listed(blobs, now_ms() + 5000) == [kept.storage_key]
        assert await listed(blobs, now_ms() - 60_000) == []
