"""The shared line: every account pairs one phone with it, and there is nobody else there for it."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest

from blueport.protocol.sightings import AttachmentSeen, MessageChanged, ReceiptSeen, Sighting, TypingSeen
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.keys import new_daemon_token, new_key
from blueport.server.errors import MisconfiguredError
from blueport.server.ids import LineId, mint
from blueport.server.operating import service as operating
from tests.databases import Database
from tests.server.answers import assert_done, assert_marked, assert_refused
from tests.server.receiver import Receiver
from tests.server.world import (
    ADA,
    CARL,
    HOUR_MS,
    NOON_MS,
    SECOND_MS,
    Caller,
    Clock,
    Customer,
    Json,
    Mac,
    World,
    chat_with,
    proof_of,
    reaction_to,
    text_from,
    text_in_group,
)

SANDBOX = "+15550109999"
DORA = "+15550100003"
DAY_MS = 24 * HOUR_MS
LIMIT = 3
CAPABILITIES = ("replies", "reactions", "typing", "receipts", "audio")
MIDNIGHT_MS = NOON_MS - NOON_MS % DAY_MS + DAY_MS
FIELDS = {
    "status",
    "activation_code",
    "sandbox_line_handle",
    "contact_identifier",
    "activated_at",
    "usage",
    "request_id",
}


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with World(database, Clock(), sandbox_daily_limit=LIMIT).open() as world:
        yield world


@pytest.fixture
def olga(world: World) -> Customer:
    """Return the operator, on whose Mac the shared line is."""
    olga = world.customer("Olga", "+15550100900")
    shared = Line(LineId(mint("ln", NOON_MS)), olga.account_id, SANDBOX, None, "imessage", 0, "", is_sandbox=1)
    world.do(addressing.add_line, shared, olga.mac.id)
    olga.mac.hello(olga.line, SANDBOX, capabilities=CAPABILITIES)
    return olga


@pytest.fixture
def mac(olga: Customer) -> Mac:
    return olga.mac


@pytest.fixture
def alice(olga: Customer) -> Customer:
    """Return a customer who comes after the shared line."""
    return olga.world.customer("Alice", "+15550101000")


@pytest.fixture
def bob(olga: Customer) -> Customer:
    return olga.world.customer("Bob", "+15550102000")


def code_of(customer: Caller) -> str:
    return customer.post("/v1/sandbox", {}).json()["activation_code"]


def pair(customer: Caller, mac: Mac, phone: str) -> str:
    """Have a phone text the customer's code; return the guid of that text."""
    seen = text_from(phone, SANDBOX, code_of(customer))
    mac.sees(seen)
    return seen.guid


def standing(customer: Caller) -> Json:
    return customer.get("/v1/sandbox").json()


def to(person: str, text: str = "Hello", **more: Json) -> Json:
    return {"from": SANDBOX, "to": person, "text": text, **more}


def texts(customer: Caller, person: str) -> list[str]:
    answer = customer.get("/v1/messages", {"from": SANDBOX, "to": person})
    return [message["text"] for message in answer.json()["data"]]


