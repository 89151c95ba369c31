"""A Mac that dies, as if the power had gone, between any two commits of a message."""

import asyncio
import base64
import contextlib
import os
import signal
import socket
import sqlite3
from asyncio.subprocess import Process
from collections.abc import AsyncIterator

import httpx2
import pytest

from blueport.simulator.settings import Settings, phones_db_path
from tests.simulator.scripting import (
    ADA,
    LINE,
    PATIENCE_S,
    SEND_FILE_TO_PERSON,
    TO_PERSON,
    Json,
    imsg,
    osascript,
    own_rows,
    seen,
    until,
)
from tests.warm import BLUEPORT

POINTS_OF_A_TEXT = ("put_down", "row", "body", "attached", "linked")
POINTS_OF_A_SEND = ("row", "body", "linked", "shown", "sent")
POINTS_OF_A_FILE = ("row", "body", "attached", "linked", "shown", "sent")
POINTS_OF_A_TAPBACK = ("put_down", "row", "body", "linked")
MEMO = {
    "attachment": {"filename": "memo.m4a", "base64": base64.b64encode(b"a memo").decode()},
    "is_audio": True,
    "transcription": "Hello there",
    "file_after_ms": 0,
}


class Power:
    """The Mac in a process of its own, which a test switches on and which dies where the test wants it."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.folder
        self.failpoints = settings.folder.parent / "failpoints"
        self.failpoints.mkdir()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.process: Process | None = None

    async def on(self) -> None:
        fd = self.listening.fileno()
        self.process = await asyncio.create_subprocess_exec(
            *(*BLUEPORT, "simulate", f"--fd={fd}"),
            pass_fds=[fd],
            env={
                "BLUEPORT_SIMULATOR_FOLDER": str(self.folder),
                "BLUEPORT_SIMULATOR_LINES": LINE,
                "BLUEPORT_FAILPOINTS": str(self.failpoints),
            },
        )
        assert await self.screen() is not None

    async def died(self) -> bool:
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), PATIENCE_S) == -signal.SIGKILL

    async def off(self) -> int:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), PATIENCE_S)

    async def text(self, text: str) -> bool:
        """Let Ada write; False if the Mac died over it."""
        return await self.does("messages", text=text)

    async def does(self, what: str, **content: object) -> bool:
        """Let Ada do something; False if the Mac died over it."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=PATIENCE_S) as client:
            try:
                return (await client.post(f"/people/{ADA}/{what}", json=content)).status_code == 201
            except httpx2.TransportError:
                return False

    async def screen(self) -> list[str]:
        return [bubble["text"] for bubble in await self.bubbles()]

    async def bubbles(self) -> list[Json]:
        async with httpx2.AsyncClient(base_url=self.url, timeout=PATIENCE_S) as client:
            bubbles: list[Json] = (await client.get(f"/people/{ADA}/messages")).json()
            return bubbles

    def files(self) -> list[tuple[object, ...]]:
        return seen(self.folder, "SELECT transfer_state, total_bytes, user_info IS NOT NULL FROM attachment")

    def staged(self) -> str:
        path = self.folder / "Library/Messages/Attachments/ours/cat.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a cat")
        return str(path)


@pytest.fixture
async def power(settings: Settings) -> AsyncIterator[Power]:
    power = Power(settings)
    await power.on()
    yield power
    await power.off()
    power.listening.close()


@pytest.mark.parametrize("point", POINTS_OF_A_TEXT)
async def test_a_text_that_was_put_down_is_neither_lost_nor_doubled(power: Power, point: str) -> None:
    (power.failpoints / f"simulator.{point}").touch()

    answered = await power.text("Hi")
    died = await power.died()
    await power.on()

    linked = "SELECT 1 FROM chat_message_join JOIN message ON message_id = message.ROWID AND attributedBody NOT NULL"
    await until(lambda: seen(power.folder, linked) == [(1,)])
    assert (answered, died) == (False, True)
    assert await power.screen() == ["Hi"]
    assert len(seen(power.folder, "SELECT 1 FROM message")) == 1


@pytest.mark.parametrize("point", POINTS_OF_A_SEND)
async def test_a_send_that_has_its_row_reaches_the_phone_once(power: Power, point: str) -> None:
    (power.failpoints / f"simulator.{point}").touch()

    await osascript(power.folder, TO_PERSON, ADA, "Hello")
    died = await power.died()
    await power.on()

    await until(lambda: own_rows(power.folder) == [(1, 1, 1, 1, 0)])
    assert died
    assert await power.screen() == ["Hello"]


async def test_a_send_that_never_got_its_row_is_not_sent_later(power: Power) -> None:
    (power.failpoints / "simulator.put_down").touch()

    ended = await osascript(power.folder, TO_PERSON, ADA, "Never")
    died = await power.died()
    await power.on()
    await osascript(power.folder, TO_PERSON, ADA, "Later")

    await until(lambda: own_rows(power.folder) == [(1, 1, 1, 1, 0)])
    assert died
    assert ended.error.endswith("(-609)")
    assert await power.screen() == ["Later"]


@pytest.mark.parametrize("point", [*POINTS_OF_A_TEXT, "late"])
async def test_a_voice_memo_comes_with_its_file_and_its_words(power: Power, point: str) -> None:
    (power.failpoints / f"simulator.{point}").touch()

    await power.does("messages", **MEMO)
    died = await power.died()
    await power.on()

    await until(lambda: power.files() == [(5, 6, 1)] and not _under_way(power))
    [bubble] = await power.bubbles()
    assert died
    assert (bubble["attachments"][0]["transcription"], bubble["delivered"]) == ("Hello there", True)
    assert len(seen(power.folder, "SELECT 1 FROM message_attachment_join")) == 1


