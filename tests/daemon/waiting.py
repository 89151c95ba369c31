"""People, a daemon at work, and the patience to wait for what it does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from blueport.daemon.run import run
from blueport.daemon.settings import Settings
from tests.daemon.fake_door import FakeDoor

LINE = "+15550100000"
ADA = "+15550100001"
BO = "bo@example.com"
CY = "+15550100003"
PATIENCE_S = 30


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