class TestStanding:
    def test_who_has_not_asked_is_missing(self, alice: Customer) -> None:
        answer = alice.get("/v1/sandbox")

        assert_done(answer)
        assert set(answer.json()) == FIELDS
        assert answer.json() | {"request_id": ""} == {
            "status": "missing",
            "activation_code": None,
            "sandbox_line_handle": SANDBOX,
            "contact_identifier": None,
            "activated_at": None,
            "usage": {"used": 0, "limit": LIMIT, "remaining": LIMIT, "resets_at": MIDNIGHT_MS},
            "request_id": "",
        }

    @pytest.mark.parametrize("body", [b"", b"{}", b'{"anything": 1}'])
    def test_a_code_is_made_once_whatever_the_body(self, alice: Customer, body: bytes) -> None:
        first = alice.call("POST", "/v1/sandbox", content=body)
        alice.world.clock.ms += SECOND_MS
        second = alice.call("POST", "/v1/sandbox", content=body)

        assert_done(first)
        assert first.json()["status"] == "pending"
        assert first.json()["activation_code"] == second.json()["activation_code"]
        assert standing(alice)["activation_code"] == first.json()["activation_code"]
        assert alice.world.rows("sandbox_pairings") == 1

    def test_a_body_that_is_no_object_is_refused(self, alice: Customer) -> None:
        assert_refused(alice.call("POST", "/v1/sandbox", content=b"[]"), 400, "invalid_json")
        assert alice.world.rows("sandbox_pairings") == 0

    def test_looking_makes_nothing(self, alice: Customer) -> None:
        alice.get("/v1/sandbox")

        assert alice.world.rows("sandbox_pairings") == 0

    def test_without_a_shared_line_there_is_no_sandbox(self, world: World) -> None:
        alone = world.customer("Alone", "+15550101009")

        for answer in (alone.get("/v1/sandbox"), alone.post("/v1/sandbox", {})):
            assert_refused(answer, 404, "line_not_found")
        assert world.rows("sandbox_pairings") == 0

    @pytest.mark.usefixtures("olga")
    def test_an_account_of_nobody_is_refused(self, world: World) -> None:
        service = Caller(world, world.key(world.do(authorizing.new_account, "a service")))

        for answer in (
            service.get("/v1/sandbox"),
            service.post("/v1/sandbox", {}),
            service.post("/v1/messages", to(ADA)),
        ):
            assert_refused(answer, 403, "sandbox_requires_owner")


def test_stop_on_the_shared_line_is_said_to_one_account_and_costs_no_message(
    alice: Customer, bob: Customer, olga: Customer
) -> None:
    mac = olga.mac
    olga.sets(stop_handling=True)
    for customer, phone in ((alice, ADA), (bob, CARL)):
        customer.sets(stop_handling=True)
        pair(customer, mac, phone)
    mac.sees(text_from(ADA, SANDBOX, "STOP"))

    assert_refused(alice.post("/v1/messages", to(ADA)), 403, "contact_opted_out", "to")
    assert standing(alice)["usage"]["used"] == 0
    assert_done(bob.post("/v1/messages", to(CARL)), 201)

    # The phone becomes another's: what it said to the first account is none of the second's business.
    pair(olga, mac, ADA)
    assert_done(olga.post("/v1/messages", to(ADA)), 201)