@pytest.mark.parametrize("point", POINTS_OF_A_FILE)
async def test_a_file_that_has_its_row_reaches_the_phone_once(power: Power, point: str) -> None:
    (power.failpoints / f"simulator.{point}").touch()

    await osascript(power.folder, SEND_FILE_TO_PERSON, ADA, power.staged())
    died = await power.died()
    await power.on()

    await until(lambda: own_rows(power.folder) == [(1, 1, 1, 1, 0)])
    assert died
    assert power.files() == [(5, 5, 0)]
    assert [len(bubble["attachments"]) for bubble in await power.bubbles()] == [1]


@pytest.mark.parametrize("point", POINTS_OF_A_TAPBACK)
async def test_a_tapback_of_a_person_is_neither_lost_nor_doubled(power: Power, point: str) -> None:
    await osascript(power.folder, TO_PERSON, ADA, "Hello")
    await until(lambda: own_rows(power.folder) == [(1, 1, 1, 1, 0)])
    [bubble] = await power.bubbles()
    await power.does("reactions", guid=bubble["guid"], tapback="like")
    (power.failpoints / f"simulator.{point}").touch()

    answered = await power.does("reactions", guid=bubble["guid"], tapback="love")
    died = await power.died()
    await power.on()

    await until(lambda: _tapbacks(power) == [(2000, 1, 1)])
    [bubble] = await power.bubbles()
    assert (answered, died) == (False, True)
    assert [each["tapback"] for each in bubble["reactions"]] == ["love"]


async def test_an_edit_of_a_person_is_neither_lost_nor_doubled(power: Power) -> None:
    await power.text("Teh")
    [bubble] = await power.bubbles()
    (power.failpoints / "simulator.changed").touch()

    answered = await power.does("edits", guid=bubble["guid"], text="The")
    died = await power.died()
    await power.on()

    await until(lambda: seen(power.folder, "SELECT 1 FROM message WHERE date_edited > 0") == [(1,)])
    [bubble] = await power.bubbles()
    assert (answered, died) == (False, True)
    assert (bubble["text"], bubble["edits"]) == ("The", 1)


@pytest.mark.parametrize("point", ["row", "body", "linked", "shown", "sent"])
async def test_a_tapback_of_the_line_that_has_its_row_reaches_the_phone(power: Power, point: str) -> None:
    await power.text("Hi")
    [bubble] = await power.bubbles()
    (power.failpoints / f"simulator.{point}").touch()

    async with imsg(power.folder) as rpc:
        rpc.ask("tapback", chat_guid=f"any;-;{ADA}", message_guid=bubble["guid"], reaction="love")
        died = await power.died()
    await power.on()

    await until(lambda: own_rows(power.folder) == [(1, 1, 1, 1, 0)])
    [bubble] = await power.bubbles()
    assert died
    assert _tapbacks(power) == [(2000, 1, 1)]
    assert [each["tapback"] for each in bubble["reactions"]] == ["love"]


@pytest.mark.parametrize("point", ["put_down", "read"])
async def test_what_a_person_has_read_is_told(power: Power, point: str) -> None:
    await osascript(power.folder, TO_PERSON, ADA, "Hello")
    await until(lambda: own_rows(power.folder) == [(1, 1, 1, 1, 0)])
    (power.failpoints / f"simulator.{point}").touch()

    await power.does("read")
    died = await power.died()
    await power.on()

    await until(lambda: seen(power.folder, "SELECT date_read > 0 FROM message") == [(1,)])
    [bubble] = await power.bubbles()
    assert died
    assert bubble["read_at"] is not None


async def test_imsg_cannot_say_what_became_of_a_send_over_which_the_mac_died(power: Power) -> None:
    await power.text("Hi")
    [bubble] = await power.bubbles()
    (power.failpoints / "simulator.row").touch()

    async with imsg(power.folder) as rpc:
        answer = await rpc.call("send.rich", chat_guid=f"any;-;{ADA}", text="Hello", reply_to=bubble["guid"])

    assert answer["error"]["code"] == -32001
    assert answer["error"]["data"] == {"disposition": "may_have_completed", "retry_safe": False}
    await power.died()


async def test_a_dead_mac_runs_no_application(power: Power) -> None:
    assert power.process is not None
    os.kill(power.process.pid, signal.SIGKILL)
    await power.died()

    ended = await osascript(power.folder, TO_PERSON, ADA, "Hello")

    assert ended.error.endswith("(-600)")


async def test_a_mac_with_a_page_open_ends_when_told(power: Power) -> None:
    async with (
        httpx2.AsyncClient(base_url=power.url) as client,
        client.stream("GET", "/events") as page,
    ):
        events = page.aiter_lines()
        assert await anext(events) == "event: ready"

        assert await power.off() == -signal.SIGTERM


def _tapbacks(power: Power) -> list[tuple[object, ...]]:
    return seen(
        power.folder,
        "SELECT associated_message_type, attributedBody IS NOT NULL,"
        " (SELECT count(*) FROM chat_message_join WHERE message_id = message.ROWID)"
        " FROM message WHERE associated_message_type != 0",
    )


def _under_way(power: Power) -> bool:
    with contextlib.closing(sqlite3.connect(f"file:{phones_db_path(power.folder)}?mode=ro", uri=True)) as phones:
        return bool(phones.execute("SELECT 1 FROM mail").fetchall())
