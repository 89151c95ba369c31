"""Two accounts on one server: to each the other is not there."""

from typing import NamedTuple

import httpx2
import pytest

from blueport.protocol.door import Hello, LineReport, Sightings
from tests.server.answers import assert_refused
from tests.server.world import ADA, CARL, Customer, Json, World, reaction_to, text_from

# Every request has a request id and counts.
OWN = {"x-request-id", "ratelimit", "ratelimit-remaining"}
UNKNOWN = "00000000000000000000000000"
ALL = ("replies", "reactions", "typing", "receipts", "audio")
HOOK = {"url": "https://agent.example.com/hook", "events": ["message.received"]}


class Belongings(dict[str, str]):
    """What is Bob's, by the name under which the table below asks for it."""


@pytest.fixture
def bobs(alice: Customer, bob: Customer) -> Belongings:
    return _belongings(alice, bob)


@pytest.fixture(scope="module")
def still_bobs(still_alice: Customer, still_world: World) -> Belongings:
    return _belongings(still_alice, still_world.customer("Bob", "+15550102000"))


@pytest.fixture(scope="module")
def own_file(still_alice: Customer) -> str:
    return still_alice.keeps()


def _belongings(alice: Customer, bob: Customer) -> Belongings:
    """Have Ada write to both, Carl only to Bob, and Bob answer; return what is Bob's."""
    alice.hears(ADA)
    bob.hears(ADA, "For Bob alone")
    guid = bob.hears(CARL)
    bob.mac.sees(reaction_to(guid, bob.line, CARL), reaction_to(guid, bob.line, None, "like"))
    alice.mac.hello(alice.line, capabilities=ALL)
    bob.mac.hello(bob.line, capabilities=ALL)
    webhook = bob.webhook("https://bob.example.com/hook")
    message = bob.messages(CARL)[0]
    return Belongings(
        line=bob.line,
        line_id=bob.line_id,
        chat_id=message["chat_id"],
        message_id=message["id"],
        guid=guid,
        part=f"p:0/{guid}",
        outbox_id=bob.sends(),
        signal_id=bob.accepted("/v1/typing"),
        file_id=bob.keeps(),
        person=CARL,
        webhook_id=webhook["id"],
    )


class Asked(NamedTuple):
    """A request in which `?` stands for one of Bob's belongings, and what stands there when it is nobody's.

    `!` stands for a file of Alice's own.
    """

    method: str
    path: str
    what: str
    form: Json
    unknown: str


