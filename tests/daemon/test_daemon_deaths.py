"""The daemon's process killed at every point that matters: nothing is lost, nothing is sent twice, everything ends."""

import asyncio
import os
import random
import resource
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from blueport.daemon.settings import Settings
from blueport.simulator.chatdb import Attachment
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from tests.daemon.fake_door import FakeDoor, Work
from tests.daemon.test_sending_through_messages import texts_on_phone
from tests.daemon.waiting import ADA, LINE, full_disk, until
from tests.patience import PATIENCE_S
from tests.warm import BLUEPORT

PROOF_TIMEOUT_S = 2
# How many of the texts may end unknown: only one whose hand-over was begun, and is not to be found.
UNKNOWN_AFTER = {
    "offered": {0},
    "claimed": {0},
    "named": {0},
    "granted": {0},
    "begun": {1},
    "handed": {0},
    "outcome": {0},
    "seen": {0, 1},
    "telling": {0, 1},
    "told": {0, 1},
    "acknowledged": {0, 1},
}
# What Messages refuses, for good or so that it may be tried again, goes through these.
REFUSED_AT = ("refused", "outcome", "reported")
# At each of these something is to be written next.
WRITES_AFTER = ("offered", "claimed", "named", "granted", "begun", "handed", "told")


@asynccontextmanager
async def daemon_process(
    settings: Settings, failpoints: Path, heard: list[bytes] | None = None, **more: str
) -> AsyncIterator[Process]:
    """Run a daemon in a process of its own, which dies at the points that are files in *failpoints*.

    The lines of its log are *heard*, if there is a list for them.
    """
    given = {
        "SERVER_URL": settings.server_url,
        "TOKEN": settings.token,
        "LINES": LINE,
        "CHAT_DB": str(settings.chat_db),
        "JOURNAL": str(settings.journal),
        "OSASCRIPT": settings.osascript,
        "PROOF_TIMEOUT_S": str(PROOF_TIMEOUT_S),
        "CLAIM_WAIT_S": "1",
        "PACE_MS": "0",
        "BEFORE_FILE_MS": "0",
        **({} if settings.imsg is None else {"IMSG": settings.imsg}),
    }
    environment = {f"BLUEPORT_DAEMON_{name}": value for name, value in (given | more).items()}
    process = await asyncio.create_subprocess_exec(
        *BLUEPORT,
        "daemon",
        env={**os.environ, **environment, "BLUEPORT_FAILPOINTS": str(failpoints)},
        stderr=None if heard is None else PIPE,
    )
    hearing = asyncio.create_task(_hear(process, [] if heard is None else heard))
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await hearing


async def _hear(process: Process, heard: list[bytes]) -> None:
    while process.stderr is not None and (line := await process.stderr.readline()):
        heard.append(line)


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def is_over(work: Work) -> bool:
    return work.status in ("sent", "failed")


