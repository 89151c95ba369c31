"""POST, GET and DELETE /v1/webhooks."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.server.answers import assert_done, assert_refused
from tests.server.receiver import Receiver, until
from tests.server.world import ADA, Customer, Json

HOOK = "https://agent.example.com/hook"
UNKNOWN = "wh_00000000000000000000000000"


def _create(customer: Customer, **fields: Json) -> Json:
    body = {"from": customer.line, "url": HOOK, "events": ["message.received"]} | fields
    return customer.post("/v1/webhooks", {name: value for name, value in body.items() if value is not ...})


class TestCreate:
    def test_the_answer_is_exactly_as_in_the_seed(self, alice: Customer) -> None:
        answer = _create(alice, events=["message.received", "message.sent"])

        assert_done(answer, 201)
        made = answer.json()
        assert set(made) == {"id", "line_ids", "url", "events", "secret", "is_active", "request_id"}
        assert made["id"].startswith("wh_")
        assert made["line_ids"] == [alice.line_id]
        assert (made["url"], made["events"]) == (HOOK, ["message.received", "message.sent"])
        assert made["is_active"] is True
        assert len(made["secret"]) >= 32

    def test_an_empty_from_means_every_line(self, alice: Customer) -> None:
        second = alice.world.add_line(alice.account_id, "+15550101001", alice.mac)

        made = _create(alice, **{"from": ""}).json()

        assert set(made["line_ids"]) == {alice.line_id, second}

    def test_each_webhook_has_its_own_secret(self, alice: Customer) -> None:
        # srv-123
        assert len({_create(alice).json()["secret"] for _ in range(10)}) == 10

    def test_each_of_the_four_events_may_be_asked_for(self, alice: Customer) -> None:
        four = ["message.received", "message.sent", "reaction.added", "reaction.removed"]

        assert _create(alice, events=four).json()["events"] == four

    def test_an_event_named_twice_is_kept_once(self, alice: Customer) -> None:
        assert _create(alice, events=["message.sent", "message.sent"]).json()["events"] == ["message.sent"]

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("name", ["from", "url", "events"])
    @pytest.mark.parametrize("value", [None, ...])
    def test_a_required_parameter_is_missing(self, still: Customer, name: str, value: Json) -> None:
        assert_refused(_create(still, **{name: value}), 400, "missing_required_parameter", name)

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize(
        "events",
        [
            [],
            ["message"],
            ["message.received", "typing.started"],
            ["typing.stopped"],
            ["receipt.read"],
            ["message.failed"],
            ["MESSAGE.SENT"],
            ["*"],
            [""],
            [None],
            [5],
            "message.sent",
            {"message.sent": True},
        ],
        ids=str,
    )
    def test_an_event_outside_the_four_is_refused(self, still: Customer, events: Json) -> None:
        assert_refused(_create(still, events=events), 400, "invalid_parameter_value", "events")

    def test_the_refusal_of_an_event_names_those_that_are_allowed(self, still: Customer) -> None:
        message = _create(still, events=["receipt.read"]).json()["error"]["message"]

        for event in ("message.received", "message.sent", "reaction.added", "reaction.removed"):
            assert event in message

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize(
        ("fields", "status", "code", "param"),
        [
            ({"from": 5}, 400, "invalid_parameter_value", "from"),
            ({"from": "cht_1"}, 400, "invalid_parameter_value", "from"),
            ({"url": 5}, 400, "invalid_parameter_value", "url"),
            ({"from": "+15559999999"}, 404, "line_not_found", "from"),
            ({"from": "+15559999999", "url": "http://x"}, 400, "invalid_parameter_value", "url"),
            ({"from": "+15559999999", "events": ["x"]}, 400, "invalid_parameter_value", "events"),
            ({"url": ..., "events": 5}, 400, "missing_required_parameter", "url"),
        ],
    )
    def test_what_is_wrong_is_told(self, still: Customer, fields: Json, status: int, code: str, param: str) -> None:
        assert_refused(_create(still, **fields), status, code, param)


class TestList:
    def test_a_webhook_is_listed_without_its_secret(self, alice: Customer) -> None:
        # srv-102
        made = _create(alice).json()

        answer = alice.get("/v1/webhooks")

        assert_done(answer)
        (shown,) = answer.json()["data"]
        del made["secret"], made["request_id"]
        assert shown == made

    def test_a_line_shows_its_own_and_those_of_every_line(self, alice: Customer) -> None:
        second = "+15550101001"
        alice.world.add_line(alice.account_id, second, alice.mac)
        first_only = _create(alice).json()["id"]
        second_only = _create(alice, **{"from": second}).json()["id"]
        both = _create(alice, **{"from": ""}).json()["id"]

        assert _ids(alice, alice.line) == {first_only, both}
        assert _ids(alice, second) == {second_only, both}
        assert _ids(alice, "") == {first_only, second_only, both}

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize(
        ("query", "status", "code", "param"),
        [
            ({"from": "cht_1"}, 400, "invalid_parameter_value", "from"),
            ({"from": "+15559999999"}, 404, "line_not_found", "from"),
            ({"from": "+15559999999", "limit": 0}, 400, "invalid_parameter_value", "limit"),
            ({"from": "+15559999999", "cursor": "zz"}, 400, "invalid_parameter_value", "cursor"),
        ],
    )
    def test_what_is_wrong_is_told(self, still: Customer, query: Json, status: int, code: str, param: str) -> None:
        assert_refused(still.get("/v1/webhooks", query), status, code, param)


class TestDelete:
    def test_the_answer_is_exactly_as_in_the_seed(self, alice: Customer) -> None:
        made = _create(alice).json()

        answer = alice.delete("/v1/webhooks", {"id": made["id"]})

        assert_done(answer)
        assert answer.json() == {"id": made["id"], "deleted": True, "request_id": answer.headers["x-request-id"]}
        assert alice.get("/v1/webhooks").json()["data"] == []

    def test_a_deleted_webhook_hears_nothing_more(self, alice: Customer) -> None:
        made = _create(alice).json()
        alice.delete("/v1/webhooks", {"id": made["id"]})

        alice.hears(ADA)

        assert alice.world.rows("deliveries") == 0

    def test_while_events_are_made_each_is_delivered_or_called_off_and_nobody_fails(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        # srv-054
        ending, staying = [alice.webhook(receiver.url)["id"] for _ in range(6)], alice.webhook(receiver.url)["id"]
        people = [f"+155501000{number:02}" for number in range(24)]

        with ThreadPoolExecutor(6) as threads:
            hearing = [threads.submit(alice.hears, person) for person in people]
            deleted = list(threads.map(lambda each: alice.delete("/v1/webhooks", {"id": each}), ending))
            assert [each.exception() for each in hearing] == [None] * len(people)

        assert [answer.status_code for answer in deleted] == [200] * len(ending)
        until(lambda: alice.world.sql("SELECT 1 FROM deliveries WHERE completed_at IS NULL") == [])
        ends = alice.world.sql("SELECT state, webhook_id FROM deliveries")
        assert {state for state, _ in ends} <= {"delivered", "cancelled"}
        assert ends.count(("delivered", staying)) == len(people)

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("body", [{}, {"id": None}, {"webhook_id": UNKNOWN}])
    def test_the_id_is_missing(self, still: Customer, body: Json) -> None:
        assert_refused(still.delete("/v1/webhooks", body), 400, "missing_required_parameter", "id")

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("name", ["", "msg_1", 5, ["wh_1"]])
    def test_an_id_of_another_kind_is_refused(self, still: Customer, name: Json) -> None:
        assert_refused(still.delete("/v1/webhooks", {"id": name}), 400, "invalid_parameter_value", "id")

    def test_an_unknown_webhook_is_not_found(self, still: Customer) -> None:
        assert_refused(still.delete("/v1/webhooks", {"id": UNKNOWN}), 404, "webhook_not_found", "id")

    def test_a_webhook_in_the_url_is_a_path_that_does_not_exist(self, alice: Customer) -> None:
        made = _create(alice).json()

        assert_refused(alice.call("DELETE", f"/v1/webhooks/{made['id']}"), 404, "route_not_found")
        assert alice.world.rows("webhooks") == 1


def _ids(customer: Customer, line: str) -> set[str]:
    return {hook["id"] for hook in customer.get("/v1/webhooks", {"from": line}).json()["data"]}