class TestPairing:
    @pytest.mark.parametrize(
        "words", ["{}", "  {}\n", "My code: {}.", "({}) and thanks", "{lower}", "code\u00a0{lower}!", "ABCDEFGH {}"]
    )
    def test_the_phone_that_texts_the_code_is_paired(self, alice: Customer, mac: Mac, words: str) -> None:
        code = code_of(alice)
        alice.world.clock.ms += SECOND_MS

        mac.sees(text_from(ADA, SANDBOX, words.format(code, lower=code.lower())))

        told = standing(alice)
        assert told["status"] == "active"
        assert told["contact_identifier"] == ADA
        assert told["activated_at"] == NOON_MS + SECOND_MS

    @pytest.mark.parametrize("words", ["x{}", "{}x", "1{}2", "é{}"])
    def test_a_code_inside_a_longer_word_is_none(self, alice: Customer, mac: Mac, words: str) -> None:
        mac.sees(text_from(ADA, SANDBOX, words.format(code_of(alice))))

        assert standing(alice)["status"] == "pending"

    def test_the_text_is_the_first_message_of_the_accounts_chat(self, alice: Customer, mac: Mac) -> None:
        guid = pair(alice, mac, ADA)

        (chat,) = alice.get("/v1/chats", {"from": SANDBOX}).json()["data"]
        (message,) = alice.get("/v1/messages", {"from": SANDBOX, "to": chat["id"]}).json()["data"]
        assert (chat["identifier"], message["guid"], message["chat_id"]) == (ADA, guid, chat["id"])

    def test_the_text_is_no_event(self, alice: Customer, olga: Customer, mac: Mac, receiver: Receiver) -> None:
        alice.webhook(f"{receiver.url}/alice")
        olga.webhook(f"{receiver.url}/olga")

        pair(alice, mac, ADA)
        mac.sees(text_from(ADA, SANDBOX, "The first that counts"))

        assert alice.world.rows("events") == 1
        assert receiver.waits_for(1)[0].text == "The first that counts"

    def test_told_twice_it_pairs_once(self, alice: Customer, bob: Customer, mac: Mac) -> None:
        seen = text_from(ADA, SANDBOX, code_of(alice))
        mac.sees(seen)
        pair(bob, mac, ADA)

        mac.sees(seen)

        assert standing(alice)["status"] == "pending"
        assert standing(bob)["contact_identifier"] == ADA
        assert alice.world.rows("messages") == 2

    def test_the_code_counts_on_the_shared_line_alone(self, alice: Customer, bob: Customer) -> None:
        bob.hears(ADA, code_of(alice))

        assert standing(alice)["status"] == "pending"

    def test_the_code_counts_from_one_person_alone(self, alice: Customer, mac: Mac) -> None:
        mac.sees(text_in_group("chat1", ADA, SANDBOX, code_of(alice)))

        assert standing(alice)["status"] == "pending"

    def test_a_used_code_is_used_up(self, alice: Customer, mac: Mac) -> None:
        code = code_of(alice)
        mac.sees(text_from(ADA, SANDBOX, code))

        mac.sees(text_from(CARL, SANDBOX, code))

        assert standing(alice)["contact_identifier"] == ADA

    def test_of_two_phones_that_text_a_code_at_once_the_first_is_paired(
        self, alice: Customer, olga: Customer, mac: Mac
    ) -> None:
        code = code_of(alice)

        mac.sees(text_from(ADA, SANDBOX, code), text_from(CARL, SANDBOX, code))

        assert standing(alice)["contact_identifier"] == ADA
        assert texts(olga, CARL) == [code], "a code that is used up is a text like any other"

    @pytest.mark.parametrize("turn", [1, -1])
    def test_of_two_codes_in_a_text_the_first_counts(self, alice: Customer, bob: Customer, mac: Mac, turn: int) -> None:
        both = [alice, bob][::turn]

        mac.sees(text_from(ADA, SANDBOX, " or ".join(code_of(each) for each in both)))

        assert [standing(each)["contact_identifier"] for each in both] == [ADA, None]

    def test_a_fourth_word_is_not_tried(self, alice: Customer, mac: Mac) -> None:
        mac.sees(text_from(ADA, SANDBOX, f"AAAAAAAA BBBBBBBB CCCCCCCC {code_of(alice)}"))

        assert standing(alice)["status"] == "pending"

    def test_an_edit_into_a_code_pairs_nobody(self, alice: Customer, mac: Mac) -> None:
        seen = text_from(ADA, SANDBOX, "Hi")
        mac.sees(seen)

        mac.sees(MessageChanged(SANDBOX, seen.guid, code_of(alice)))

        assert standing(alice)["status"] == "pending"

    def test_asking_again_keeps_the_phone(self, alice: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)

        assert alice.post("/v1/sandbox", {}).json()["status"] == "active"
        assert standing(alice)["contact_identifier"] == ADA

    def test_a_restart_keeps_the_phone(self, database: Database) -> None:
        # The world of the fixture would hold the file open.
        first = World(database, Clock())
        with first.open() as world:
            olga = world.customer("Olga", "+15550100900")
            line = Line(LineId(mint("ln", NOON_MS)), olga.account_id, SANDBOX, None, "imessage", 0, "", is_sandbox=1)
            world.do(addressing.add_line, line, olga.mac.id)
            pair(olga, olga.mac, ADA)
            key = olga.key

        with World(database, Clock()).open() as world:
            assert standing(Caller(world, key))["contact_identifier"] == ADA


