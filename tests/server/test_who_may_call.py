"""Keys, scopes and line restrictions, on every endpoint, in the order in which errors are judged."""

import pytest

from blueport.server.authorizing.keys import SCOPES, Scope, new_key
from blueport.server.ids import LineId
from tests.server.answers import assert_done, assert_refused
from tests.server.endpoints import SCOPE_OF, each_endpoint
from tests.server.world import ADA, Caller, Customer, Json, World

WRITES = [(method, path) for method, path in SCOPE_OF if method != "GET"]


class TestKeys:
    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.usefixtures("unchanged")
    @each_endpoint
    def test_no_key_is_told_before_anything_else(self, still_world: World, method: str, path: str) -> None:
        answer = still_world.client.request(method, path, content=b"{")

        assert_refused(answer, 401, "missing_api_key")

    # srv-122: a key in the query is no key.
    @pytest.mark.one_store("judged before the store is asked")
    @each_endpoint
    def test_a_key_in_the_query_is_refused(self, still: Customer, method: str, path: str) -> None:
        query = {"api_key": still.key, "password": still.key, "from": still.line}

        answer = still.world.client.request(method, path, params=query)

        assert_refused(answer, 401, "missing_api_key")

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.usefixtures("unchanged")
    @each_endpoint
    def test_a_bad_key_is_told_before_a_bad_body(self, still_world: World, method: str, path: str) -> None:
        answer = Caller(still_world, "sk_live_nonsense").call(method, path, content=b"not json")

        assert_refused(answer, 401, "invalid_api_key")

    @pytest.mark.parametrize(
        "header",
        ["", "Bearer", "Bearer ", "Basic {key}", "{key}", "Bearer {key} {key}", "Bearer {key}x", "Bearer {other}"],
    )
    def test_a_header_that_holds_no_key_of_ours_is_refused(self, still: Customer, header: str) -> None:
        given = header.format(key=still.key, other=new_key())

        answer = still.world.client.get("/v1/lines", headers={"Authorization": given})

        assert_refused(answer, 401, "invalid_api_key")

    def test_two_authorization_headers_are_refused(self, still: Customer) -> None:
        header = ("Authorization", f"Bearer {still.key}")

        answer = still.world.client.get("/v1/lines", headers=[header, header])

        assert_refused(answer, 401, "invalid_api_key")

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
    def test_the_scheme_may_be_written_in_any_case(self, still: Customer, scheme: str) -> None:
        answer = still.world.client.get("/v1/lines", headers={"Authorization": f"{scheme} {still.key}"})

        assert_done(answer)

    @pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
    def test_a_key_that_ends_is_refused_from_the_next_request_on(self, alice: Customer, column: str) -> None:
        # srv-100
        assert_done(alice.get("/v1/lines"))

        alice.world.sql(f"UPDATE api_keys SET {column} = ?", alice.world.clock.ms)

        assert_refused(alice.get("/v1/lines"), 401, "invalid_api_key")

    def test_a_daemons_token_is_no_key(self, still: Customer) -> None:
        assert_refused(Caller(still.world, still.mac.token).get("/v1/lines"), 401, "invalid_api_key")

    # srv-123, srv-102
    def test_of_a_key_only_hash_and_last_four_are_kept(self, alice: Customer) -> None:
        made = alice.webhook("https://agent.example.com/hook")

        written = alice.world.database.content()
        assert "agent.example.com" in written
        assert alice.key not in written
        assert alice.mac.token not in written
        assert made["secret"] not in (alice.key, alice.mac.token)


@pytest.fixture(scope="module")
def callers_without(still_alice: Customer) -> dict[Scope, Caller]:
    """Return callers who have every scope but one."""
    return {scope: still_alice.caller(*[other for other in SCOPES if other != scope]) for scope in SCOPES}


@pytest.fixture(scope="module")
def reader(still_alice: Customer) -> Caller:
    return still_alice.caller("lines:read")


