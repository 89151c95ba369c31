"""A whole daemon between a server and a simulated Mac: what is accepted is sent once, or reported as failed."""

from blueport.daemon.settings import Settings
from blueport.simulator.mac import SimulatedMac
from tests.daemon.fake_door import FakeDoor
from tests.daemon.waiting import ADA, LINE, until, working


def texts_on_phone(mac: SimulatedMac, person: str) -> list[str | None]:
    return [shown.text for shown in mac.phones.screen(person) if not shown.from_me]


class TestSendText:
    async def test_a_text_reaches_the_phone_and_is_told_with_its_proof(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept(LINE, ADA, "Hello Ada")

        async with working(settings, door):
            await until(lambda: work.status == "sent")

        assert texts_on_phone(mac, ADA) == ["Hello Ada"]
        assert [(seen.text, seen.is_from_me, seen.proves.outbox_id) for seen in door.messages if seen.proves] == [
            ("Hello Ada", True, work.id)
        ]

    async def test_a_person_s_text_is_told(self, mac: SimulatedMac, door: FakeDoor, settings: Settings) -> None:
        async with working(settings, door):
            await mac.person_texts(ADA, "Hi")
            await until(lambda: door.received() == ["Hi"])

        assert door.messages[0].sender == ADA
