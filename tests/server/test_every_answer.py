"""What holds for all answers, those to requests that are none included."""

import pytest

from blueport.protocol.sightings import ReceiptSeen, TypingSeen
from tests.server.answers import assert_done, assert_marked, assert_refused
from tests.server.world import ADA, NOON_MS, Customer, World, chat_with, reaction_to

PATHS = [
    "/v1/lines",
    "/v1/chats",
    "/v1/messages",
    "/v1/reactions",
    "/v1/typing",
    "/v1/receipts",
    "/v1/outbox",
    "/v1/webhooks",
    "/v1/files",
    "/v1/events",
]


class Still:
    """Has heirs that change nothing."""

    @pytest.fixture
    def world(self, still_world: World, unchanged: None) -> World:  # noqa: ARG002 - it looks afterwards
        return still_world

    @pytest.fixture
    def alice(self, still: Customer) -> Customer:
        return still


@pytest.mark.one_store("no store is asked")
class TestPaths(Still):
    @pytest.mark.parametrize(
        "path", ["/", "/v1", "/v1/", "/v2/messages", "/v1/messages/1", "/v1/Messages", "/daemon/v1", "/x?y=%00"]
    )
    def test_an_unknown_path_has_the_envelope(self, world: World, path: str) -> None:
        assert_refused(world.client.get(path), 404, "route_not_found")

    def test_people_who_open_the_bare_address_are_led_to_the_dashboard(self, world: World) -> None:
        answer = world.client.get("/", headers={"Accept": "text/html,*/*;q=0.8"}, follow_redirects=False)

        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")

    @pytest.mark.parametrize("path", ["/v1%2flines", "/v1/lines%0a", "/healthz%0A", "/v1/%6cines", "/%00"])
    def test_an_escaped_path_is_another_path(self, alice: Customer, path: str) -> None:
        assert_refused(alice.call("GET", path), 404, "route_not_found")

    @pytest.mark.parametrize("path", PATHS)
    def test_a_trailing_slash_is_another_path_and_no_redirect(self, alice: Customer, path: str) -> None:
        answer = alice.call("GET", f"{path}/", follow_redirects=False)

        assert_refused(answer, 404, "route_not_found")

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "BREW"])
    @pytest.mark.parametrize("path", PATHS)
    def test_a_method_that_a_path_does_not_take_is_405_with_allow(
        self, alice: Customer, method: str, path: str
    ) -> None:
        answer = alice.call(method, path)

        assert_refused(answer, 405, "method_not_allowed")
        assert {"GET", "HEAD", "OPTIONS"} <= set(answer.headers["allow"].split(", "))

    def test_what_there_is_not_yet_is_a_404_with_the_envelope(self, alice: Customer) -> None:
        assert_refused(alice.post("/v1/nothing", {}), 404, "route_not_found")

    def test_health_needs_no_key(self, world: World) -> None:
        answer = world.client.get("/healthz")

        assert_done(answer)
        assert answer.json()["status"] == "ok"


@pytest.mark.one_store("no store is asked")
class TestOtherOrigins(Still):
    @pytest.mark.parametrize("path", [*PATHS, "/nothing"])
    def test_a_preflight_allows_what_clients_send(self, world: World, path: str) -> None:
        asks = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}

        answer = world.client.options(path, headers=asks)

        assert_done(answer)
        methods = {word.strip() for word in answer.headers["access-control-allow-methods"].split(",")}
        headers = {word.strip() for word in answer.headers["access-control-allow-headers"].split(",")}
        assert methods == {"GET", "POST", "DELETE", "OPTIONS"}
        assert headers == {"Authorization", "Content-Type", "X-Filename", "Idempotency-Key", "Last-Event-ID"}

    def test_a_page_may_read_the_request_id_and_what_a_file_is_called(self, alice: Customer) -> None:
        exposed = alice.get("/v1/lines").headers["access-control-expose-headers"]

        assert {"X-Request-Id", "Content-Disposition"} <= {name.strip() for name in exposed.split(",")}


@pytest.mark.one_store("judged before the store is asked")
class TestReading(Still):
    def test_a_head_has_the_headers_of_the_get_alone(self, alice: Customer) -> None:
        answer = alice.call("HEAD", "/v1/lines")

        assert answer.status_code == 200
        assert answer.content == b""
        assert answer.headers["x-request-id"].startswith("req_")

    def test_the_body_of_a_get_is_never_read(self, alice: Customer) -> None:
        answer = alice.call("GET", "/v1/lines", headers={"Content-Type": "application/json"}, content=b"{" * 10_000)

        assert_done(answer)

    def test_a_json_content_type_on_a_get_is_normal(self, alice: Customer) -> None:
        assert_done(alice.call("GET", "/v1/lines", headers={"Content-Type": "application/json"}))

    def test_unknown_query_parameters_are_ignored(self, alice: Customer) -> None:
        assert_done(alice.get("/v1/lines", {"from": "anything", "colour": "blue"}))

    def test_every_request_has_its_own_id(self, alice: Customer) -> None:
        ids = {alice.get("/v1/lines").json()["request_id"] for _ in range(20)}

        assert len(ids) == 20


