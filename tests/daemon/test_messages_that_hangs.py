"""Messages that answers nobody: it is left alone, started anew once in a while, and nothing goes out twice."""

import asyncio
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from blueport.clock import now_ms
from blueport.daemon.journal import restarts
from blueport.daemon.journal.file import Journal
from blueport.daemon.settings import Settings
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from tests.daemon.fake_door import FakeDoor
from tests.daemon.test_daemon_deaths import daemon_process
from tests.daemon.test_sending_through_messages import texts_on_phone
from tests.daemon.waiting import ADA, LINE, until, working
from tests.patience import PATIENCE_S

MINUTE_MS = 60_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a daemon that waits no longer than a test does."""
    return msgspec.structs.replace(settings, send_timeout_s=2, proof_timeout_s=4)


def is_degraded(door: FakeDoor) -> bool:
    return door.hellos[-1].lines[0].health == "degraded"


def launches(mac: SimulatedMac) -> int:
    return mac.messages.application.launches


def let_time_pass(settings: Settings) -> None:
    """Let the last restart be long ago."""
    with closing(sqlite3.connect(settings.journal)) as journal, journal:
        journal.execute("UPDATE messages_app SET restarted_at = restarted_at - 600000")


class TestRestart:
    async def test_it_is_started_anew_and_what_waited_goes_out(  # send-18
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("stuck"))
        lost, *rest = [door.accept(LINE, ADA, text) for text in ("Lost", "Second", "Third")]

        async with working(settings, door):
            await until(lambda: is_degraded(door))
            await until(lambda: all(work.is_over for work in (lost, *rest)))
            await until(lambda: not is_degraded(door))

        assert (lost.error, [work.status for work in rest]) == ("outcome_unknown", ["sent", "sent"])
        assert texts_on_phone(mac, ADA) == ["Second", "Third"]
        assert launches(mac) == 1

    async def test_one_that_has_nothing_to_send_is_started_anew_as_well(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("stuck"))
        door.accept(LINE, ADA, "Lost")

        async with working(settings, door):
            await until(lambda: launches(mac) == 1)

    async def test_it_is_done_once_in_ten_minutes_and_meanwhile_nothing_is_begun(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("stuck", times=2))
        first, second, third = [door.accept(LINE, ADA, text) for text in ("1", "2", "3")]

        async with working(settings, door):
            await until(lambda: first.is_over and second.is_over)
            asked = door.knocks["begin"]
            await asyncio.sleep(2 * settings.send_timeout_s)
            assert (launches(mac), third.begun, door.knocks["begin"]) == (1, False, asked)
            let_time_pass(settings)
            await until(lambda: third.status == "sent")

        assert launches(mac) == 2
        assert (third.attempts, texts_on_phone(mac, ADA)) == (1, ["3"])

    async def test_not_while_what_it_was_given_may_be_under_way(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("stuck"))
        work = door.accept(LINE, ADA, "On its way")

        async with working(msgspec.structs.replace(settings, hang_patience_s=600, proof_timeout_s=60), door):
            await until(lambda: is_degraded(door))
            await asyncio.sleep(2 * settings.send_timeout_s)
            assert launches(mac) == 0
            mac.db.add_message("On its way", chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: work.status == "sent")
            # All that it was given is accounted for now.
            await until(lambda: launches(mac) == 1)

    async def test_a_daemon_that_died_over_it_does_not_do_it_again_at_once(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        (tmp_path / "daemon.restarting").touch()
        mac.faults.add(Fault("stuck"))
        lost, second = door.accept(LINE, ADA, "Lost"), door.accept(LINE, ADA, "Second")
        more = {"SEND_TIMEOUT_S": "1", "NOT_NOW_RETRY_S": "0.1", "HANG_PATIENCE_S": "1"}
        async with daemon_process(settings, tmp_path, **more) as first:
            await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert (first.returncode, launches(mac)) == (-signal.SIGKILL, 0)

        async with daemon_process(settings, tmp_path, **more):
            await until(lambda: lost.is_over and is_degraded(door))
            await asyncio.sleep(2)
            assert (launches(mac), second.begun) == (0, False)
            let_time_pass(settings)
            await until(lambda: second.status == "sent")

        assert (launches(mac), texts_on_phone(mac, ADA)) == (1, ["Second"])

    def test_a_clock_that_was_set_back_delays_it_by_ten_minutes_at_most(self, journal: Journal) -> None:
        moment = now_ms()
        restarts.note(journal, moment + 60 * MINUTE_MS)

        assert not restarts.is_due(journal, moment)
        assert not restarts.is_due(journal, moment + 9 * MINUTE_MS)
        assert restarts.is_due(journal, moment + 10 * MINUTE_MS)


class TestQuestionOnTheScreen:
    async def test_who_never_got_an_answer_takes_it_for_a_missing_permission(  # send-28
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("asks_permission"))
        work = [door.accept(LINE, ADA, text) for text in ("First", "Second")]

        async with working(settings, door):
            await until(lambda: door.hellos[-1].lines[0].health == "no_automation")
            assert "Automation" in (door.hellos[-1].lines[0].hint or "")
            assert [(item.begun, item.error) for item in work] == [(False, None)] * 2
            mac.faults.add(Fault("gives_permission"))
            await until(lambda: all(item.status == "sent" for item in work))
            await until(lambda: door.hellos[-1].lines[0].health == "ok")

        assert [item.attempts for item in work] == [1, 1]
        assert (texts_on_phone(mac, ADA), launches(mac)) == (["First", "Second"], 0)

    async def test_who_is_refused_waits_with_nothing_begun(  # send-28
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("denies_permission"))
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: door.hellos[-1].lines[0].health == "no_automation")
            assert not work.begun
            mac.faults.add(Fault("gives_permission"))
            await until(lambda: work.status == "sent")