ASKED = [
    Asked("GET", "/v1/chats", "line", {"from": "?"}, "+15559999999"),
    Asked("GET", "/v1/chats", "line_id", {"from": "?"}, f"ln_{UNKNOWN}"),
    Asked("GET", "/v1/webhooks", "line", {"from": "?"}, "+15559999999"),
    Asked("GET", "/v1/webhooks", "line_id", {"from": "?"}, f"ln_{UNKNOWN}"),
    Asked("GET", "/v1/outbox", "outbox_id", {"id": "?"}, f"obx_{UNKNOWN}"),
    Asked("POST", "/v1/messages", "line", {"from": "?", "to": ADA, "text": "Hi"}, "+15559999999"),
    Asked("POST", "/v1/messages", "line_id", {"from": "?", "to": ADA, "text": "Hi"}, f"ln_{UNKNOWN}"),
    Asked("POST", "/v1/messages", "chat_id", {"from": "+15550101000", "to": "?", "text": "Hi"}, f"cht_{UNKNOWN}"),
    Asked(
        "POST",
        "/v1/messages",
        "message_id",
        {"from": "+15550101000", "to": ADA, "text": "Hi", "reply_to": "?"},
        "msg_1",
    ),
    Asked("POST", "/v1/messages", "guid", {"from": "+15550101000", "to": ADA, "text": "Hi", "reply_to": "?"}, "GUID-0"),
    Asked(
        "POST",
        "/v1/messages",
        "part",
        {"from": "+15550101000", "to": ADA, "text": "Hi", "reply_to": "?"},
        "p:0/GUID-0",
    ),
    Asked(
        "POST",
        "/v1/messages",
        "file_id",
        {"from": "+15550101000", "to": ADA, "attachments": ["?"]},
        f"file_{UNKNOWN}",
    ),
    Asked("GET", "/v1/outbox", "signal_id", {"id": "?"}, f"obx_{UNKNOWN}"),
    Asked("GET", "/v1/reactions", "message_id", {"message_id": "?"}, f"msg_{UNKNOWN}"),
    Asked("GET", "/v1/reactions", "guid", {"message_id": "?"}, "GUID-0"),
    Asked("GET", "/v1/reactions", "part", {"message_id": "?"}, "p:0/GUID-0"),
    *[
        Asked("GET", path, what, {"from": "+15550101000", "to": ADA} | {name: "?"}, unknown)
        for path in ("/v1/messages", "/v1/typing", "/v1/receipts")
        for what, name, unknown in (
            ("line", "from", "+15559999999"),
            ("line_id", "from", f"ln_{UNKNOWN}"),
            ("chat_id", "to", f"cht_{UNKNOWN}"),
            ("person", "to", "+15559999998"),
        )
    ],
    *[
        Asked("POST", path, what, {"from": "+15550101000", "to": ADA} | more | {name: "?"}, unknown)
        for path, more in (
            ("/v1/audio-messages", {"audio_message": f"file_{UNKNOWN}"}),
            ("/v1/reactions", {"message_id": "GUID-0", "type": "love"}),
            ("/v1/typing", {}),
            ("/v1/receipts", {}),
        )
        for what, name, unknown in (
            ("line", "from", "+15559999999"),
            ("line_id", "from", f"ln_{UNKNOWN}"),
            ("chat_id", "to", f"cht_{UNKNOWN}"),
        )
    ],
    Asked(
        "POST",
        "/v1/audio-messages",
        "file_id",
        {"from": "+15550101000", "to": ADA, "audio_message": "?"},
        f"file_{UNKNOWN}",
    ),
    *[
        Asked("POST", path, what, {"from": "+15550101000", "to": ADA} | more | {name: "?"}, unknown)
        for path, more, name in (
            ("/v1/audio-messages", {"audio_message": "!"}, "reply_to"),
            ("/v1/reactions", {"type": "love"}, "message_id"),
        )
        for what, unknown in (("message_id", f"msg_{UNKNOWN}"), ("guid", "GUID-0"), ("part", "p:0/GUID-0"))
    ],
    Asked("POST", "/v1/webhooks", "line", {"from": "?", **HOOK}, "+15559999999"),
    Asked("POST", "/v1/webhooks", "line_id", {"from": "?", **HOOK}, f"ln_{UNKNOWN}"),
    Asked("DELETE", "/v1/webhooks", "webhook_id", {"id": "?"}, f"wh_{UNKNOWN}"),
]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: f"{asked.method} {asked.path} {asked.what}")
def test_what_is_anothers_and_what_is_unknown_answer_alike(
    still: Customer, still_bobs: Belongings, own_file: str, asked: Asked
) -> None:
    # srv-101
    foreign = _ask(still, asked, still_bobs[asked.what], own_file)
    nobodys = _ask(still, asked, asked.unknown, own_file)

    assert foreign.status_code == 404
    assert asked.form[foreign.json()["error"]["param"]] in ("?", ["?"]), "nothing else was wrong"
    assert _without_request_id(foreign) == _without_request_id(nobodys)
    assert _without_own(foreign) == _without_own(nobodys)


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/v1/messages", {"text": "Hi"}),
        ("/v1/audio-messages", {"audio_message": f"file_{UNKNOWN}"}),
        ("/v1/reactions", {"message_id": "GUID-0", "type": "love"}),
        ("/v1/typing", {}),
        ("/v1/receipts", {}),
    ],
)
def test_one_who_wrote_to_another_alone_and_one_who_wrote_to_nobody_are_alike(
    still: Customer, still_bobs: Belongings, path: str, more: dict[str, str]
) -> None:
    written_to_bob, written_to_nobody = (
        still.post(path, {"from": still.line, "to": person, **more})
        for person in (still_bobs["person"], "+15559999998")
    )

    assert_refused(written_to_bob, 403, "contact_has_not_messaged", "to")
    assert _without_request_id(written_to_bob) == _without_request_id(written_to_nobody)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/lines", {}),
        ("/v1/webhooks", {}),
        ("/v1/chats", {"from": "{line}"}),
        ("/v1/messages", {"from": "{line}", "to": CARL}),
        ("/v1/reactions", {"message_id": "GUID-of-both"}),
    ],
)
def test_a_cursor_of_another_is_as_good_as_none(
    alice: Customer, bob: Customer, path: str, query: dict[str, str]
) -> None:
    """Typing and receipts are not asked: of a chat with one person there is no second page."""
    for customer in (alice, bob):
        customer.hears(ADA)
        customer.hears(CARL)
        customer.hears(CARL, guid="GUID-of-both")
        customer.mac.sees(*[reaction_to("GUID-of-both", customer.line, person) for person in (CARL, None)])
        customer.webhook("https://agent.example.com/1")
        customer.webhook("https://agent.example.com/2")
        customer.world.add_line(customer.account_id, f"{customer.line}9", customer.mac)

    def page(customer: Customer, **more: str) -> Json:
        asked = {name: value.format(line=customer.line) for name, value in query.items()}
        return customer.get(path, {"limit": "1", **asked, **more})

    cursor = page(bob).json()["next_cursor"]
    assert page(bob, cursor=cursor).status_code == 200

    foreign = page(alice, cursor=cursor)

    assert_refused(foreign, 400, "invalid_parameter_value", "cursor")
    for nobodys in (cursor[:-4] + "AAAA", "AAAA" + cursor[4:], "A" * 40):
        assert _without_request_id(foreign) == _without_request_id(page(alice, cursor=nobodys))


