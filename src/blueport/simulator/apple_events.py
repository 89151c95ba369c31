"""The door at which the stand-ins for programs of a Mac knock, as `osascript` and `imsg`, and the stand-ins themselves.

One connection is one script: eight digits of length, then a token and words, each with eight digits of its own length
in front; back come a number (0 if all went well), NUL, and what the script prints or how it failed. A script that is
killed hangs up, and what it asked for is given up too, unless Messages has taken it on by then. One that asks for
`events` gets them, an object a line, until it hangs up.
"""

import asyncio
import contextlib
import hmac
import os
import secrets
import shlex
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from blueport.simulator import stand_in
from blueport.simulator.mac_programs import PROGRAMS
from blueport.simulator.news import BridgeEvent
from blueport.simulator.settings import imsg_path, killall_path, osascript_path, port_file_path, program_path

_LENGTH_DIGITS = 8


class Messages(Protocol):
    """What does what a script says."""

    async def obey(self, words: Sequence[str]) -> str:
        """Do what a script asks and return what it prints."""

    def following(self) -> AbstractAsyncContextManager[asyncio.Queue[BridgeEvent | None]]:
        """Yield the events from now on."""


class AppleEventError(Exception):
    """Messages refused: an AppleScript error number and what it says."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@asynccontextmanager
async def door_open(folder: Path, messages: Messages) -> AsyncIterator[None]:
    """Listen for scripts on behalf of *messages*, with the stand-ins in their place."""
    token = secrets.token_hex(16)
    conversations: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.create_task(_converse(reader, writer, token, messages))
        conversations.add(conversation)
        conversation.add_done_callback(conversations.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    port_file = port_file_path(folder)
    whereabouts = f"{server.sockets[0].getsockname()[1]} {token}"
    _write_whole(port_file, whereabouts, mode=0o600)
    _write_whole(osascript_path(folder), _wrapper(folder, "-ISE", stand_in.__file__), mode=0o755)
    _write_whole(killall_path(folder), _wrapper(folder, "-ISE", stand_in.__file__, after=("killall",)), mode=0o755)
    _write_whole(imsg_path(folder), _wrapper(folder, "-m", "blueport.simulator.imsg"), mode=0o755)
    for name in PROGRAMS:
        wrapper = _wrapper(folder, "-m", "blueport.simulator.mac_programs", name)
        _write_whole(program_path(folder, name), wrapper, mode=0o755)
    try:
        yield
    finally:
        _withdraw(port_file, whereabouts)
        server.close()
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


def _withdraw(port_file: Path, whereabouts: str) -> None:
    """Say no longer where we are; where another one says by now where it is, it came while we were about to end."""
    with contextlib.suppress(FileNotFoundError):
        if port_file.read_text() == whereabouts:
            port_file.unlink()


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, messages: Messages) -> None:
    try:
        words = await _words(reader, token)
        if words == ["events"]:
            await _unless_hung_up(reader, _tell(writer, messages))
        elif words is not None:
            await _unless_hung_up(reader, _answer(writer, messages.obey(words)))
    except OSError:
        return  # the script was killed; there is nobody to tell
    finally:
        writer.close()


async def _words(reader: asyncio.StreamReader, token: str) -> list[str] | None:
    try:
        length = int(await reader.readexactly(_LENGTH_DIGITS))
        shown, *words = _parted(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ValueError):
        return None
    return words if hmac.compare_digest(shown.encode(), token.encode()) else None


def _parted(payload: bytes) -> Iterator[str]:
    while payload:
        end = _LENGTH_DIGITS + int(payload[:_LENGTH_DIGITS])
        yield payload[_LENGTH_DIGITS:end].decode("utf-8", "replace")
        payload = payload[end:]


async def _answer(writer: asyncio.StreamWriter, answer: Coroutine[None, None, str]) -> None:
    try:
        said = f"0\0{await answer}"
    except AppleEventError as error:
        said = f"{error.number}\0{error}"
    writer.write(said.encode())
    await writer.drain()


async def _tell(writer: asyncio.StreamWriter, messages: Messages) -> None:
    """Tell events until there are no more."""
    try:
        async with messages.following() as events:
            writer.write(b"0\0")
            while (event := await events.get()) is not None:
                told = {"event": event.event, "data": {"chatGuid": event.chat_guid}}
                writer.write(msgspec.json.encode(told) + b"\n")
                await writer.drain()
    except AppleEventError as error:
        writer.write(f"{error.number}\0{error}".encode())


async def _unless_hung_up(reader: asyncio.StreamReader, answer: Coroutine[None, None, None]) -> None:
    answering = asyncio.create_task(answer)
    hung_up = asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait({answering, hung_up}, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
    finally:
        answering.cancel()
        hung_up.cancel()


def _wrapper(folder: Path, *arguments: str, after: Sequence[str] = ()) -> str:
    # A shell in between, as an interpreter's path on a #! line must be short and free of spaces. Who asks may have
    # nothing in his environment.
    ours = shlex.quote(str(Path(stand_in.__file__).parents[2]))
    command = shlex.join([sys.executable, *arguments, str(folder.resolve()), *after])
    return f'#!/bin/sh\nPYTHONPATH={ours}${{PYTHONPATH:+:$PYTHONPATH}} exec {command} "$@"\n'


def _write_whole(path: Path, content: str, *, mode: int) -> None:
    """Write a file that is there whole or not at all, with *mode* from the start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(content)
    draft.replace(path)