class TestMoving:
    def test_a_phone_that_texts_anothers_code_moves(self, alice: Customer, bob: Customer, mac: Mac) -> None:
        old_code = code_of(alice)
        pair(alice, mac, ADA)
        mac.sees(text_from(ADA, SANDBOX, "For Alice"))

        pair(bob, mac, ADA)
        mac.sees(text_from(ADA, SANDBOX, "For Bob"))

        assert (standing(alice)["status"], standing(alice)["contact_identifier"]) == ("pending", None)
        assert standing(alice)["activation_code"] != old_code
        assert standing(bob)["contact_identifier"] == ADA
        assert texts(bob, ADA)[0] == "For Bob"
        assert texts(alice, ADA)[0] == "For Alice"
        assert_refused(alice.post("/v1/messages", to(ADA)), 403, "sandbox_not_activated")

    def test_it_can_move_back(self, alice: Customer, bob: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)
        pair(bob, mac, ADA)
        pair(alice, mac, ADA)
        mac.sees(text_from(ADA, SANDBOX, "Back again"))

        assert texts(alice, ADA)[0] == "Back again"
        assert standing(bob)["status"] == "pending"
        assert_done(alice.post("/v1/messages", to(ADA)), 201)

    def test_the_proof_of_a_send_stays_with_who_sent(
        self, alice: Customer, bob: Customer, mac: Mac, receiver: Receiver
    ) -> None:
        pair(alice, mac, ADA)
        outbox_id = alice.post("/v1/messages", to(ADA, "Sent by Alice")).json()["id"]
        alice.webhook(f"{receiver.url}/alice")
        bob.webhook(f"{receiver.url}/bob")
        (item,) = mac.claim()
        assert mac.begin(item)
        pair(bob, mac, ADA)

        mac.sees(proof_of(item))

        assert alice.item(outbox_id)["status"] == "sent"
        assert texts(alice, ADA)[0] == "Sent by Alice"
        assert "Sent by Alice" not in texts(bob, ADA)
        (heard,) = receiver.waits_for(1)
        assert (heard.path, heard.body["data"]["outbox_id"]) == ("/hook/alice", outbox_id)

    def test_what_turns_out_our_own_stays_with_whose_it_was(self, alice: Customer, bob: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)
        seen = text_from(ADA, SANDBOX, "Whose is this?")
        mac.sees(seen)
        pair(bob, mac, ADA)

        mac.sees(text_from(ADA, SANDBOX, "Whose is this?", guid=seen.guid, is_from_me=True, sender=None))

        accounts = alice.world.sql("SELECT DISTINCT account_id FROM events WHERE type = 'message.sent'")
        assert accounts == [(alice.account_id,)]
        assert texts(alice, ADA)[0] == "Whose is this?"

    def test_the_operator_can_take_a_phone_away(self, alice: Customer, mac: Mac) -> None:
        old_code = code_of(alice)
        pair(alice, mac, ADA)

        renewed = alice.world.do(operating.sandbox, "Alice", renew=True)

        assert standing(alice)["status"] == "pending"
        assert standing(alice)["activation_code"] == renewed.activation_code != old_code
        mac.sees(text_from(ADA, SANDBOX, old_code))
        assert standing(alice)["status"] == "pending"
        pair(alice, mac, CARL)
        assert standing(alice)["contact_identifier"] == CARL