def test_every_foreign_thing_is_found_by_its_owner(bob: Customer, bobs: Belongings) -> None:
    """Prove that the table above asks for what exists."""
    assert bob.get("/v1/messages", {"from": bobs["line"], "to": bobs["chat_id"]}).json()["data"]
    assert bob.get("/v1/messages", {"from": bobs["line_id"], "to": CARL}).json()["data"][0]["id"] == bobs["message_id"]
    assert bob.item(bobs["outbox_id"])["status"] == "pending"
    assert bob.item(bobs["signal_id"])["status"] == "pending"
    for name in ("message_id", "guid", "part"):
        assert len(bob.get("/v1/reactions", {"message_id": bobs[name]}).json()["data"]) == 2
        asked = {"from": bob.line, "to": bobs["chat_id"], "audio_message": bobs["file_id"], "reply_to": bobs[name]}
        assert bob.post("/v1/audio-messages", asked).status_code == 201
    assert bob.delete("/v1/webhooks", {"id": bobs["webhook_id"]}).status_code == 200


def test_no_list_shows_a_row_of_another(alice: Customer, bob: Customer, bobs: Belongings) -> None:
    lists = [
        alice.get("/v1/lines"),
        alice.get("/v1/webhooks"),
        alice.get("/v1/chats", {"from": alice.line}),
        alice.get("/v1/messages", {"from": alice.line, "to": ADA}),
        alice.get("/v1/typing", {"from": alice.line, "to": ADA}),
        alice.get("/v1/receipts", {"from": alice.line, "to": ADA}),
        alice.get("/v1/reactions", {"message_id": alice.messages()[0]["id"]}),
    ]

    shown = "".join(answer.text for answer in lists)
    assert not [name for name, value in bobs.items() if value in shown]
    assert "For Bob alone" not in shown
    assert bob.line_id not in shown
    assert len(alice.get("/v1/chats", {"from": alice.line}).json()["data"]) == 1


