"""Groups that are begun by a first text: each once, and proven by that text in a group of exactly those people."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from blueport.daemon.settings import Settings
from blueport.protocol.commands import CreateGroup
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from blueport.simulator.settings import imsg_path
from tests.daemon.fake_door import FakeDoor, Work
from tests.daemon.test_daemon_deaths import UNKNOWN_AFTER, daemon_process
from tests.daemon.test_sending_through_messages import texts_on_phone
from tests.daemon.waiting import ADA, BO, CY, LINE, until, working
from tests.patience import PATIENCE_S


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return msgspec.structs.replace(settings, imsg=str(imsg_path(tmp_path / "mac")))


def begin(door: FakeDoor, *people: str, text: str = "All of you", name: str | None = None) -> Work:
    return door.accept_command(LINE, CreateGroup(people, text, name))


class TestBeginning:
    @pytest.fixture(autouse=True)
    async def _daemon_at_work(self, mac: SimulatedMac, settings: Settings, door: FakeDoor) -> AsyncIterator[None]:
        assert mac
        async with working(settings, door):
            yield

    async def test_all_of_them_see_the_text_in_one_group_with_its_name(self, mac: SimulatedMac, door: FakeDoor) -> None:
        work = begin(door, ADA, BO, name="Trip")

        await until(lambda: work.is_over and not mac.phones.under_way())

        [group] = mac.phones.groups()
        [seen] = [seen for seen in door.messages if seen.proves]
        assert (work.status, group.name, set(group.members)) == ("sent", "Trip", {ADA, BO})
        assert [mac.phones.screen(person)[-1].chat for person in (ADA, BO)] == [group.id] * 2
        assert (seen.text, seen.chat.identifier, seen.chat.name) == ("All of you", group.id, "Trip")
        assert (seen.chat.is_group, set(seen.chat.participants)) == (True, {ADA, BO})

    async def test_groups_of_the_same_people_stay_apart_if_they_have_names(
        self, mac: SimulatedMac, door: FakeDoor
    ) -> None:
        works = [begin(door, ADA, BO, name=name) for name in ("One", "Two")]

        await until(lambda: all(work.is_over for work in works) and not mac.phones.under_way())

        proven = {seen.proves.outbox_id: seen.chat.name for seen in door.messages if seen.proves}
        assert proven == {works[0].id: "One", works[1].id: "Two"}

    async def test_one_without_a_name_goes_on_where_they_have_one(self, mac: SimulatedMac, door: FakeDoor) -> None:
        works = [begin(door, ADA, BO, text=text) for text in ("One", "Two")]

        await until(lambda: all(work.is_over for work in works) and not mac.phones.under_way())

        assert [work.status for work in works] == ["sent"] * 2
        assert len(mac.phones.groups()) == 1
        assert texts_on_phone(mac, BO) == ["One", "Two"]

    async def test_the_same_text_elsewhere_is_no_proof(self, mac: SimulatedMac, door: FakeDoor) -> None:
        mac.faults.add(Fault("silent"))
        work = begin(door, ADA, BO)
        await until(lambda: work.begun and not mac.faults.pending())

        others = [mac.db.direct_chat(ADA), mac.db.group_chat("chat7", [ADA, CY]), mac.db.group_chat("chat8", [ADA])]
        for chat in others:
            mac.db.add_message("All of you", chat=chat, is_sent=1)
        await until(lambda: len(door.sent()) == 3)
        assert not work.is_over
        mac.db.add_message("All of you", chat=mac.db.group_chat("chat9", [BO, ADA]), is_sent=1)

        await until(lambda: work.status == "sent")

    async def test_somebody_who_cannot_be_reached_fails_it_for_all(self, mac: SimulatedMac, door: FakeDoor) -> None:
        work = begin(door, ADA, "nobody")

        await until(lambda: work.is_over)

        assert work.status == "failed"
        assert mac.phones.groups() == []


class TestDeath:
    @pytest.mark.parametrize("point", UNKNOWN_AFTER)
    async def test_at_any_point_it_is_begun_once_or_reported(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path, point: str
    ) -> None:
        async with daemon_process(settings, tmp_path) as first:
            await until(lambda: bool(door.hellos))
            (tmp_path / f"daemon.{point}").touch()
            await mac.person_texts(ADA, "Hi")
            work = begin(door, ADA, BO)
            await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert first.returncode == -signal.SIGKILL

        async with daemon_process(settings, tmp_path):
            await until(lambda: work.is_over and not mac.phones.under_way())

        assert int(work.status == "failed") in UNKNOWN_AFTER[point]
        assert work.error in (None, "outcome_unknown")
        assert texts_on_phone(mac, BO) == (["All of you"] if work.status == "sent" else [])
        assert len(mac.phones.groups()) <= 1
