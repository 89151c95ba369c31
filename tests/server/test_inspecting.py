"""/inspect: all that happened in one conversation, for who builds against this installation and shows the token."""

from collections.abc import Iterator

import pytest

from tests.databases import Database
from tests.server.answers import assert_refused
from tests.server.receiver import Receiver, until
from tests.server.streams import Stream, listening
from tests.server.world import ADA, CARL, Clock, Customer, Json, World

TOKEN = "a-token-for-inspecting"
PATHS = ("/inspect/conversation", "/inspect/changes")
KINDS = ("requests", "outbox", "events", "deliveries")

in_memory = pytest.mark.one_store("judged before the store is asked, or kept beside it")


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with World(database, Clock(), inspect_token=TOKEN, requests_kept=20).open() as world:
        yield world


def inspected(customer: Customer, peer: str = ADA) -> Json:
    answer = customer.world.client.get(
        "/inspect/conversation",
        params={"line": customer.line, "with": peer},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def requests(customer: Customer, peer: str = ADA) -> list[Json]:
    return inspected(customer, peer)["requests"]


class TestTheToken:
    @in_memory
    @pytest.mark.parametrize("path", PATHS)
    def test_without_one_in_the_settings_there_is_no_such_path(self, database: Database, path: str) -> None:
        with World(database, Clock(), requests_kept=20).open() as world:
            answer = world.client.get(path, headers={"Authorization": "Bearer "})

        assert_refused(answer, 404, "route_not_found")

    @in_memory
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        ("authorization", "code"),
        [(None, "missing_api_key"), ("Bearer another", "invalid_api_key"), (f"Basic {TOKEN}", "invalid_api_key")],
    )
    def test_who_does_not_show_it_is_refused(
        self, alice: Customer, path: str, authorization: str | None, code: str
    ) -> None:
        headers = {} if authorization is None else {"Authorization": authorization}

        answer = alice.world.client.get(path, params={"line": alice.line, "with": ADA}, headers=headers)

        assert_refused(answer, 401, code)

    @in_memory
    def test_a_key_of_the_api_is_none(self, alice: Customer) -> None:
        assert_refused(alice.get(PATHS[0], {"line": alice.line, "with": ADA}), 401, "invalid_api_key")

    @in_memory
    def test_who_guesses_is_slowed_down(self, world: World) -> None:
        answers = [world.client.get(PATHS[0], headers={"Authorization": "Bearer guess"}) for _ in range(201)]

        assert_refused(answers[-1], 429, "rate_limit_exceeded")

    @in_memory
    @pytest.mark.parametrize("query", [{}, {"line": "+15550101000"}, {"with": ADA, "line": ""}])
    def test_line_and_peer_have_to_be_named(self, world: World, query: dict[str, str]) -> None:
        answer = world.client.get(PATHS[0], params=query, headers={"Authorization": f"Bearer {TOKEN}"})

        assert_refused(answer, 400, "missing_required_parameter", "line" if not query.get("line") else "with")


