"""The reading of chat.db: how fast a cold one is read and classified, how soon a change is noticed, what quiet costs.

The file has all kinds of rows mixed, and is not in memory when the reading begins. Beside ours the same is done by
`imessage-chatdb`, a library of the same trade, where there is a Python that it runs on.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing, suppress
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks import servers
from benchmarks.measuring import Bench, Figure, Probe, SkippedError, percentile
from blueport.daemon.chatdb.thread import ChatDbThread
from blueport.daemon.health import MacHealth
from blueport.daemon.journal.file import Journal, opened_journal
from blueport.daemon.settings import Settings
from blueport.daemon.watching.library import Library as Files
from blueport.daemon.watching.reader import Reader
from blueport.daemon.watching.stirring import stir_for_ever
from blueport.simulator.chatdb import ChatDb
from blueport.simulator.settings import chat_db_path
from tests.daemon.fake_door import TOKEN, FakeDoor
from tests.daemon.mixed_library import LINE, Library
from tests.daemon.waiting import until

OURS = "cold chat.db, rows read and classified"
THEIRS = "imessage-chatdb 0.2.0, messages_after"
FLAT = "cold chat.db, memory at the end of it"
FIRST = "cold chat.db, memory after a tenth of it"
WATCHED, POLLED = "commit in chat.db -> in the journal, watching", "commit in chat.db -> in the journal, polling alone"
QUIET = "CPU of a quiet daemon, in a second"
_THEIR_PACKAGE = "imessage-chatdb==0.2.0"
_PERSON = "+15550100001"
_APART_S = 0.1
_NANOSECONDS_IN_MS = 1_000_000


def cold(bench: Bench) -> Sequence[Probe]:
    """Read the file anew each round."""
    path = _library(bench)
    return [partial(_ours, path)]


def theirs(bench: Bench) -> Sequence[Probe]:
    """Have it read by a Python of its own, where peers are wanted."""
    if not bench.options.with_peers:
        return []
    python = next(filter(_is_new_enough, ("python3.14", "python3.13", "python3.12", "python3")), None)
    if python is None:
        raise SkippedError("imessage-chatdb needs Python 3.12 or newer, and there is none here")
    folder = bench.folder / "imessage-chatdb"
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), _THEIR_PACKAGE]
    if subprocess.run(install, check=False).returncode:
        raise SkippedError("imessage-chatdb cannot be installed here")
    path = _library(bench)
    script = str(Path(__file__).with_name("reading_theirs.py"))
    command = ["env", f"PYTHONPATH={folder}", python, script, str(path)]
    return [lambda: [Figure(THEIRS, float(_said(path, command)[0]), "1/s")]]


def noticing(bench: Bench) -> Sequence[Probe]:
    """Commit rows one after the other, with somebody who watches the folder, and without."""
    number = count()
    watching = partial(_noticed, bench, WATCHED, number, samples=bench.options.texts, is_watching=True)
    polling = partial(_noticed, bench, POLLED, number, samples=max(2, bench.options.texts // 10), is_watching=False)
    return [lambda: asyncio.run(watching()), lambda: asyncio.run(polling())]


def quiet(bench: Bench) -> Sequence[Probe]:
    """Let a daemon have nothing to do."""
    return [lambda: asyncio.run(_quiet(bench))]


def _library(bench: Bench) -> Path:
    """Return the file, written if it is not there."""
    path = chat_db_path(bench.folder / "library")
    if not path.exists():
        library = Library(path, is_utf8=True)  # one text that is not ends their reading
        for _ in library.fill(bench.options.library_rows):
            pass
        library.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def _is_new_enough(python: str) -> bool:
    asked = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 12))"]
    return shutil.which(python) is not None and not subprocess.run(asked, check=False, capture_output=True).returncode


def _ours(path: Path) -> list[Figure]:
    rows_a_second, first_mib, last_mib = map(
        float, _said(path, [sys.executable, "-m", "benchmarks.reading_cold", str(path)])
    )
    return [
        Figure(OURS, rows_a_second, "1/s", THEIRS),
        Figure(FLAT, last_mib, "MiB", FIRST),
        Figure(FIRST, first_mib, "MiB"),
    ]


def _said(path: Path, command: list[str]) -> list[str]:
    """Run *command* on a file that is on the disk alone, and return its words."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    return subprocess.run(command, cwd=servers.ROOT, check=True, capture_output=True, text=True).stdout.split()


async def _noticed(bench: Bench, name: str, number: Iterator[int], *, samples: int, is_watching: bool) -> list[Figure]:
    folder = bench.folder / f"noticing {next(number)}"
    path = chat_db_path(folder)
    settings = Settings(server_url="http://127.0.0.1", token=TOKEN, lines=(LINE,), chat_db=path)
    with (
        closing(ChatDb(path, line=LINE)) as db,
        opened_journal(folder / "daemon.db") as journal,
        closing(ChatDbThread(path)) as thread,
    ):
        reader = Reader(journal, thread, Files(path), MacHealth(), settings)
        tasks = [asyncio.create_task(reader.read_for_ever())]
        if is_watching:
            tasks.append(asyncio.create_task(stir_for_ever(path, reader.stirred)))
        await asyncio.sleep(1)  # until somebody watches
        took_ms = [await _noticing(db, journal, sample) for sample in range(samples)]
        await _cancelled(tasks)
    ordered = sorted(took_ms)
    return [Figure(f"{name}: {of}", percentile(ordered, share), "ms") for of, share in (("p50", 0.5), ("p99", 0.99))]


async def _noticing(db: ChatDb, journal: Journal, sample: int) -> float:
    """Commit a text, and return how long it took to get into the journal (ms)."""
    await asyncio.sleep(_APART_S)
    journal.news.clear()
    db.add_message(f"text {sample}", sender=_PERSON)
    committed_at = time.perf_counter()
    await journal.news.wait()
    return (time.perf_counter() - committed_at) * 1000


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _quiet(bench: Bench) -> list[Figure]:
    folder = bench.folder / "quiet"
    path = chat_db_path(folder)
    door = FakeDoor()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(door.open())
        stack.enter_context(closing(ChatDb(path, line=LINE)))
        given = {"SERVER_URL": door.url, "TOKEN": TOKEN, "LINES": LINE, "CHAT_DB": str(path)}
        environment = servers.without_settings() | {f"BLUEPORT_DAEMON_{name}": value for name, value in given.items()}
        command = [sys.executable, "-m", "blueport.cli.main", "daemon"]
        pid = stack.enter_context(servers.process(command, environment=environment, folder=folder))
        await until(lambda: bool(door.hellos))
        await asyncio.sleep(2)  # what a beginning costs is over
        before, began_at = _cpu_ms(pid), time.perf_counter()
        await asyncio.sleep(bench.options.seconds * 4)
        return [Figure(QUIET, (_cpu_ms(pid) - before) / (time.perf_counter() - began_at), "ms")]


def _cpu_ms(pid: int) -> float:
    """Return the time that all threads of a process have had a core."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / _NANOSECONDS_IN_MS