@pytest.mark.usefixtures("bobs")
def test_owner_fields_in_a_request_give_nothing(alice: Customer, bob: Customer) -> None:
    # srv-101: whose request it is follows from the key alone.
    alice.hears(ADA)
    theirs = {"account_id": bob.account_id, "account": "Bob", "owner": "bob@example.com", "line_id": bob.line_id}
    hook = {"from": "", "url": "https://agent.example.com/", "events": ["message.received"]}
    before = bob.get("/v1/webhooks").json()["data"]

    made = alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hi"} | theirs).json()
    hooked = alice.post("/v1/webhooks", hook | theirs).json()
    assert alice.post("/v1/settings", {"stop_handling": True} | theirs).status_code == 200

    assert alice.item(made["id"])["line_id"] == alice.line_id
    assert hooked["line_ids"] == [alice.line_id]
    assert bob.get("/v1/webhooks").json()["data"] == before
    assert bob.get("/v1/settings").json()["stop_handling"] is False
    assert made["id"] not in [item.id for item in bob.mac.claim()]
    for path in ("/v1/lines", "/v1/webhooks", "/v1/webhooks/deliveries", "/v1/events", "/v1/settings", "/v1/sandbox"):
        kept, told = (alice.get(path, query).json() for query in ({}, theirs))
        assert kept | {"request_id": ""} == told | {"request_id": ""}, path


def test_a_person_who_wrote_to_bob_has_not_written_to_alice(alice: Customer, bob: Customer) -> None:
    bob.hears(CARL)

    answer = alice.post("/v1/messages", {"from": alice.line, "to": CARL, "text": "Hi"})

    assert_refused(answer, 403, "contact_has_not_messaged", "to")


class TestMacs:
    """A Mac serves its own lines, and no word about others is taken from it."""

    def test_a_mac_gets_no_work_of_another_line(self, alice: Customer, bob: Customer) -> None:
        alice.hears(ADA)
        alice.sends()

        assert bob.mac.claim() == []
        assert len(alice.mac.claim()) == 1

    def test_a_mac_cannot_say_that_it_serves_another_line(self, alice: Customer, bob: Customer) -> None:
        hello = Hello("journal-1", "1", (LineReport(bob.line), LineReport(alice.line)))

        assert_refused(bob.mac.knock("hello", hello), 403, "line_not_accessible")

    def test_sightings_on_another_line_are_refused_whole(self, alice: Customer, bob: Customer) -> None:
        before = alice.world.rows("messages")
        seen = (text_from(CARL, bob.line), text_from(CARL, alice.line))

        answer = bob.mac.knock("sightings", Sightings("journal-1", seen))

        assert_refused(answer, 404, "line_not_found")
        assert alice.world.rows("messages") == before

    def test_a_mac_cannot_end_an_item_of_another_even_with_its_token(self, alice: Customer, bob: Customer) -> None:
        alice.hears(ADA)
        outbox_id = alice.sends()
        (item,) = alice.mac.claim()

        assert bob.mac.fail(item, permanent=True) is False

        assert alice.item(outbox_id)["status"] == "claimed"


def _ask(customer: Customer, asked: Asked, put_in: str, own_file: str) -> Json:
    places: dict[str, Json] = {"?": put_in, "['?']": [put_in], "!": own_file}
    given = {name: places.get(str(value), value) for name, value in asked.form.items()}
    if asked.method == "GET":
        return customer.get(asked.path, given)
    return customer.call(asked.method, asked.path, json=given)


def _without_own(answer: httpx2.Response) -> dict[str, str]:
    """Return the headers but those that differ from each request to the next."""
    return {name: value for name, value in answer.headers.items() if name not in OWN}


def _without_request_id(answer: Json) -> Json:
    body = answer.json()
    del body["request_id"]
    return body
