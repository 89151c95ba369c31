"""Edits and unsends of our own messages, as `imsg` asks for them: in chat.db and on the phones."""

import plistlib
from collections.abc import AsyncIterator

import pytest

from blueport.clock import now_ms
from blueport.simulator import carrying
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import Settings
from blueport.typedstream import decode
from tests.simulator.scripting import ADA, BO, TO_CHAT, Imsg, Json, imsg, osascript, own_rows, seen, until

ADAS_CHAT = f"any;-;{ADA}"
MINUTE_MS = 60_000
ROW = "SELECT attributedBody, message_summary_info, date_edited > 0 FROM message WHERE guid = '{}'"


@pytest.fixture
async def ours(mac: SimulatedMac) -> str:
    """The guid of what we sent to Ada, who has written before."""
    await mac.person_texts(ADA, "Hi")
    return await sent(mac, ADAS_CHAT)


@pytest.fixture
async def rpc(mac: SimulatedMac, ours: str) -> AsyncIterator[Imsg]:
    assert ours
    async with imsg(mac.settings.folder) as rpc:
        yield rpc


async def sent(mac: SimulatedMac, chat: str) -> str:
    await osascript(mac.settings.folder, TO_CHAT, chat, "Teh")
    await settled(mac)
    [(guid,)] = seen(mac.settings.folder, "SELECT guid FROM message WHERE is_from_me = 1")
    return str(guid)


async def settled(mac: SimulatedMac) -> None:
    await until(lambda: not mac.phones.under_way())


def edit(guid: str, text: str = "The", **more: object) -> Json:
    return {"chat_guid": ADAS_CHAT, "message_guid": guid, "text": text, **more}


async def test_an_edit_adds_a_version_to_the_row_and_is_on_the_phone(mac: SimulatedMac, rpc: Imsg, ours: str) -> None:
    assert await rpc.call("message.edit", **edit(ours)) == {"result": {"ok": True}}

    await settled(mac)
    [(body, summary, is_dated)] = seen(mac.settings.folder, ROW.format(ours))
    assert isinstance(body, bytes)
    assert isinstance(summary, bytes)
    versions = [decode(version["t"]).text for version in plistlib.loads(summary)["ec"]["0"]]
    assert (decode(body).text, versions, is_dated) == ("The", ["Teh", "The"], 1)
    assert len(own_rows(mac.settings.folder)) == 1, "an edit has no row of its own"
    assert [(each.text, each.edits) for each in mac.phones.screen(ADA)] == [("Hi", 0), ("The", 1)]


async def test_an_unsend_empties_the_row_and_leaves_a_note_on_the_phone(
    mac: SimulatedMac, rpc: Imsg, ours: str
) -> None:
    assert await rpc.call("message.unsend", chat_guid=ADAS_CHAT, message_guid=ours) == {"result": {"ok": True}}

    await settled(mac)
    [(body, summary, is_dated)] = seen(mac.settings.folder, ROW.format(ours))
    assert isinstance(summary, bytes)
    assert (body, plistlib.loads(summary)["rp"], is_dated) == (None, [0], 1)
    assert mac.phones.screen(ADA)[-1].unsent_at is not None


async def test_all_of_a_group_see_it(mac: SimulatedMac) -> None:
    group = mac.add_group([ADA, BO])
    guid = await sent(mac, f"any;+;{group}")
    async with imsg(mac.settings.folder) as rpc:
        await rpc.call("message.edit", **edit(guid, chat_guid=f"any;+;{group}"))
        await settled(mac)

    assert [mac.phones.screen(person)[-1].text for person in (ADA, BO)] == ["The", "The"]


async def test_what_messages_does_not_do_is_refused_and_changes_nothing(
    mac: SimulatedMac, rpc: Imsg, ours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = mac.phones.screen(ADA)[0].guid
    refused = [
        await rpc.call("message.edit", **edit("NOWHERE")),
        await rpc.call("message.edit", **edit(theirs)),
        await rpc.call("message.edit", **edit(ours, chat_guid="any;-;+15550109999")),
        await rpc.call("message.edit", **edit(ours, part_index=1)),
        await rpc.call("message.unsend", chat_guid=ADAS_CHAT, message_guid=theirs),
    ]
    for text in "abcde":
        await rpc.call("message.edit", **edit(ours, text))
        await settled(mac)
    refused.append(await rpc.call("message.edit", **edit(ours, "f")))
    monkeypatch.setattr(carrying, "now_ms", lambda: now_ms() + 3 * MINUTE_MS)
    refused.append(await rpc.call("message.unsend", chat_guid=ADAS_CHAT, message_guid=ours))

    assert [(each["error"]["code"], each["error"]["data"]["disposition"]) for each in refused] == [
        (-32603, "not_started")
    ] * 7
    assert mac.phones.screen(ADA)[-1].text == "e"


async def test_after_an_unsend_nothing_more_is_done_to_it(mac: SimulatedMac, rpc: Imsg, ours: str) -> None:
    await rpc.call("message.unsend", chat_guid=ADAS_CHAT, message_guid=ours)
    await settled(mac)

    for method, params in (("message.edit", edit(ours)), ("message.unsend", {"chat_guid": ADAS_CHAT})):
        answer = await rpc.call(method, **{"message_guid": ours, **params})
        assert answer["error"]["code"] == -32603


async def test_late_is_late_and_silence_is_silence(mac: SimulatedMac, rpc: Imsg, ours: str) -> None:
    mac.faults.add(Fault(next="silent"))
    mac.faults.add(Fault(next="late", after_ms=1))

    assert (await rpc.call("message.edit", **edit(ours, "Never")))["result"]["ok"]
    assert (await rpc.call("message.edit", **edit(ours, "Late")))["result"]["ok"]

    await until(lambda: mac.phones.screen(ADA)[-1].text == "Late")
    assert mac.phones.screen(ADA)[-1].edits == 1


async def test_what_was_put_down_survives_a_death(settings: Settings) -> None:
    async with running(settings) as mac:
        await mac.person_texts(ADA, "Hi")
        guid = await sent(mac, ADAS_CHAT)
        async with imsg(settings.folder) as rpc:
            await rpc.call("message.edit", **edit(guid))
            mail = list(mac.phones.under_way())
            await settled(mac)
        # As if it had died with the row written, and neither the phone told nor the mail struck off.
        for each in mail:
            mac.phones.put_down(each)
    async with running(settings) as mac:
        await settled(mac)

        [(_, summary, _)] = seen(settings.folder, ROW.format(guid))
        assert isinstance(summary, bytes)
        assert len(plistlib.loads(summary)["ec"]["0"]) == 2
        assert mac.phones.screen(ADA)[-1].edits == 1
