"""Groups that `imsg` begins and changes on the simulated Mac: in chat.db and on the phones."""

from collections.abc import AsyncIterator

import pytest

from blueport.simulator.faults import Fault
from blueport.simulator.mac import NotOnThisMacError, NotPossibleError, SimulatedMac
from blueport.simulator.phones import GroupNote
from tests.simulator.scripting import ADA, BO, LINE, Imsg, imsg, own_rows, seen, until

CY = "+15550100003"


@pytest.fixture
async def rpc(mac: SimulatedMac) -> AsyncIterator[Imsg]:
    async with imsg(mac.settings.folder) as rpc:
        yield rpc


async def settled(mac: SimulatedMac) -> None:
    await until(lambda: not mac.phones.under_way())


async def test_its_chat_its_people_and_its_first_text_are_there(mac: SimulatedMac, rpc: Imsg) -> None:
    answer = await rpc.call("chats.create", addresses=[ADA, BO], text="Hi all", name="Trip")

    await settled(mac)
    [group] = mac.phones.groups()
    assert answer["result"]["ok"]
    assert (group.name, group.members, group.line) == ("Trip", (ADA, BO), LINE)
    chats = seen(mac.settings.folder, "SELECT guid, style, chat_identifier, display_name FROM chat")
    assert chats == [(f"any;+;{group.id}", 43, group.id, "Trip")]
    members = "SELECT id FROM chat_handle_join JOIN handle ON handle.ROWID = handle_id ORDER BY chat_handle_join.ROWID"
    assert seen(mac.settings.folder, members) == [(ADA,), (BO,)]
    assert [mac.phones.screen(person)[-1].text for person in (ADA, BO)] == ["Hi all"] * 2
    events = "SELECT item_type, group_title, is_from_me FROM message ORDER BY ROWID"
    assert seen(mac.settings.folder, events) == [(2, "Trip", 1), (0, None, 1)]


async def test_one_without_a_name_is_found_again_and_one_with_a_name_is_another(mac: SimulatedMac, rpc: Imsg) -> None:
    for more in ({}, {}, {"name": "Trip"}, {"name": "Trip"}):
        await rpc.call("chats.create", addresses=[BO, ADA], text="Hi all", **more)
    await rpc.call("chats.create", addresses=[BO, ADA, CY], text="Hi all")

    await settled(mac)
    assert [group.name for group in mac.phones.groups()] == [None, "Trip", "Trip", None]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"addresses": [ADA], "text": "Hi"}, -32602),
        ({"addresses": [ADA, BO], "text": ""}, -32602),
        ({"addresses": [ADA, BO], "text": "Hi", "service": "SMS"}, -32602),
        ({"addresses": [ADA, "nobody"], "text": "Hi"}, -32603),
        ({"addresses": [ADA, ADA], "text": "Hi"}, -32603),
    ],
)
async def test_what_cannot_be_is_refused_and_begins_nothing(
    mac: SimulatedMac, rpc: Imsg, params: dict[str, object], code: int
) -> None:
    assert (await rpc.call("chats.create", **params))["error"]["code"] == code

    assert (mac.phones.groups(), own_rows(mac.settings.folder)) == ([], [])


async def test_a_fault_befalls_it_as_any_send(mac: SimulatedMac, rpc: Imsg) -> None:
    mac.faults.add(Fault(next="silent"))

    assert (await rpc.call("chats.create", addresses=[ADA, BO], text="Hi"))["result"] == {"ok": True}

    assert mac.phones.groups() == []


EVENTS = (
    "SELECT item_type, group_action_type, group_title, (SELECT id FROM handle WHERE ROWID = other_handle), is_from_me"
    " FROM message WHERE item_type != 0 ORDER BY ROWID"
)


async def test_each_change_is_a_row_of_its_own_and_shows_on_the_phones(mac: SimulatedMac, rpc: Imsg) -> None:
    group = mac.add_group([ADA, BO])
    to = {"chat_guid": f"any;+;{group}"}

    for method, more in (
        ("group.rename", {"name": "Trip"}),
        ("group.addParticipant", {"address": CY}),
        ("group.removeParticipant", {"address": BO}),
        ("group.leave", {}),
    ):
        assert await rpc.call(method, **to, **more) == {"result": {"ok": True}}

    assert seen(mac.settings.folder, EVENTS) == [
        (2, 0, "Trip", None, 1),
        (1, 0, None, CY, 1),
        (1, 1, None, BO, 1),
        (3, 0, None, None, 1),
    ]
    [shown] = mac.phones.groups()
    assert (shown.name, shown.members, shown.line) == ("Trip", (ADA, CY), "")
    notes = [(each.chat, each.note) for each in mac.phones.screen(ADA)]
    assert notes == [
        (group, GroupNote("named", "Trip")),
        (group, GroupNote("added", CY)),
        (group, GroupNote("removed", BO)),
        (group, GroupNote("left", LINE)),
    ]
    assert [each.note for each in mac.phones.screen(CY)] == [note for _, note in notes[1:]]
    assert seen(mac.settings.folder, "SELECT display_name FROM chat") == [("Trip",)]