class TestDescription:
    def test_the_description_names_every_endpoint_and_its_status(self, world: World) -> None:
        described = world.client.get("/openapi.json").json()

        statuses = {
            (method.upper(), path): min(operation["responses"])
            for path, operations in described["paths"].items()
            for method, operation in operations.items()
        }
        assert statuses == {
            ("GET", "/v1/lines"): "200",
            ("GET", "/v1/chats"): "200",
            ("POST", "/v1/chats"): "201",
            ("POST", "/v1/chats/rename"): "201",
            ("POST", "/v1/chats/add"): "201",
            ("POST", "/v1/chats/remove"): "201",
            ("POST", "/v1/chats/leave"): "201",
            ("GET", "/v1/messages"): "200",
            ("POST", "/v1/messages"): "201",
            ("POST", "/v1/messages/edit"): "201",
            ("POST", "/v1/messages/unsend"): "201",
            ("POST", "/v1/audio-messages"): "201",
            ("GET", "/v1/reactions"): "200",
            ("POST", "/v1/reactions"): "201",
            ("GET", "/v1/typing"): "200",
            ("POST", "/v1/typing"): "201",
            ("GET", "/v1/receipts"): "200",
            ("POST", "/v1/receipts"): "201",
            ("GET", "/v1/outbox"): "200",
            ("GET", "/v1/sandbox"): "200",
            ("POST", "/v1/sandbox"): "200",
            ("GET", "/v1/settings"): "200",
            ("POST", "/v1/settings"): "200",
            ("GET", "/v1/webhooks"): "200",
            ("POST", "/v1/webhooks"): "201",
            ("DELETE", "/v1/webhooks"): "200",
            ("POST", "/v1/webhooks/rotate"): "200",
            ("POST", "/v1/webhooks/enable"): "200",
            ("GET", "/v1/webhooks/deliveries"): "200",
            ("GET", "/v1/webhooks/attempts"): "200",
            ("POST", "/v1/webhooks/replay"): "200",
            ("POST", "/v1/webhooks/test"): "201",
            ("GET", "/v1/events"): "200",
            ("POST", "/v1/files"): "201",
            ("GET", "/v1/files"): "302",
        }

    def test_an_answer_has_exactly_the_fields_that_are_described(self, alice: Customer) -> None:
        alice.hears(ADA)
        described = alice.world.client.get("/openapi.json").json()["components"]["schemas"]

        (chat,) = alice.get("/v1/chats", {"from": alice.line}).json()["data"]
        (message,) = alice.messages()

        answers = {
            "Chat": chat,
            "Message": message,
            "Line": alice.get("/v1/lines").json()["data"][0],
            "Accepted": alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hi"}).json(),
        }
        alice.mac.sees(
            reaction_to(message["guid"], alice.line),
            TypingSeen(alice.line, chat_with(ADA), ADA, is_typing=True, at=NOON_MS),
            ReceiptSeen(alice.line, chat_with(ADA), ADA, NOON_MS),
        )
        ends = {"from": alice.line, "to": ADA}
        answers["Reaction"] = alice.get("/v1/reactions", {"message_id": message["id"]}).json()["data"][0]
        answers["TypingIndicator"] = alice.get("/v1/typing", ends).json()["data"][0]
        answers["ReadReceipt"] = alice.get("/v1/receipts", ends).json()["data"][0]
        hook = {"from": "", "url": "https://agent.example.com/", "events": ["message.sent"]}
        answers["CreatedWebhook"] = alice.post("/v1/webhooks", hook).json()
        answers["Webhook"] = alice.get("/v1/webhooks").json()["data"][0]
        answers["OutboxItem"] = alice.get("/v1/outbox", {"id": answers["Accepted"]["id"]}).json()
        answers["Deleted"] = alice.delete("/v1/webhooks", {"id": answers["Webhook"]["id"]}).json()
        for name, answer in answers.items():
            assert set(described[name]["required"]) == set(answer) - {"request_id"}, name


class TestTrouble:
    def test_a_database_that_fails_is_a_503_with_nothing_done(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.world.sql("ALTER TABLE outbox RENAME TO lost")

        answer = alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hello"})

        assert_refused(answer, 503, "service_unavailable")
        assert answer.headers["retry-after"] == "1"
        alice.world.sql("ALTER TABLE lost RENAME TO outbox")
        assert alice.world.rows("outbox") == 0
        assert_marked(alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hello"}))