class TestWriting:
    def test_the_paired_phone_can_be_written_to(self, alice: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)

        outbox_id = alice.post("/v1/messages", to(ADA)).json()["id"]

        (item,) = mac.claim()
        assert (item.id, item.line_handle, item.command.recipient) == (outbox_id, SANDBOX, ADA)
        mac.sends(item)
        assert texts(alice, ADA)[0] == "Hello"
        assert alice.item(outbox_id)["status"] == "sent"

    def test_its_chat_can_be_written_to_by_id(self, alice: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)
        (chat,) = alice.get("/v1/chats", {"from": SANDBOX}).json()["data"]

        assert_done(alice.post("/v1/messages", to(chat["id"])), 201)

    def test_before_pairing_nobody_can_be_written_to(self, alice: Customer, mac: Mac) -> None:
        mac.sees(text_from(ADA, SANDBOX, "Hi"))
        code_of(alice)

        for person in (ADA, CARL, "cht_1"):
            assert_refused(alice.post("/v1/messages", to(person)), 403, "sandbox_not_activated")

    def test_nobody_else_can_be_written_to(self, alice: Customer, bob: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)
        pair(bob, mac, CARL)
        mac.sees(text_from(DORA, SANDBOX, "Hi"))
        (bobs_chat,) = bob.get("/v1/chats", {"from": SANDBOX}).json()["data"]

        for other in (CARL, DORA, "+15550100044", bobs_chat["id"], "cht_1"):
            assert_refused(alice.post("/v1/messages", to(other)), 400, "sandbox_contact_mismatch", "to")
        assert alice.world.rows("outbox") == 0
        assert standing(alice)["usage"]["used"] == 0

    def test_the_operator_has_one_phone_there_too(self, olga: Customer, mac: Mac) -> None:
        mac.sees(text_from(DORA, SANDBOX, "Hi"))
        assert_refused(olga.post("/v1/messages", to(DORA)), 403, "sandbox_not_activated")

        pair(olga, mac, ADA)

        assert_refused(olga.post("/v1/messages", to(DORA)), 400, "sandbox_contact_mismatch", "to")
        assert_done(olga.post("/v1/messages", to(ADA)), 201)

    def test_a_lacking_capability_is_told_before_the_contact(self, alice: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)
        mac.hello(SANDBOX)

        answer = alice.post("/v1/messages", to(CARL, reply_to="GUID-1"))

        assert_refused(answer, 400, "advanced_features_required", "reply_to")


class TestQuota:
    def test_the_day_ends_at_the_limit(self, alice: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)
        for _ in range(LIMIT):
            assert_done(alice.post("/v1/messages", to(ADA, "one of many")), 201)
            alice.world.clock.ms += SECOND_MS

        answer = alice.post("/v1/messages", to(ADA))

        body = answer.json()["error"]
        assert (answer.status_code, body["type"], body["code"]) == (429, "rate_limit_error", "sandbox_quota_exceeded")
        assert_marked(answer)
        assert int(answer.headers["retry-after"]) == (MIDNIGHT_MS - alice.world.clock.ms) / 1000
        assert standing(alice)["usage"] == {"used": LIMIT, "limit": LIMIT, "remaining": 0, "resets_at": MIDNIGHT_MS}
        assert alice.world.rows("outbox") == LIMIT

    def test_the_next_day_begins_at_midnight_utc(self, alice: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)
        for _ in range(LIMIT):
            alice.post("/v1/messages", to(ADA))
            alice.world.clock.ms += 1
        alice.world.clock.ms = MIDNIGHT_MS - 1
        refused = alice.post("/v1/messages", to(ADA))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")

        alice.world.clock.ms = MIDNIGHT_MS

        assert_done(alice.post("/v1/messages", to(ADA)), 201)
        assert standing(alice)["usage"] == {
            "used": 1,
            "limit": LIMIT,
            "remaining": LIMIT - 1,
            "resets_at": MIDNIGHT_MS + DAY_MS,
        }

    def test_of_many_sends_at_once_exactly_the_allowed_ones_pass(self, alice: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)

        async def all_at_once() -> list[httpx2.Response]:
            transport = httpx2.ASGITransport(alice.world.server.app)
            headers = {"Authorization": f"Bearer {alice.key}"}
            async with httpx2.AsyncClient(transport=transport, base_url="http://blueport", headers=headers) as client:
                sends = [client.post("/v1/messages", json=to(ADA, f"number {each}")) for each in range(4 * LIMIT)]
                return await asyncio.gather(*sends)

        answers = alice.world.client.portal.call(all_at_once)

        assert Counter(answer.status_code for answer in answers) == {201: LIMIT, 429: 3 * LIMIT}
        assert (alice.world.rows("outbox"), standing(alice)["usage"]["used"]) == (LIMIT, LIMIT)

    def test_it_is_the_accounts_whichever_key_is_used(self, alice: Customer, bob: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)
        pair(bob, mac, CARL)
        for _ in range(LIMIT):
            assert_done(alice.caller().post("/v1/messages", to(ADA)), 201)

        assert_refused(alice.caller().post("/v1/messages", to(ADA)), 429, "sandbox_quota_exceeded")
        assert_done(bob.post("/v1/messages", to(CARL)), 201)

    def test_what_is_refused_costs_nothing(self, alice: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)

        assert_refused(alice.post("/v1/messages", to(ADA, reply_to="GUID-0")), 404, "message_not_found", "reply_to")
        assert_refused(alice.post("/v1/messages", to(CARL)), 400, "sandbox_contact_mismatch", "to")
        assert_refused(alice.post("/v1/messages", to(ADA, text=5)), 400, "invalid_parameter_value", "text")

        assert standing(alice)["usage"]["used"] == 0

    def test_a_repeated_request_costs_once(self, alice: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)

        answers = [alice.post("/v1/messages", to(ADA), **{"Idempotency-Key": "once"}) for _ in range(LIMIT + 1)]

        assert len({answer.json()["id"] for answer in answers}) == 1
        assert standing(alice)["usage"]["used"] == 1

    def test_the_quota_is_told_before_the_contact(self, alice: Customer, mac: Mac) -> None:
        pair(alice, mac, ADA)
        for _ in range(LIMIT):
            alice.post("/v1/messages", to(ADA))
            alice.world.clock.ms += 1

        assert_refused(alice.post("/v1/messages", to(CARL)), 429, "sandbox_quota_exceeded")

    def test_other_lines_have_no_such_quota(self, alice: Customer) -> None:
        alice.hears(ADA)

        for number in range(LIMIT + 1):
            alice.sends(f"number {number}")