class TestWhatHappened:
    def test_a_sending_shows_as_request_item_event_and_delivery(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url, "message.sent")
        alice.hears(ADA)
        alice.sends("Hello Ada")
        (item,) = alice.mac.claim()
        alice.mac.sends(item)
        receiver.waits_for(1)
        until(lambda: inspected(alice)["deliveries"][0]["status"] == "delivered")

        told = inspected(alice)

        assert [(each["kind"], each["type"], each["status"]) for each in told["outbox"]] == [("outbox", "text", "sent")]
        assert [each["type"] for each in told["events"]] == ["message.sent", "message.received"]
        assert told["events"][0]["json"]["data"]["text"] == "Hello Ada"
        (delivery,) = told["deliveries"]
        assert (delivery["type"], delivery["url"], delivery["attempts"]) == ("message.sent", receiver.url, 1)
        assert delivery["json"]["body"] == receiver.heard[0].body
        assert [each["reason"] for each in delivery["json"]["tries"]] == ["http_200"]
        assert delivery["why"] == "The receiver took it (200)."

    def test_an_item_is_told_as_its_account_sees_it(self, alice: Customer) -> None:
        alice.hears(ADA)
        outbox_id = alice.sends()
        seen = alice.item(outbox_id)

        (told,) = inspected(alice)["outbox"]

        assert told["id"] == outbox_id
        assert told["json"] == {name: value for name, value in seen.items() if name != "request_id"}

    def test_why_an_item_is_tried_again_is_told(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.sends()
        (item,) = alice.mac.claim()
        alice.mac.begin(item)
        alice.mac.fail(item, "Messages is not running")

        (told,) = inspected(alice)["outbox"]

        assert (told["status"], told["error"], told["attempts"]) == ("pending", "Messages is not running", 1)
        assert told["why"] == "Messages refused it."

    def test_typing_is_among_the_items(self, alice: Customer) -> None:
        alice.is_ready_for("typing")
        alice.accepted("/v1/typing")

        assert [each["type"] for each in inspected(alice)["outbox"]] == ["typing"]

    def test_the_newest_comes_first(self, alice: Customer) -> None:
        for text in ("one", "two", "three"):
            alice.world.clock.ms += 1
            alice.hears(ADA, text)

        told = inspected(alice)["events"]

        assert [each["json"]["data"]["text"] for each in told] == ["three", "two", "one"]
        assert [each["at"] for each in told] == sorted((each["at"] for each in told), reverse=True)
        assert told[0]["at"] == "2025-10-09T08:53:20.003+00:00"

    def test_what_happened_in_one_millisecond_is_numbered_as_it_happened(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        alice.webhook(receiver.url, "message.received")
        for text in map(str, range(8)):
            alice.hears(ADA, text)
            alice.sends(text)

        told = inspected(alice)

        numbers = {kind: [each["number"] for each in told[kind]] for kind in KINDS}
        assert numbers == {kind: sorted(set(these), reverse=True) for kind, these in numbers.items()}
        assert [each["json"]["data"]["text"] for each in told["events"]] == [*"76543210"]
        assert [each["json"]["payload"]["text"] for each in told["outbox"]] == [*"76543210"]
        assert [each["json"]["request"]["body"]["text"] for each in told["requests"][:3]] == [*"765"]
        assert len(told["deliveries"]) == 8

    def test_of_each_kind_there_are_a_hundred_at_most(self, alice: Customer) -> None:
        for _ in range(101):
            alice.hears(ADA)

        assert len(inspected(alice)["events"]) == 100

    def test_nothing_is_told_of_other_conversations(self, alice: Customer, bob: Customer) -> None:
        for customer in (alice, bob):
            for person in (ADA, CARL):
                customer.hears(person, f"{person} to {customer.line}")
                customer.sends(to=person)

        told = inspected(alice)

        assert [each["json"]["data"]["text"] for each in told["events"]] == [f"{ADA} to {alice.line}"]
        assert [each["json"]["payload"]["to"] for each in told["outbox"]] == [ADA]
        assert [each["json"]["request"]["body"]["from"] for each in told["requests"]] == [alice.line]

    def test_a_conversation_in_which_nothing_happened_is_empty(self, alice: Customer) -> None:
        told = inspected(alice, CARL)

        assert [told[kind] for kind in KINDS] == [[], [], [], []]


@in_memory
class TestRequests:
    def test_a_request_is_kept_as_it_was_made_and_answered(self, alice: Customer) -> None:
        alice.hears(ADA)
        body = {"from": alice.line, "to": "(555) 010-0001", "text": 'A "quoted" word'}
        answer = alice.post("/v1/messages", body)

        (told,) = requests(alice)

        assert (told["method"], told["path"], told["status"], told["code"]) == ("POST", "/v1/messages", 201, "")
        assert told["json"]["request"]["body"] == body
        assert told["json"]["answer"]["body"] == answer.json()
        assert told["id"] == told["json"]["request_id"] == answer.headers["x-request-id"]
        assert told["duration_ms"] >= 0

    def test_a_query_is_kept(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.get("/v1/messages", {"from": alice.line, "to": ADA, "q": "Hi"})

        (told,) = requests(alice)

        assert (told["path"], told["query"]) == ("/v1/messages", "from=%2B15550101000&to=%2B15550100001&q=Hi")

    def test_refusals_are_kept_with_their_code(self, alice: Customer) -> None:
        alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hi"})
        alice.call("POST", "/v1/messages", content=b"{broken")
        alice.call("PUT", "/v1/messages")
        alice.get("/v1/mesages")

        told = requests(alice)

        codes = ["route_not_found", "method_not_allowed", "invalid_json", "contact_has_not_messaged"]
        assert [each["code"] for each in told] == codes
        assert told[2]["json"]["request"]["body"] == "{broken"
        assert told[3]["json"]["answer"]["body"]["error"]["param"] == "to"

    def test_only_the_latest_are_kept(self, alice: Customer) -> None:
        for number in range(25):
            alice.get("/v1/lines", {"n": number})

        assert [each["query"] for each in requests(alice)] == [f"n={number}" for number in range(24, 4, -1)]

    def test_what_is_about_no_conversation_is_told_of_all(self, alice: Customer) -> None:
        alice.get("/v1/lines")

        assert [each["path"] for each in requests(alice, CARL)] == ["/v1/lines"]

    def test_an_item_is_looked_at_in_its_conversation(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.hears(CARL)
        alice.item(alice.sends(to=ADA))

        assert [each["path"] for each in requests(alice, ADA)] == ["/v1/outbox", "/v1/messages"]
        assert requests(alice, CARL) == []

    def test_a_chat_may_be_named_by_its_id(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.hears(CARL)
        chat_id = alice.get("/v1/chats", {"from": alice.line}).json()["data"][0]["id"]
        alice.post("/v1/messages", {"from": alice.line_id, "to": chat_id, "text": "Hi"})

        assert [each["path"] for each in requests(alice, CARL)] == ["/v1/messages", "/v1/chats"]
        assert [each["path"] for each in requests(alice, ADA)] == ["/v1/chats"]

    def test_neither_keys_nor_secrets_are_kept(self, alice: Customer, receiver: Receiver) -> None:
        webhook = alice.webhook(receiver.url)
        rolled = alice.post("/v1/webhooks/rotate", {"id": webhook["id"]}).json()
        alice.get("/v1/lines", {"api_key": alice.key})
        alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": f"My key is {alice.key}"})

        told = str(requests(alice))

        assert len(requests(alice)) == 4
        assert not [secret for secret in (alice.key, webhook["secret"], rolled["secret"]) if secret in told]

    def test_of_a_file_nothing_is_kept_but_what_it_is(self, alice: Customer) -> None:
        alice.keeps(b"the bytes of a file", "text/plain", "notes.txt")

        (told,) = requests(alice)

        assert told["json"]["request"]["body"]["filename"] == "notes.txt"
        assert "the bytes of a file" not in str(told)

    def test_what_is_very_long_is_cut(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "x" * 20_000})

        (told,) = requests(alice)

        kept = told["json"]["request"]["body"]
        assert kept.startswith('{"from"')
        assert kept.endswith("...")
        assert len(kept) == 16 * 1024 + 3

    def test_what_is_no_utf_8_can_be_shown(self, alice: Customer) -> None:
        alice.call("POST", "/v1/messages", content=b'{"text": "\xff"}')

        assert requests(alice)[0]["json"]["request"]["body"] == '{"text": "\ufffd"}'

    @pytest.mark.parametrize(
        "body", [b"[" * 5_000 + b"]" * 5_000, b'{"from": ' * 3_000, b'{"from": [], "to": 7, "id": {}}']
    )
    def test_what_makes_no_sense_can_be_shown(self, alice: Customer, body: bytes) -> None:
        alice.call("POST", "/v1/messages", content=body)

        (told,) = requests(alice)

        assert told["status"] == 400
        assert told["json"]["request"]["body"]

    def test_other_paths_are_nobodys_business(self, alice: Customer) -> None:
        for path in ("/healthz", "/metrics", "/nowhere"):
            alice.get(path)
        alice.mac.claim()

        assert requests(alice) == []

    def test_none_is_kept_unless_that_is_asked_for(self, database: Database) -> None:
        with World(database, Clock(), inspect_token=TOKEN).open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.get("/v1/lines")

            assert requests(alice) == []


@in_memory
class TestChanges:
    @pytest.fixture
    def stream(self, alice: Customer) -> Iterator[Stream]:
        with (
            listening(alice.world) as server,
            server.stream(TOKEN, path="/inspect/changes", **{"line": alice.line, "with": ADA}) as stream,
        ):
            yield stream

    def test_it_begins_with_what_happened_and_goes_on_with_what_happens(self, alice: Customer, stream: Stream) -> None:
        first = stream.next()
        alice.hears(ADA, "Now")
        second = stream.next()

        assert (first.event, first.data) == ("entries", [])
        assert [(each["kind"], each["type"]) for each in second.data] == [("event", "message.received")]

    def test_what_changes_is_told_again_and_nothing_else(self, alice: Customer, stream: Stream) -> None:
        alice.hears(ADA)
        outbox_id = alice.sends()
        seen: dict[str, str] = {}
        while seen.get(outbox_id) != "pending":
            seen |= {each["id"]: each.get("status") for each in stream.next().data}

        alice.mac.claim()

        assert [(each["id"], each["status"]) for each in stream.next().data] == [(outbox_id, "claimed")]

    def test_a_body_in_several_lines_is_told_whole(self, alice: Customer, stream: Stream) -> None:
        stream.next()
        alice.call("POST", "/v1/messages", content=b'{\r\n  "text":\n "Hi"\n}')

        (told,) = stream.next().data

        assert told["json"]["request"]["body"] == {"text": "Hi"}

    def test_it_ends_with_the_server(self, alice: Customer, stream: Stream) -> None:
        stream.next()

        alice.world.client.portal.call(alice.world.server.let_go)

        assert stream.next() is None