@pytest.mark.one_store("scopes are judged in memory")
class TestScopes:
    @pytest.mark.usefixtures("unchanged")
    @each_endpoint
    def test_a_key_without_the_scope_is_refused_by_its_name(
        self, callers_without: dict[Scope, Caller], method: str, path: str
    ) -> None:
        scope = SCOPE_OF[method, path]

        answer = callers_without[scope].call(method, path)

        assert_refused(answer, 403, "insufficient_scope")
        assert f"`{scope}`" in answer.json()["error"]["message"]

    @pytest.mark.usefixtures("unchanged")
    @pytest.mark.parametrize(("method", "path"), WRITES)
    def test_a_missing_scope_is_told_before_a_body_that_is_not_json(
        self, reader: Caller, method: str, path: str
    ) -> None:
        answer = reader.call(method, path, content=b"{{{")

        assert_refused(answer, 403, "insufficient_scope")

    @each_endpoint
    def test_the_one_scope_is_enough(self, alice: Customer, method: str, path: str) -> None:
        answer = alice.caller(SCOPE_OF[method, path]).call(method, path, content=None if method == "GET" else b"{}")

        assert answer.status_code in (200, 201, 400, 404)


@pytest.fixture(scope="module")
def elsewhere(still_alice: Customer) -> Caller:
    """Return a caller who may use another line than Alice's first alone."""
    second_id = still_alice.world.add_line(still_alice.account_id, "+15550101001", still_alice.mac)
    return still_alice.caller(line_ids=(second_id,))


class TestLines:
    @pytest.fixture
    def second_line(self, alice: Customer) -> str:
        line = "+15550101001"
        self.second_id = alice.world.add_line(alice.account_id, line, alice.mac)
        alice.mac.hello(alice.line, line)
        return line

    @pytest.fixture
    def restricted(self, alice: Customer, second_line: str) -> Caller:
        """Return a caller who may use the second line alone."""
        lines = Caller(alice.world, alice.key).get("/v1/lines").json()["data"]
        (line_id,) = [line["id"] for line in lines if line["handle"] == second_line]
        return alice.caller(line_ids=(LineId(line_id),))

    @pytest.mark.parametrize(
        ("method", "path", "more"),
        [
            ("GET", "/v1/chats", {}),
            ("GET", "/v1/messages", {"to": ADA}),
            ("GET", "/v1/webhooks", {}),
            ("GET", "/v1/typing", {"to": ADA}),
            ("GET", "/v1/receipts", {"to": ADA}),
            ("POST", "/v1/messages", {"to": ADA, "text": "Hi"}),
            ("POST", "/v1/audio-messages", {"to": ADA, "audio_message": "file_1"}),
            ("POST", "/v1/reactions", {"to": ADA, "message_id": "msg_1", "type": "love"}),
            ("POST", "/v1/typing", {"to": ADA}),
            ("POST", "/v1/receipts", {"to": ADA}),
            ("POST", "/v1/webhooks", {"url": "https://a.example.com", "events": ["message.sent"]}),
        ],
    )
    def test_another_line_of_the_account_is_not_accessible(
        self, still: Customer, elsewhere: Caller, method: str, path: str, more: dict[str, Json]
    ) -> None:
        for name in (still.line, still.line_id):
            asked = {"from": name, **more}
            answer = elsewhere.get(path, asked) if method == "GET" else elsewhere.post(path, asked)
            assert_refused(answer, 403, "line_not_accessible", "from")

    def test_only_its_own_line_is_listed(self, restricted: Caller, second_line: str) -> None:
        assert [line["handle"] for line in restricted.get("/v1/lines").json()["data"]] == [second_line]

    def test_every_line_means_every_line_that_the_key_may_use(
        self, alice: Customer, restricted: Caller, second_line: str
    ) -> None:
        asked = {"from": "", "url": "https://a.example.com/", "events": ["message.received"]}

        made = restricted.post("/v1/webhooks", asked).json()

        (line,) = restricted.get("/v1/lines").json()["data"]
        assert made["line_ids"] == [line["id"]]
        assert line["handle"] == second_line
        assert alice.line_id not in made["line_ids"]

    def test_webhooks_and_items_of_other_lines_are_hidden(self, alice: Customer, restricted: Caller) -> None:
        alice.hears(ADA)
        outbox_id = alice.sends()
        webhook = alice.webhook("https://agent.example.com/hook")

        assert restricted.get("/v1/webhooks").json()["data"] == []
        assert_refused(restricted.delete("/v1/webhooks", {"id": webhook["id"]}), 404, "webhook_not_found", "id")
        assert_refused(restricted.get("/v1/outbox", {"id": outbox_id}), 404, "outbox_item_not_found", "id")
        assert [hook["id"] for hook in alice.get("/v1/webhooks").json()["data"]] == [webhook["id"]]