class TestDeath:
    @pytest.mark.parametrize("point", UNKNOWN_AFTER)
    async def test_at_any_point_each_text_is_sent_once_or_reported(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path, point: str
    ) -> None:
        async with daemon_process(settings, tmp_path) as first:
            await until(lambda: bool(door.hellos))
            (tmp_path / f"daemon.{point}").touch()
            await mac.person_texts(ADA, "Hi")
            work = [door.accept(LINE, ADA, f"Number {n}") for n in range(5)]
            await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert first.returncode == -signal.SIGKILL

        async with daemon_process(settings, tmp_path):
            await until(lambda: all(map(is_over, work)) and door.received() == ["Hi"])

        sent = [item.command.text for item in work if item.status == "sent"]
        assert texts_on_phone(mac, ADA) == sent
        failed = [item.error for item in work if item.status == "failed"]
        assert len(failed) in UNKNOWN_AFTER[point]
        assert set(failed) <= {"outcome_unknown"}

    @pytest.mark.parametrize("number", [-10000, -600])
    @pytest.mark.parametrize("point", REFUSED_AT)
    async def test_what_messages_refuses_ends_once_and_is_sent_once_at_most(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path, point: str, number: int
    ) -> None:
        mac.faults.add(Fault("error", number=number, times=1 if number == -10000 else 3))
        work = [door.accept(LINE, ADA, f"Number {n}") for n in range(3)]
        (tmp_path / f"daemon.{point}").touch()
        async with daemon_process(settings, tmp_path) as first:
            await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert first.returncode == -signal.SIGKILL

        async with daemon_process(settings, tmp_path):
            await until(lambda: all(map(is_over, work)))

        # That it was refused is not on disk yet: it may be in Messages, as far as anybody knows.
        refused = {"outcome_unknown"} if point == "refused" else {"applescript_error_-10000"}
        failed = [item.error for item in work if item.status == "failed"]
        assert set(failed) == (set() if point != "refused" and number == -600 else refused)
        assert texts_on_phone(mac, ADA) == [item.command.text for item in work if item.status == "sent"]
        assert [item.status for item in work[1:]] == ["sent", "sent"]

    @pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
    @pytest.mark.parametrize("point", WRITES_AFTER)
    async def test_a_disk_that_is_full_for_whatever_is_to_be_written_doubles_and_loses_nothing(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path, point: str
    ) -> None:
        log: list[bytes] = []
        async with daemon_process(settings, tmp_path, log) as process:
            await until(lambda: bool(door.hellos))
            (tmp_path / f"daemon.{point}").write_text("SIGSTOP")
            work = [door.accept(LINE, ADA, f"Number {n}") for n in range(3)]
            await until(lambda: is_stopped(process.pid))
            with full_disk(process.pid, 0):
                process.send_signal(signal.SIGCONT)
                await until(lambda: any(b"loop_fell_over" in line for line in log))

            await mac.person_texts(ADA, "Hi")
            await until(lambda: all(map(is_over, work)) and door.received() == ["Hi"])

        assert texts_on_phone(mac, ADA) == [item.command.text for item in work if item.status == "sent"]
        assert [item.error for item in work if item.status == "failed"] == []

    @pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
    async def test_a_journal_that_cannot_be_written_for_a_while_costs_no_attempt(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        async with daemon_process(settings, tmp_path) as process:
            await until(lambda: bool(door.hellos))
            with full_disk(process.pid, 0):
                work = [door.accept(LINE, ADA, f"Number {n}") for n in range(5)]
                claims = door.knocks["claim"]
                await until(lambda: door.knocks["claim"] > claims + 1)

            await until(lambda: all(map(is_over, work)))

        assert [(item.status, item.attempts) for item in work] == [("sent", 1)] * 5
        assert texts_on_phone(mac, ADA) == [item.command.text for item in work]

    @pytest.mark.parametrize("point", ["telling", "told", "acknowledged", "bringing", "brought"])
    async def test_at_any_point_what_came_in_is_told_once_and_its_file_is_brought(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path, point: str
    ) -> None:
        async with daemon_process(settings, tmp_path) as first:
            await until(lambda: bool(door.hellos))
            (tmp_path / f"daemon.{point}").touch()
            await mac.person_texts(ADA, "Look", attachments=[Attachment("a.png", b"a picture")])
            await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert first.returncode == -signal.SIGKILL

        async with daemon_process(settings, tmp_path):
            await until(lambda: list(door.files.values()) == [b"a picture"])

        assert door.received() == ["Look"]

    async def test_again_and_again_nothing_is_lost_or_doubled(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        chance = random.Random(20_26)  # always the same storm
        work: list[Work] = []
        heard: list[str] = []
        for round_number in range(6):
            hellos = len(door.hellos)
            async with daemon_process(settings, tmp_path) as process:
                await until(lambda hellos=hellos: len(door.hellos) > hellos)  # type: ignore[misc]
                for n in range(8):
                    work.append(door.accept(LINE, ADA, f"Out {round_number}-{n}"))
                    heard.append(f"In {round_number}-{n}")
                    await mac.person_texts(ADA, heard[-1])
                await asyncio.sleep(chance.random() / 2)
                process.kill()

        async with daemon_process(settings, tmp_path):
            await until(lambda: all(map(is_over, work)) and len(door.received()) >= len(heard))

        on_phone = texts_on_phone(mac, ADA)
        assert len(on_phone) == len(set(on_phone))
        assert set(on_phone) == {item.command.text for item in work if item.status == "sent"}
        assert door.received() == heard
        assert {item.error for item in work if item.status == "failed"} <= {"outcome_unknown"}
