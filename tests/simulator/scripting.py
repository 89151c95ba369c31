"""What the tests of the simulated Mac share: people, scripts as a daemon has them, and the patience to wait."""

import asyncio
import json
import sqlite3
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from blueport.simulator.settings import chat_db_path, imsg_path, osascript_path
from tests.patience import PATIENCE_S

LINE = "+15550100000"
SECOND_LINE = "line@example.com"
ADA = "+15550100001"
BO = "bo@example.com"

TO_CHAT = """on run argv
  tell application "Messages" to send (item 2 of argv) to chat id (item 1 of argv)
end run
"""
TO_PERSON = """on run argv
  with timeout of 30 seconds
    tell application "Messages"
      send (item 2 of argv) to participant (item 1 of argv) of (first account whose service type = iMessage)
    end tell
  end timeout
end run
"""
BY_SMS = TO_PERSON.replace("iMessage", "SMS")
FILE_TO_CHAT = """on run argv
  set body to read POSIX file (item 2 of argv) as «class utf8»
  tell application "Messages" to send body to chat id (item 1 of argv)
end run
"""


SEND_FILE = """on run argv
  tell application "Messages" to send (POSIX file (item 2 of argv) as alias) to chat id (item 1 of argv)
end run
"""
SEND_FILE_TO_PERSON = SEND_FILE.replace(
    "chat id (item 1 of argv)", "participant (item 1 of argv) of (first account whose service type = iMessage)"
)

Json = dict[str, Any]


class Outcome(NamedTuple):
    """How a script ended, and what it printed."""

    status: int | None
    output: str
    error: str


async def started(folder: Path, script: str, *arguments: str) -> Process:
    """Start `osascript` on the Mac in *folder*."""
    command = osascript_path(folder)
    process = await asyncio.create_subprocess_exec(command, "-", *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.stdin is not None
    process.stdin.write(script.encode())
    process.stdin.close()
    return process


async def outcome(process: Process) -> Outcome:
    """Wait for a script's end."""
    output, error = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    return Outcome(process.returncode, output.decode(), error.decode().strip())


async def osascript(folder: Path, script: str, *arguments: str) -> Outcome:
    """Run `osascript` to its end."""
    return await outcome(await started(folder, script, *arguments))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what will be so before long."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - it is another process that makes it so
            await asyncio.sleep(0.005)


def seen(folder: Path, query: str) -> list[tuple[object, ...]]:
    """Ask chat.db as the daemon does: by another connection, which may not write."""
    with closing(sqlite3.connect(f"file:{chat_db_path(folder)}?mode=ro", uri=True)) as reader:
        return reader.execute(query).fetchall()


def own_rows(folder: Path) -> list[tuple[object, ...]]:
    """Return how far each message of ours has come: has a body, has a chat, sent, delivered, error."""
    return seen(
        folder,
        "SELECT attributedBody IS NOT NULL, (SELECT count(*) FROM chat_message_join WHERE message_id = message.ROWID),"
        " is_sent, is_delivered, error FROM message WHERE is_from_me = 1 ORDER BY ROWID",
    )


class Imsg:
    """A running `imsg rpc`."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.told: list[Json] = []  # the notifications so far
        self._last_id = 0

    async def call(self, method: str, **params: object) -> Json:
        """Return the answer to a call, without its frame."""
        return await self.answer_to(self.ask(method, **params))

    def ask(self, method: str, **params: object) -> int:
        """Ask without waiting for the answer, and return its id."""
        self._last_id += 1
        self.say(json.dumps({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}))
        return self._last_id

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    async def answer_to(self, request_id: int | None) -> Json:
        while (line := await self.line()).get("id") != request_id or "method" in line:
            self.told.append(line)
        return {name: value for name, value in line.items() if name in ("result", "error")}

    async def line(self) -> Json:
        assert self.process.stdout is not None
        line: Json = json.loads(await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_S))
        assert line.pop("jsonrpc") == "2.0"
        return line


@asynccontextmanager
async def imsg(folder: Path) -> AsyncIterator[Imsg]:
    """Run `imsg rpc` on the Mac in *folder*."""
    process = await asyncio.create_subprocess_exec(imsg_path(folder), "rpc", stdin=PIPE, stdout=PIPE)
    try:
        yield Imsg(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