class TestSeeing:
    @pytest.fixture
    def three(self, alice: Customer, bob: Customer, olga: Customer, mac: Mac) -> dict[str, Customer]:
        """Pair three accounts with a phone each, and have all three text."""
        three = {ADA: alice, CARL: bob, DORA: olga}
        for person, customer in three.items():
            pair(customer, mac, person)
        mac.sees(*[text_from(person, SANDBOX, f"From {person}") for person in three])
        return three

    def test_each_sees_its_own_phone_alone(self, three: dict[str, Customer]) -> None:
        for person, customer in three.items():
            (chat,) = customer.get("/v1/chats", {"from": SANDBOX}).json()["data"]
            assert chat["identifier"] == person
            assert texts(customer, person)[0] == f"From {person}"
            for other in three.keys() - {person}:
                answer = customer.get("/v1/messages", {"from": SANDBOX, "to": other})
                assert_refused(answer, 404, "chat_not_found", "to")

    def test_a_chat_of_another_is_not_there_even_by_its_id(self, three: dict[str, Customer]) -> None:
        (chat,) = three[CARL].get("/v1/chats", {"from": SANDBOX}).json()["data"]

        answer = three[ADA].get("/v1/messages", {"from": SANDBOX, "to": chat["id"]})

        assert_refused(answer, 404, "chat_not_found", "to")

    def test_a_cursor_of_another_is_none(self, three: dict[str, Customer], mac: Mac) -> None:
        olga = three[DORA]
        mac.sees(text_from("+15550100077", SANDBOX, "A stranger"))
        cursor = olga.get("/v1/chats", {"from": SANDBOX, "limit": 1}).json()["next_cursor"]
        assert cursor

        answer = three[ADA].get("/v1/chats", {"from": SANDBOX, "cursor": cursor})

        assert_refused(answer, 400, "invalid_parameter_value", "cursor")

    def test_webhooks_of_every_line_hear_their_own_phone_alone(
        self, three: dict[str, Customer], mac: Mac, receiver: Receiver
    ) -> None:
        for person, customer in three.items():
            customer.webhook(f"{receiver.url}/{person}")

        mac.sees(*[text_from(person, SANDBOX, "Once more") for person in three])

        heard = {(delivery.path, delivery.body["data"]["sender"]) for delivery in receiver.waits_for(3)}
        assert heard == {(f"/hook/{person}", person) for person in three}

    def test_a_stranger_is_the_operators_business(
        self, alice: Customer, olga: Customer, mac: Mac, receiver: Receiver
    ) -> None:
        alice.webhook(f"{receiver.url}/alice")
        olga.webhook(f"{receiver.url}/olga")

        mac.sees(text_from(DORA, SANDBOX, "Who is there?"))

        assert texts(olga, DORA) == ["Who is there?"]
        assert alice.get("/v1/chats", {"from": SANDBOX}).json()["data"] == []
        assert [heard.path for heard in receiver.waits_for(1)] == ["/hook/olga"]

    def test_the_line_is_everybodys(self, alice: Customer, bob: Customer) -> None:
        for customer in (alice, bob):
            handles = [line["handle"] for line in customer.get("/v1/lines").json()["data"]]
            assert sorted(handles) == sorted([customer.line, SANDBOX])
            (shared,) = [line for line in customer.get("/v1/lines").json()["data"] if line["handle"] == SANDBOX]
            assert_done(customer.get("/v1/chats", {"from": shared["id"]}))

    def test_a_key_of_one_line_may_use_the_shared_one(self, alice: Customer, mac: Mac, receiver: Receiver) -> None:
        restricted = alice.caller(line_ids=(alice.line_id,))
        pair(restricted, mac, ADA)

        made = restricted.post("/v1/messages", to(ADA))

        assert_done(made, 201)
        assert_done(restricted.get("/v1/outbox", {"id": made.json()["id"]}))
        handles = {line["handle"]: line["id"] for line in restricted.get("/v1/lines").json()["data"]}
        assert set(handles) == {alice.line, SANDBOX}
        hook = {"from": "", "url": receiver.url, "events": ["message.received"]}
        assert set(restricted.post("/v1/webhooks", hook).json()["line_ids"]) == set(handles.values())

    def test_another_accounts_line_stays_hidden(self, alice: Customer, olga: Customer) -> None:
        assert_refused(alice.get("/v1/chats", {"from": olga.line}), 404, "line_not_found", "from")


