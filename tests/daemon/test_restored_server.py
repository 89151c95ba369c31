"""A server that was restored from an old copy offers again what has ended since: it is not done again."""

from blueport.daemon.settings import Settings
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from tests.daemon.fake_door import FakeDoor, Work
from tests.daemon.test_sending_through_messages import texts_on_phone
from tests.daemon.waiting import ADA, LINE, until, working


class TestRestoredServer:
    async def test_what_was_sent_is_proven_again(self, mac: SimulatedMac, door: FakeDoor, settings: Settings) -> None:
        texts = ["Hi", "ok", "ok"]
        work = [door.accept(LINE, ADA, text) for text in texts]

        async with working(settings, door):
            await until(lambda: all(item.status == "sent" for item in work))
            await until(lambda: door.knocks["sightings"] > 0)
            guids = {seen.guid for seen in door.messages}
            door.messages.clear()
            for item in work:
                forget_ending(item)
            work.append(door.accept(LINE, ADA, "Later"))
            await until(lambda: all(item.status == "sent" for item in work))

        assert {seen.guid for seen in door.messages} > guids
        assert texts_on_phone(mac, ADA) == [*texts, "Later"]

    async def test_what_was_sent_and_edited_since_is_proven_again(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: work.status == "sent")
            row = mac.db.message(door.messages[0].guid)
            assert row is not None
            mac.db.write_body(row, "Hi, edited")
            await until(lambda: [change.text for change in door.changes] == ["Hi, edited"])
            forget_ending(work)
            await until(lambda: work.is_over)
            assert work.status == "sent"
            mac.db.write_body(row, "Edited again")
            await until(lambda: door.changes[-1].text == "Edited again")

        assert texts_on_phone(mac, ADA) == ["Hi"]

    async def test_what_is_still_looked_for_holds_nothing_up(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("silent"))
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: not mac.faults.pending() and work.begun)
            forget_ending(work)
            later = door.accept(LINE, ADA, "Later")
            await until(lambda: later.status == "sent")
            mac.db.add_message("Hi", chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: work.status == "sent")

        assert texts_on_phone(mac, ADA) == ["Later"]

    async def test_what_was_sent_and_deleted_since_is_not_sent_again(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: work.status == "sent")
        mac.db.rows("DELETE FROM message")
        forget_ending(work)
        async with working(settings, door):
            await until(lambda: work.is_over)
            later = door.accept(LINE, ADA, "Later")
            await until(lambda: later.status == "sent")

        assert work.error == "outcome_unknown"
        assert texts_on_phone(mac, ADA) == ["Hi", "Later"]

    async def test_what_failed_for_good_fails_again_by_the_same_word(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("error", number=-2741))
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: work.status == "failed")
            forget_ending(work)
            await until(lambda: work.is_over)

        assert work.error == "applescript_error_-2741"
        assert texts_on_phone(mac, ADA) == []


def forget_ending(work: Work) -> None:
    work.status, work.error, work.token, work.begun, work.nonce = "pending", None, "", False, ""
