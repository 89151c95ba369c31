"""People without iMessage: what they write and get is green, and nobody is told what became of it."""

from collections.abc import AsyncIterator

import pytest

from blueport.simulator.mac import NotPossibleError, SimulatedMac
from blueport.simulator.tapbacks import Sign
from blueport.typedstream import decode
from tests.simulator.scripting import ADA, BO, BY_SMS, TO_CHAT, TO_PERSON, Imsg, imsg, osascript, seen, until

ROWS = "SELECT message.service, is_from_me, is_sent, is_delivered, error FROM message ORDER BY message.ROWID"


@pytest.fixture
def green(mac: SimulatedMac) -> SimulatedMac:
    """A Mac to which Ada, who has no iMessage, has written."""
    mac.add_person(ADA, has_imessage=False)
    return mac


@pytest.fixture
async def rpc(green: SimulatedMac) -> AsyncIterator[Imsg]:
    async with imsg(green.settings.folder) as rpc:
        yield rpc


async def settled(mac: SimulatedMac) -> None:
    await until(lambda: not mac.phones.under_way())


async def test_what_they_write_is_an_sms_and_so_is_what_goes_back(green: SimulatedMac) -> None:
    await green.person_texts(ADA, "Hi")
    [(guid,)] = seen(green.settings.folder, "SELECT guid FROM chat")
    await osascript(green.settings.folder, TO_CHAT, str(guid), "There")
    await settled(green)

    assert [bubble.service for bubble in green.phones.screen(ADA)] == ["SMS", "SMS"]
    assert seen(green.settings.folder, ROWS) == [("SMS", 0, 0, 1, 0), ("SMS", 1, 1, 0, 0)]
    assert seen(green.settings.folder, "SELECT DISTINCT service_name FROM chat") == [("SMS",)]


async def test_an_imessage_does_not_reach_them_and_an_sms_does(green: SimulatedMac) -> None:
    await osascript(green.settings.folder, TO_PERSON, ADA, "Blue")
    await osascript(green.settings.folder, BY_SMS, ADA, "Green")
    await settled(green)

    assert [(bubble.text, bubble.service) for bubble in green.phones.screen(ADA)] == [("Green", "SMS")]
    assert seen(green.settings.folder, ROWS) == [("iMessage", 1, 0, 0, 22), ("SMS", 1, 1, 0, 0)]


async def test_who_gets_imessage_back_writes_blue_again(green: SimulatedMac) -> None:
    await green.person_texts(ADA, "Green")
    green.add_person(ADA, has_imessage=True)

    await green.person_texts(ADA, "Blue")

    assert [bubble.service for bubble in green.phones.screen(ADA)] == ["SMS", "iMessage"]
    assert green.phones.people()[0].has_imessage


async def test_a_group_with_one_of_them_is_green_for_all(green: SimulatedMac) -> None:
    group = green.add_group([ADA, BO])

    await green.person_texts(BO, "Hi", to=group)

    assert [green.phones.screen(person)[0].service for person in (ADA, BO)] == ["SMS", "SMS"]
    assert seen(green.settings.folder, "SELECT service_name FROM chat") == [("SMS",)]


async def test_a_tapback_of_theirs_comes_in_words(green: SimulatedMac) -> None:
    guid = await green.person_texts(ADA, "Hi")

    await green.person_reacts(ADA, guid, Sign("love", None))

    [(body, kind)] = seen(
        green.settings.folder, "SELECT attributedBody, associated_message_type FROM message WHERE ROWID = 2"
    )
    assert isinstance(body, bytes)
    assert (decode(body).text, kind) == ("Loved \u201cHi\u201d", 0)


async def test_a_tapback_of_the_line_shows_in_words(green: SimulatedMac, rpc: Imsg) -> None:
    guid = await green.person_texts(ADA, "Hi")

    await rpc.call("tapback", chat_guid=f"any;-;{ADA}", message_guid=guid, reaction="love")
    await settled(green)

    assert [bubble.text for bubble in green.phones.screen(ADA)] == ["Hi", "Loved \u201cHi\u201d"]
    assert green.phones.screen(ADA)[0].reactions == ()


async def test_nobody_is_told_of_reading_or_typing(green: SimulatedMac, rpc: Imsg) -> None:
    await green.person_texts(ADA, "Hi")
    await osascript(green.settings.folder, BY_SMS, ADA, "There")
    await settled(green)

    for method, more in (("read", {}), ("typing", {"typing": True})):
        await rpc.call(method, chat_guid=f"any;-;{ADA}", **more)
    await green.person_reads(ADA)

    assert green.phones.screen(ADA)[0].read_at is None
    assert green.messages.lines_that_type(ADA) == []
    assert seen(green.settings.folder, "SELECT date_read FROM message WHERE is_from_me = 1") == [(None,)]


async def test_what_has_gone_out_stays_and_answers_nothing(green: SimulatedMac) -> None:
    guid = await green.person_texts(ADA, "Hi")

    for refused in (
        green.person_edits(ADA, guid, "Ho"),
        green.person_unsends(ADA, guid),
        green.person_texts(ADA, "Well?", reply_to_guid=guid),
    ):
        with pytest.raises(NotPossibleError):
            await refused
    assert [bubble.text for bubble in green.phones.screen(ADA)] == ["Hi"]


def test_an_apple_id_cannot_be_without_it(mac: SimulatedMac) -> None:
    with pytest.raises(NotPossibleError):
        mac.add_person(BO, has_imessage=False)

    assert [person.handle for person in mac.phones.people()] == [ADA]
