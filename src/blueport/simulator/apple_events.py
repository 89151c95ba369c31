"""The door at which the stand-ins for `osascript` and `imsg` knock, and the stand-ins themselves.

One connection is one script: eight digits of length, then a token and words, parted by NUL; back come a number (0 if
all went well), NUL, and what the script prints or how it failed. A script that is killed hangs up, and what it asked
for is given up too, unless Messages has taken it on by then.
"""

import asyncio
import hmac
import os
import secrets
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from blueport.simulator import stand_in
from blueport.simulator.settings import imsg_path, osascript_path, port_file_path

Answering = Callable[[Sequence[str]], Coroutine[None, None, str]]

_LENGTH_DIGITS = 8


class AppleEventError(Exception):
    """Messages refused: an AppleScript error number and what it says."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@asynccontextmanager
async def door_open(folder: Path, answer: Answering) -> AsyncIterator[None]:
    """Listen for scripts, with the stand-in in its place; *answer* gets the words of one and returns what it prints."""
    token = secrets.token_hex(16)
    conversations: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.create_task(_converse(reader, writer, token, answer))
        conversations.add(conversation)
        conversation.add_done_callback(conversations.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    port_file = port_file_path(folder)
    _write_whole(port_file, f"{server.sockets[0].getsockname()[1]} {token}", mode=0o600)
    _write_whole(osascript_path(folder), _wrapper(folder, "-ISE", stand_in.__file__), mode=0o755)
    _write_whole(imsg_path(folder), _wrapper(folder, "-m", "blueport.simulator.imsg"), mode=0o755)
    try:
        yield
    finally:
        port_file.unlink(missing_ok=True)
        server.close()
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, answer: Answering) -> None:
    try:
        words = await _words(reader, token)
        if words is not None:
            await _answer_unless_hung_up(reader, writer, answer(words))
    except OSError:
        return  # the script was killed; there is nobody to tell
    finally:
        writer.close()


async def _words(reader: asyncio.StreamReader, token: str) -> list[str] | None:
    try:
        length = int(await reader.readexactly(_LENGTH_DIGITS))
        # The text comes last and may hold anything.
        shown, *words = (await reader.readexactly(length)).decode("utf-8", "replace").split("\0", 4)
    except (asyncio.IncompleteReadError, ValueError):
        return None
    return words if hmac.compare_digest(shown.encode(), token.encode()) else None


async def _answer_unless_hung_up(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Coroutine[None, None, str]
) -> None:
    answering = asyncio.create_task(answer)
    hung_up = asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait({answering, hung_up}, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            writer.write(_verdict(answering))
            await writer.drain()
    finally:
        answering.cancel()
        hung_up.cancel()


def _verdict(answered: asyncio.Task[str]) -> bytes:
    try:
        return f"0\0{answered.result()}".encode()
    except AppleEventError as error:
        return f"{error.number}\0{error}".encode()


def _wrapper(folder: Path, *arguments: str) -> str:
    # A shell in between, as an interpreter's path on a #! line must be short and free of spaces.
    return f'#!/bin/sh\nexec {shlex.join([sys.executable, *arguments, str(folder.resolve())])} "$@"\n'


def _write_whole(path: Path, content: str, *, mode: int) -> None:
    """Write a file that is there whole or not at all, with *mode* from the start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(content)
    draft.replace(path)
