"""Keeps the log of a daemon from filling a disk: launchd only ever appends to it."""

import asyncio
import os
import shutil
from contextlib import suppress
from pathlib import Path

LONGEST_BYTES = 10 * 1024 * 1024
_LOOK_AGAIN_S = 3600


async def keep_short(log: Path) -> None:
    """Look after *log* for ever."""
    while True:
        await asyncio.sleep(_LOOK_AGAIN_S)
        shorten(log)


def shorten(log: Path) -> None:
    """Begin *log* anew if it is long, with what was in it beside it; whoever has it open goes on writing to it."""
    with suppress(OSError):  # a full disk is no reason not to work
        if log.stat().st_size > LONGEST_BYTES:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)