class TestOtherNouns:
    @pytest.fixture
    def guid(self, alice: Customer, mac: Mac) -> str:
        """Pair Alice with Ada, who texts; return the guid of that text."""
        pair(alice, mac, ADA)
        seen = text_from(ADA, SANDBOX, "Hi")
        mac.sees(seen)
        return seen.guid

    @pytest.mark.parametrize(
        ("path", "more"),
        [
            ("/v1/reactions", {"message_id": "?", "type": "love"}),
            ("/v1/typing", {}),
            ("/v1/receipts", {}),
        ],
    )
    def test_what_is_no_message_reaches_the_paired_phone_alone_and_costs_nothing(
        self, alice: Customer, bob: Customer, guid: str, path: str, more: Json
    ) -> None:
        more = {name: guid if value == "?" else value for name, value in more.items()}
        for _ in range(LIMIT + 1):
            assert_done(alice.post(path, {"from": SANDBOX, "to": ADA, **more}), 201)
            alice.world.clock.ms += SECOND_MS

        for other in (CARL, "cht_1"):
            refused = alice.post(path, {"from": SANDBOX, "to": other, **more})
            assert_refused(refused, 400, "sandbox_contact_mismatch", "to")
        refused = bob.post(path, {"from": SANDBOX, "to": ADA, **more})
        assert_refused(refused, 403, "sandbox_not_activated")
        assert standing(alice)["usage"]["used"] == 0

    def test_files_and_voice_messages_cost_one_each(self, alice: Customer, guid: str) -> None:
        file_id = alice.keeps()
        assert guid

        assert_done(alice.post("/v1/messages", to(ADA, attachments=[file_id])), 201)
        answer = alice.post("/v1/audio-messages", {"from": SANDBOX, "to": ADA, "audio_message": file_id})

        assert_done(answer, 201)
        assert standing(alice)["usage"]["used"] == 2
        assert_done(alice.post("/v1/messages", to(ADA)), 201)
        refused = alice.post("/v1/audio-messages", {"from": SANDBOX, "to": ADA, "audio_message": file_id})
        assert_refused(refused, 429, "sandbox_quota_exceeded")

    def test_each_hears_of_its_own_phone_alone(
        self, alice: Customer, bob: Customer, mac: Mac, guid: str, receiver: Receiver
    ) -> None:
        pair(bob, mac, CARL)
        for customer, path in ((alice, "/alice"), (bob, "/bob")):
            customer.webhook(receiver.url + path, "reaction.added")

        mac.sees(reaction_to(guid, SANDBOX), *_presence(ADA))

        assert [heard.path for heard in receiver.waits_for(1)] == ["/hook/alice"]
        for path in ("/v1/typing", "/v1/receipts"):
            (one,) = alice.get(path, {"from": SANDBOX, "to": ADA}).json()["data"]
            assert one["handle"] == ADA
            assert bob.get(path, {"from": SANDBOX, "to": CARL}).json()["data"] == []
            assert_refused(bob.get(path, {"from": SANDBOX, "to": ADA}), 404, "chat_not_found", "to")
        (message,) = [each for each in _messages(alice) if each["guid"] == guid]
        assert len(alice.get("/v1/reactions", {"message_id": message["id"]}).json()["data"]) == 1
        assert_refused(bob.get("/v1/reactions", {"message_id": message["id"]}), 404, "message_not_found", "message_id")

    def test_a_phone_that_has_moved_reacts_to_nobodys_message(
        self, alice: Customer, bob: Customer, mac: Mac, guid: str
    ) -> None:
        pair(bob, mac, ADA)
        before = alice.world.rows("events")

        mac.sees(reaction_to(guid, SANDBOX))

        assert alice.world.rows("events") == before
        assert alice.world.rows("reactions") == 0

    def test_a_reaction_that_waits_for_its_message_does_not_move_with_the_phone(
        self, alice: Customer, bob: Customer, mac: Mac, guid: str
    ) -> None:
        seen = text_from(ADA, SANDBOX)
        mac.sees(reaction_to(seen.guid, SANDBOX))
        pair(bob, mac, ADA)
        assert guid

        mac.sees(seen)

        assert [kind for kind, _ in alice.world.events() if kind.startswith("reaction.")] == []
        assert bob.get("/v1/reactions", {"message_id": seen.guid}).json()["data"] == []

    def test_a_file_is_the_accounts_whose_phone_sent_it(
        self, alice: Customer, bob: Customer, mac: Mac, guid: str
    ) -> None:
        attachment = AttachmentSeen("ATT-1", "cat.png", "image/png", 5, is_coming=True)
        seen = text_from(ADA, SANDBOX, "Look", attachments=(attachment,))
        mac.sees(seen)
        assert guid

        file_id = mac.brings(b"a cat", seen, "ATT-1").json()["id"]

        assert alice.call("GET", "/v1/files", params={"id": file_id}, follow_redirects=False).status_code == 302
        assert_refused(bob.get("/v1/files", {"id": file_id}), 404, "file_not_found", "id")


