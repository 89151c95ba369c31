"""What a line sends by: iMessage and nothing else, SMS and nothing else, or what the conversation uses."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blueport.daemon.settings import Settings
from blueport.protocol.commands import FileToSend, SendFile
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import Settings as MacSettings
from tests.daemon.fake_door import FakeDoor
from tests.daemon.test_daemon_deaths import daemon_process
from tests.daemon.test_sending_through_messages import texts_on_phone
from tests.daemon.waiting import ADA, BO, LINE, until, working

SERVICES = "SELECT service, error FROM message WHERE is_from_me ORDER BY ROWID"


@pytest.fixture
async def older_mac(tmp_path: Path) -> AsyncIterator[SimulatedMac]:
    """A Mac of a release that names conversations by their service."""
    async with running(MacSettings(folder=tmp_path / "mac", lines=(LINE,), macos="15")) as mac:
        yield mac


def services(mac: SimulatedMac) -> list[tuple[str, int]]:
    """Return by what our messages went, and how they failed."""
    return [(row["service"], row["error"]) for row in mac.db.rows(SERVICES)]


class TestIMessage:
    async def test_a_newer_sms_twin_makes_no_sms_of_it(  # send-20
        self, older_mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        for service in ("iMessage", "SMS"):
            older_mac.db.direct_chat(ADA, service=service)
        work = door.accept(LINE, ADA, "Hi", chat_guids=[f"SMS;-;{ADA}", f"iMessage;-;{ADA}"])

        async with working(settings, door):
            await until(lambda: work.status == "sent")

        assert services(older_mac) == [("iMessage", 0)]
        assert door.messages[0].service == "iMessage"

    async def test_who_is_known_by_sms_alone_is_tried_by_imessage_and_fails_with_a_word(  # send-20, send-22
        self, older_mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        older_mac.db.direct_chat(ADA, service="SMS")
        older_mac.faults.add(Fault("undelivered"))
        work = door.accept(LINE, ADA, "Hi", chat_guids=[f"SMS;-;{ADA}"])

        async with working(settings, door):
            await until(lambda: work.is_over)

        assert (work.error, services(older_mac)) == ("recipient_not_on_imessage", [("iMessage", 22)])

    async def test_what_went_by_sms_all_the_same_is_told_with_its_service(  # send-20
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        # Since macOS 26 the guid of a conversation no longer tells by what it goes.
        mac.db.direct_chat(ADA, service="SMS")
        work = door.accept(LINE, ADA, "Hi", chat_guids=[f"any;-;{ADA}"])

        async with working(settings, door):
            await until(lambda: work.status == "sent")

        assert [(seen.service, seen.proves is not None) for seen in door.messages] == [("SMS", True)]


class TestSms:
    async def test_it_goes_by_the_sms_account_also_where_there_is_an_imessage_chat(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.db.direct_chat(ADA)
        work = door.accept(LINE, ADA, "Hi", chat_guids=[f"any;-;{ADA}"], service="sms")

        async with working(settings, door):
            await until(lambda: work.status == "sent")

        assert (services(mac), texts_on_phone(mac, ADA)) == ([("SMS", 0)], ["Hi"])

    async def test_without_text_forwarding_it_fails_for_good_and_the_next_goes_on(  # send-21
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("sms_off"))
        bad, good = door.accept(LINE, ADA, "Hi", service="sms"), door.accept(LINE, ADA, "Ho")

        async with working(settings, door):
            await until(lambda: bad.is_over and good.is_over)

        assert (bad.status, bad.error, bad.attempts) == ("failed", "sms_not_available", 1)
        assert texts_on_phone(mac, ADA) == ["Ho"]


class TestAuto:
    async def test_who_has_no_imessage_is_tried_by_sms_once_and_in_order(  # send-22
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("undelivered"))
        work = [door.accept(LINE, ADA, text, service="auto") for text in ("First", "Second")]

        async with working(settings, door):
            await until(lambda: all(item.status == "sent" for item in work))

        assert sorted(services(mac)) == [("SMS", 0), ("iMessage", 0), ("iMessage", 22)]
        assert sorted(filter(None, texts_on_phone(mac, ADA))) == ["First", "Second"]
        assert [item.attempts for item in work] == [1, 1]
        assert {seen.proves.outbox_id for seen in door.messages if seen.proves} == {item.id for item in work}

    async def test_what_does_not_arrive_by_sms_either_has_failed(  # send-22
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("undelivered", times=2))
        work = door.accept(LINE, ADA, "Hi", service="auto")

        async with working(settings, door):
            await until(lambda: work.is_over)

        assert work.error == "recipient_not_on_imessage"
        assert services(mac) == [("iMessage", 22), ("SMS", 22)]

    async def test_without_text_forwarding_it_fails_with_that_word(  # send-21, send-22
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("sms_off"))
        mac.faults.add(Fault("undelivered"))
        work = door.accept(LINE, ADA, "Hi", service="auto")

        async with working(settings, door):
            await until(lambda: work.is_over)

        assert (work.error, services(mac)) == ("sms_not_available", [("iMessage", 22)])

    @pytest.mark.parametrize(("person", "error"), [(BO, 22), (ADA, 4)])
    async def test_no_apple_id_is_tried_by_sms_nor_is_anything_else_that_failed(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, person: str, error: int
    ) -> None:
        mac.faults.add(Fault("undelivered", number=error))
        work = door.accept(LINE, person, "Hi", service="auto")

        async with working(settings, door):
            await until(lambda: work.is_over)

        assert (work.status, services(mac)) == ("failed", [("iMessage", error)])

    @pytest.mark.parametrize("point", ["seen", "granted", "begun", "handed", "outcome"])
    async def test_at_whatever_point_the_daemon_dies_the_sms_is_one_at_most(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path, point: str
    ) -> None:
        async with daemon_process(settings, tmp_path) as first:
            mac.faults.add(Fault("undelivered"))
            work = door.accept(LINE, ADA, "Hi", service="auto")
            await until(lambda: bool(services(mac)))
            (tmp_path / f"daemon.{point}").touch()
            await until(lambda: first.returncode is not None or work.is_over)
        (tmp_path / f"daemon.{point}").unlink(missing_ok=True)

        async with daemon_process(settings, tmp_path):
            await until(lambda: work.is_over)

        assert services(mac).count(("SMS", 0)) <= 1
        assert texts_on_phone(mac, ADA) == (["Hi"] if work.status == "sent" else [])
        assert work.status == "sent" or (point, work.error) == ("begun", "outcome_unknown")

    async def test_an_rcs_chat_is_answered_by_its_guid_files_too(  # send-24
        self, older_mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        older_mac.db.direct_chat(ADA, service="RCS")
        guids = (f"RCS;-;{ADA}",)
        text = door.accept(LINE, ADA, "Hi", chat_guids=guids, service="auto")
        command = SendFile(ADA, guids, FileToSend("a.pdf", "application/pdf", 4), service="auto")
        file = door.accept_command(LINE, command, b"%PDF")

        async with working(settings, door):
            await until(lambda: text.status == file.status == "sent")

        assert services(older_mac) == [("RCS", 0), ("RCS", 0)]

    async def test_an_rcs_chat_that_messages_cannot_name_fails_with_a_word(  # send-24
        self, older_mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        older_mac.db.direct_chat(ADA, service="RCS")
        older_mac.faults.add(Fault("unlisted", chat=f"RCS;-;{ADA}"))
        older_mac.faults.add(Fault("sms_off"))
        older_mac.faults.add(Fault("undelivered"))
        work = door.accept(LINE, ADA, "Hi", chat_guids=(f"RCS;-;{ADA}",), service="auto")

        async with working(settings, door):
            await until(lambda: work.is_over)

        assert (work.status, work.error) == ("failed", "sms_not_available")


class TestGroups:
    async def test_one_that_is_listed_under_another_prefix_is_reached_by_that(
        self, older_mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        group = older_mac.add_group([ADA, BO])
        work = door.accept(LINE, None, "All", chat_guids=(f"any;+;{group}",))

        async with working(settings, door):
            await until(lambda: work.status == "sent")

        assert texts_on_phone(older_mac, ADA) == texts_on_phone(older_mac, BO) == ["All"]

    async def test_one_that_is_not_listed_fails_and_no_second_one_is_made(  # send-10
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        guid = f"any;+;{mac.add_group([ADA, BO])}"
        mac.faults.add(Fault("unlisted", chat=guid))
        work = door.accept(LINE, None, "All", chat_guids=(guid,))

        async with working(settings, door):
            await until(lambda: work.is_over)

        assert work.error == "chat_not_in_messages"
        assert [row["guid"] for row in mac.db.rows("SELECT guid FROM chat")] == [guid]
        assert services(mac) == []