async def test_what_is_said_in_a_group_after_we_left_stays_there(mac: SimulatedMac, rpc: Imsg) -> None:
    group = mac.add_group([ADA, BO])
    await rpc.call("group.leave", chat_guid=f"any;+;{group}")

    await mac.person_texts(ADA, "Are they gone?", to=group)

    assert mac.phones.screen(BO)[-1].text == "Are they gone?"
    assert seen(mac.settings.folder, "SELECT 1 FROM message WHERE is_from_me = 0") == []


async def test_what_cannot_be_changed_is_refused(mac: SimulatedMac, rpc: Imsg) -> None:
    group = f"any;+;{mac.add_group([ADA, BO])}"
    await mac.person_texts(ADA, "Hi")

    refused = [
        await rpc.call("group.rename", chat_guid="any;+;chat1", name="Trip"),
        await rpc.call("group.rename", chat_guid=f"any;-;{ADA}", name="Trip"),
        await rpc.call("group.addParticipant", chat_guid=group, address=BO),
        await rpc.call("group.addParticipant", chat_guid=group, address="nobody"),
        await rpc.call("group.removeParticipant", chat_guid=group, address=CY),
    ]

    assert [each["error"]["code"] for each in refused] == [-32603] * 5
    assert seen(mac.settings.folder, EVENTS) == []


BY_WHOM = (
    "SELECT item_type, group_action_type, group_title, (SELECT id FROM handle WHERE ROWID = other_handle), is_from_me,"
    " (SELECT id FROM handle WHERE ROWID = handle_id) FROM message WHERE item_type != 0 ORDER BY ROWID"
)


async def test_a_member_changes_it_as_the_line_does_and_all_see_who_it_was(mac: SimulatedMac) -> None:
    group = mac.add_group([ADA, BO])
    changes = [GroupNote("named", "Trip"), GroupNote("added", CY), GroupNote("removed", BO)]

    for change in changes:
        mac.person_changes_group(ADA, group, change)
    mac.person_changes_group(CY, group, GroupNote("left"))

    assert seen(mac.settings.folder, BY_WHOM) == [
        (2, 0, "Trip", None, 0, ADA),
        (1, 0, None, CY, 0, ADA),
        (1, 1, None, BO, 0, ADA),
        (3, 0, None, None, 0, CY),
    ]
    [shown] = mac.phones.groups()
    assert (shown.name, shown.members, shown.line) == ("Trip", (ADA,), LINE)
    notes = [(each.sender, each.from_me, each.note) for each in mac.phones.screen(ADA)]
    assert notes == [*((ADA, True, each) for each in changes), (CY, False, GroupNote("left", CY))]
    assert [each.from_me for each in mac.phones.screen(BO)] == [False, False]
    members = "SELECT id FROM chat_handle_join JOIN handle ON handle.ROWID = handle_id"
    assert seen(mac.settings.folder, members) == [(ADA,)]


@pytest.mark.parametrize(
    ("person", "note"),
    [
        (ADA, GroupNote("added", BO)),
        (ADA, GroupNote("added", "nobody")),
        (ADA, GroupNote("added")),
        (ADA, GroupNote("removed", CY)),
        (ADA, GroupNote("removed", LINE)),
        (CY, GroupNote("named", "Mine")),
    ],
)
async def test_what_a_member_cannot_change_stays(mac: SimulatedMac, person: str, note: GroupNote) -> None:
    group = mac.add_group([ADA, BO])

    with pytest.raises((NotOnThisMacError, NotPossibleError)):
        mac.person_changes_group(person, group, note)

    assert seen(mac.settings.folder, EVENTS) == []
    assert mac.phones.groups()[0].members == (ADA, BO)


async def test_the_last_member_stays_and_by_sms_all_stays(mac: SimulatedMac) -> None:
    alone, green = mac.add_group([ADA]), mac.add_group([ADA, CY])
    mac.add_person(CY, has_imessage=False)

    for group, note in ((alone, GroupNote("left")), (green, GroupNote("named", "Trip"))):
        with pytest.raises(NotPossibleError):
            mac.person_changes_group(ADA, group, note)

    assert seen(mac.settings.folder, EVENTS) == []