def _presence(person: str) -> tuple[Sighting, ...]:
    chat = chat_with(person)
    return (
        TypingSeen(SANDBOX, chat, person, is_typing=True, at=NOON_MS),
        ReceiptSeen(SANDBOX, chat, person, read_at=NOON_MS),
    )


def _messages(customer: Customer) -> list[Json]:
    return customer.get("/v1/messages", {"from": SANDBOX, "to": ADA}).json()["data"]


class TestProvisioning:
    def test_an_installation_of_before_is_given_the_shared_line(self, database: Database) -> None:
        first = {"first_key": new_key(), "first_line": "+15550101000", "first_daemon_token": new_daemon_token()}
        with World(database, Clock(), **first).open() as world:
            assert_refused(Caller(world, first["first_key"]).get("/v1/sandbox"), 404, "line_not_found")

        for _ in range(2):
            with World(database, Clock(), **first, sandbox_line=SANDBOX).open() as world:
                assert standing(Caller(world, first["first_key"]))["sandbox_line_handle"] == SANDBOX
                assert world.rows("lines") == 2

    def test_a_shared_line_that_is_a_line_already_stops_the_start(self, database: Database) -> None:
        first = {"first_key": new_key(), "first_line": SANDBOX, "first_daemon_token": new_daemon_token()}

        with (
            pytest.raises(MisconfiguredError, match="`sandbox_line` is a line of its own already"),
            World(database, Clock(), **first, sandbox_line=SANDBOX).open(),
        ):
            pass
