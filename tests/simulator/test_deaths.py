"""A Mac that dies, as if the power had gone, between any two commits of a message."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator

import httpx2
import pytest

from blueport.simulator.settings import Settings
from tests.simulator.scripting import ADA, LINE, PATIENCE_S, TO_PERSON, osascript, own_rows, seen, until

POINTS_OF_A_TEXT = ("put_down", "row", "body", "linked")
POINTS_OF_A_SEND = ("row", "body", "linked", "shown", "sent")


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
            *(sys.executable, "-m", "blueport.cli.main", "simulate", f"--fd={fd}"),
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
        async with httpx2.AsyncClient(base_url=self.url, timeout=PATIENCE_S) as client:
            try:
                return (await client.post(f"/people/{ADA}/messages", json={"text": text})).status_code == 201
            except httpx2.TransportError:
                return False

    async def screen(self) -> list[str]:
        async with httpx2.AsyncClient(base_url=self.url, timeout=PATIENCE_S) as client:
            return [bubble["text"] for bubble in (await client.get(f"/people/{ADA}/messages")).json()]


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
