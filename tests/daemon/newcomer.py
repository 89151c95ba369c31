"""A person at a simulated Mac who types commands: each is a process of its own, with the Mac's programs and home."""

import asyncio
import ctypes
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from blueport.daemon.installing.places import Places
from blueport.simulator.settings import osascript_path
from tests.daemon.fake_door import TOKEN, FakeDoor
from tests.daemon.waiting import LINE
from tests.patience import PATIENCE_S
from tests.warm import BLUEPORT, FROM_NOTHING

_DROP_FOR_GOOD = 24  # PR_CAPBSET_DROP
_READ_WHAT_IS_FORBIDDEN = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    status: int | None
    out: str
    error: str

    @property
    def words(self) -> str:
        """What it said, without its line breaks."""
        return " ".join(self.out.split())


class Newcomer:
    """Somebody at the Mac in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places = Places(folder)

    async def types(self, *words: str, said: str = "", powerless: bool = False, **environment: str) -> Ended:
        """Type `blueport daemon ...`, with root's power to read what is forbidden or without it."""
        process = await self._started(*words, powerless=powerless, **environment)
        out, error = await asyncio.wait_for(process.communicate(said.encode()), PATIENCE_S)
        assert b"Traceback" not in error
        return Ended(process.returncode, out.decode(), error.decode())

    @asynccontextmanager
    async def starts(self, *words: str, powerless: bool = False, **environment: str) -> AsyncIterator[None]:
        """Type a command that goes on for as long as the block lasts."""
        process = await self._started(*words, powerless=powerless, **environment)
        try:
            yield
        finally:
            process.terminate()
            await process.communicate()

    async def _started(self, *words: str, powerless: bool, **environment: str) -> Process:
        return await asyncio.create_subprocess_exec(
            *(FROM_NOTHING if powerless else BLUEPORT),
            "daemon",
            *words,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=self.folder,
            env=self.environment | environment,
            preexec_fn=_lay_down_powers if powerless else None,
        )

    async def installs(self, door: FakeDoor, *words: str, said: str = TOKEN, **environment: str) -> Ended:
        """Install a daemon for the door's line."""
        told = ("--server-url", door.url, "--line", LINE, "--token-file", "-", "--anyway")
        return await self.types("install", *told, *words, said=said, **environment)

    async def status(self) -> dict[str, Any]:
        return json.loads((await self.types("status", "--json")).out)

    @property
    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("BLUEPORT_", "SUDO_"))}
        return own | {
            "HOME": str(self.folder),
            "BLUEPORT_MAC_PROGRAMS": str(self.folder / "bin"),
            "BLUEPORT_DAEMON_OSASCRIPT": str(osascript_path(self.folder)),
            "BLUEPORT_DAEMON_SEND_TIMEOUT_S": "4",
            "BLUEPORT_DAEMON_CLAIM_WAIT_S": "1",
        }


def _lay_down_powers() -> None:
    """Be no more than the owner of one's files, as people on a Mac are; others than root have nothing to lay down."""
    if os.geteuid() == 0:
        for power in _READ_WHAT_IS_FORBIDDEN:
            ctypes.CDLL(None).prctl(_DROP_FOR_GOOD, power, 0, 0, 0)
