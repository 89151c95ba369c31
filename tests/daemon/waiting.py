"""People, a daemon at work, and the patience to wait for what it does."""

import asyncio
import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from blueport.daemon.run import run
from blueport.daemon.settings import Settings
from tests.daemon.fake_door import FakeDoor
from tests.patience import PATIENCE_S

LINE = "+15550100000"
ADA = "+15550100001"
BO = "bo@example.com"
CY = "+15550100003"


@asynccontextmanager
async def working(settings: Settings, door: FakeDoor) -> AsyncIterator[None]:
    """Let a daemon work; it has said hello, so whatever happens now is news to it."""
    before = len(door.hellos)
    work = asyncio.create_task(run(settings))
    try:
        await until(lambda: len(door.hellos) > before or work.done())
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what will be so before long."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - much of it happens in other processes
            await asyncio.sleep(0.01)


def in_journal(settings: Settings, what: str) -> int:
    """Count what is in the journal, as `items WHERE status = 'failed'`; what the door heard may not be noted yet."""
    with closing(sqlite3.connect(settings.journal)) as journal:
        [count] = journal.execute(f"SELECT COUNT(*) FROM {what}").fetchone()
        return int(count)


async def gone(pid: int) -> None:
    """Wait until a process is no more, or only its entry is left."""
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]  # noqa: ASYNC240
        except FileNotFoundError:
            return
        if state == "Z":
            return
        await asyncio.sleep(0.01)
    pytest.fail("the child lives on")


async def cancelled_while_it_starts(task: asyncio.Task[Any], child: Path) -> None:
    """Cancel who is starting a program that writes down its *child*, before he knows that it runs."""
    for _ in ("asks for it", "begins it", "connects its pipes"):
        await asyncio.sleep(0)
    while not child.exists() or not child.read_text():  # noqa: ASYNC240 - so that it runs before this loop knows
        time.sleep(0.01)  # noqa: ASYNC251
    task.cancel()
    await asyncio.wait([task])


@contextmanager
def full_disk(pid: int, limit: int) -> Iterator[None]:
    """Let a process write nothing beyond the first *limit* bytes of a file, for as long as the block lasts."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
