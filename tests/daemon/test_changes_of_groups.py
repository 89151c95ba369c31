"""Groups that are renamed, joined and left for us: each change is done once, and proven by the row that tells of it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from blueport.daemon.settings import Settings
from blueport.protocol.commands import AddMember, GroupChange, LeaveGroup, RemoveMember, RenameGroup
from blueport.simulator import oddities
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from blueport.simulator.settings import imsg_path
from tests.daemon.fake_door import FakeDoor
from tests.daemon.test_daemon_deaths import daemon_process
from tests.daemon.test_edits_and_unsends import ENDS
from tests.daemon.test_reading_chat_db import all_is_told
from tests.daemon.test_restored_server import forget_ending
from tests.daemon.waiting import ADA, BO, CY, LINE, until, working
from tests.patience import PATIENCE_S

CHANGES = [
    (lambda guids: RenameGroup(None, guids, "Trip"), "Trip", {ADA, BO}),
    (lambda guids: AddMember(None, guids, CY), "Work", {ADA, BO, CY}),
    (lambda guids: RemoveMember(None, guids, BO), "Work", {ADA}),
    (lambda guids: LeaveGroup(None, guids), "Work", {ADA, BO}),
]


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return msgspec.structs.replace(settings, imsg=str(imsg_path(tmp_path / "mac")))


@pytest.fixture
def group(mac: SimulatedMac) -> str:
    return mac.add_group([ADA, BO], name="Work")


def rename(group: str, name: str = "Trip") -> RenameGroup:
    return RenameGroup(None, (f"any;+;{group}",), name)


class TestChanging:
    @pytest.fixture(autouse=True)
    async def _daemon_at_work(self, mac: SimulatedMac, settings: Settings, door: FakeDoor) -> AsyncIterator[None]:
        assert mac
        async with working(settings, door):
            yield

    @pytest.mark.parametrize(("change", "name", "people"), CHANGES, ids=["rename", "add", "remove", "leave"])
    async def test_it_is_told_once_with_its_proof_and_the_group_as_it_is_then(
        self, mac: SimulatedMac, door: FakeDoor, group: str, change: type[GroupChange], name: str, people: set[str]
    ) -> None:
        work = door.accept_command(LINE, change((f"any;+;{group}",)))

        await until(lambda: work.is_over)
        await all_is_told(mac.db, door)

        [seen] = door.group_changes
        assert (work.status, seen.proves.outbox_id) == ("sent", work.id)
        assert (seen.chat.identifier, seen.chat.name, set(seen.chat.participants)) == (group, name, people)
        assert door.sent() == []

    async def test_of_what_others_do_nothing_is_told_and_nothing_is_proven(
        self, mac: SimulatedMac, door: FakeDoor, group: str
    ) -> None:
        mac.faults.add(Fault("silent"))
        work = door.accept_command(LINE, rename(group))
        await until(lambda: work.begun and not mac.faults.pending())

        chat, other = (mac.db.group_chat(each, [ADA, BO]) for each in (group, "chat9"))
        oddities.group_event(mac.db, chat, 2, actor=ADA, group_title="Trip")
        oddities.group_event(mac.db, other, 2, group_title="Trip")
        oddities.group_event(mac.db, chat, 2, group_title="Another")
        await all_is_told(mac.db, door)
        assert (door.group_changes, work.is_over) == ([], False)

        oddities.group_event(mac.db, chat, 2, group_title="Trip")
        await until(lambda: work.status == "sent")

    async def test_two_equal_changes_are_each_proven_by_a_row_of_their_own(
        self, mac: SimulatedMac, door: FakeDoor, group: str
    ) -> None:
        works = [door.accept_command(LINE, rename(group)) for _ in range(2)]

        await until(lambda: all(work.is_over for work in works))

        assert [work.status for work in works] == ["sent"] * 2
        assert len({seen.guid for seen in door.group_changes}) == 2
        assert mac.phones.group(group).name == "Trip"

    async def test_what_messages_refuses_fails(self, door: FakeDoor, group: str) -> None:
        work = door.accept_command(LINE, RemoveMember(None, (f"any;+;{group}",), CY))

        await until(lambda: work.is_over)

        assert work.status == "failed"

    async def test_a_restored_server_hears_of_it_again(self, mac: SimulatedMac, door: FakeDoor, group: str) -> None:
        work = door.accept_command(LINE, rename(group))
        await until(lambda: work.is_over)
        await all_is_told(mac.db, door)
        forget_ending(work)

        await until(lambda: work.is_over)

        assert work.status == "sent"
        assert len(mac.db.rows("SELECT 1 FROM message WHERE item_type = 2")) == 1


class TestDeath:
    @pytest.mark.parametrize("point", ENDS)
    async def test_at_any_point_it_is_done_once_or_reported(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path, group: str, point: str
    ) -> None:
        async with daemon_process(settings, tmp_path) as first:
            await until(lambda: bool(door.hellos))
            await all_is_told(mac.db, door)
            (tmp_path / f"daemon.{point}").touch()
            work = door.accept_command(LINE, rename(group))
            await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert first.returncode == -signal.SIGKILL

        async with daemon_process(settings, tmp_path):
            await until(lambda: work.is_over)

        assert (work.error or work.status) in ENDS[point]
        rows = mac.db.rows("SELECT 1 FROM message WHERE item_type = 2")
        assert len(rows) == int(work.status == "sent")
