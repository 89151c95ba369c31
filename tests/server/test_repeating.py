"""A request that is repeated because its answer was lost has its effect once."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from blueport.server.http import queries, repeating
from blueport.server.store.postgres.bridging import wait_for
from blueport.server.store.schema import upgrade
from blueport.server.store.sqlite import store as sqlite
from tests.databases import Database
from tests.server.answers import assert_done, assert_refused
from tests.server.receiver import until
from tests.server.world import ADA, HOUR_MS, Clock, Customer, Json, World

NAME = {"Idempotency-Key": "3f1c-9a"}


@pytest.fixture(autouse=True)
def _ada_has_written(alice: Customer) -> None:
    alice.hears(ADA)


def _send(customer: Customer, text: str = "Hello", **headers: str) -> Json:
    body = {"from": customer.line, "to": ADA, "text": text}
    return customer.post("/v1/messages", body, **headers)


class TestNamed:
    def test_a_repetition_gets_the_first_answer_and_does_nothing(self, alice: Customer) -> None:
        first = _send(alice, **NAME)
        again = _send(alice, **NAME)

        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
        assert alice.world.rows("outbox") == 1
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers

    def test_a_repetition_gets_the_first_body_byte_for_byte_under_its_own_request_id(self, alice: Customer) -> None:
        first = _send(alice, **NAME)

        again = _send(alice, **NAME)

        assert again.status_code == 201
        assert again.content == first.content
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]

    # srv-056, srv-096
    def test_fifty_at_once_are_one(self, alice: Customer) -> None:
        with ThreadPoolExecutor(10) as threads:
            answers = list(threads.map(lambda _: _send(alice, **NAME), range(50)))

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert alice.world.rows("outbox") == 1

    def test_the_name_stands_for_one_request_alone(self, alice: Customer) -> None:
        _send(alice, **NAME)

        answer = _send(alice, "Another text", **NAME)

        assert_refused(answer, 400, "invalid_parameter_value", "Idempotency-Key")
        assert alice.world.rows("outbox") == 1

    def test_another_account_may_use_the_same_name(self, alice: Customer, bob: Customer) -> None:
        bob.hears(ADA)

        assert _send(alice, **NAME).json()["id"] != _send(bob, **NAME).json()["id"]

    def test_a_refusal_is_not_kept(self, alice: Customer) -> None:
        assert_refused(_send(alice, "", **NAME), 400, "missing_required_parameter", "text")

        assert_done(_send(alice, "Hello", **NAME), 201)

    def test_after_a_day_the_name_is_free(self, alice: Customer) -> None:
        first = _send(alice, **NAME)
        alice.world.clock.ms += 25 * HOUR_MS
        alice.world.sweep()

        assert _send(alice, **NAME).json()["id"] != first.json()["id"]

    def test_a_deletion_may_be_repeated(self, alice: Customer) -> None:
        made = alice.webhook("https://agent.example.com/hook")
        deletion = {"json": {"id": made["id"]}, "headers": NAME}
        alice.call("DELETE", "/v1/webhooks", **deletion)

        again = alice.call("DELETE", "/v1/webhooks", **deletion)

        assert (again.status_code, again.json()["deleted"]) == (200, True)

    def test_a_reading_takes_no_name(self, alice: Customer) -> None:
        for _ in range(2):
            assert_done(alice.call("GET", "/v1/lines", headers=NAME))


class TestUnnamed:
    def test_two_equal_messages_on_purpose_are_two(self, alice: Customer) -> None:
        first, second = _send(alice), _send(alice)

        assert first.json()["id"] != second.json()["id"]
        assert [item.command.text for item in alice.mac.claim()] == ["Hello", "Hello"]

    @pytest.mark.one_store("where units overlap, a row that was read may be gone since", kind="postgres")
    def test_two_on_purpose_are_two_though_the_first_is_told_to_have_been_answered_while_the_second_looks(
        self, alice: Customer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(repeating, "FORGET_AFTER_S", 600)
        looked = queries.unanswered_since
        told: list[int] = []

        def looked_while_it_is_told(*asked: Any) -> list[queries.Unanswered]:
            found = looked(*asked)
            told.append(len(found))
            wait_for(alice.world.server._api.close())  # noqa: SLF001 - what is told after a while is told now
            return found

        first = _send(alice)
        monkeypatch.setattr(queries, "unanswered_since", looked_while_it_is_told)
        second = _send(alice)

        assert told == [1]
        assert first.json()["id"] != second.json()["id"]
        assert alice.world.rows("outbox") == 2

    def test_an_answered_request_is_forgotten_though_the_database_was_locked_for_a_moment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
        database = Database(str(tmp_path / "impatient.db"), tmp_path)
        upgrade(database.named)
        with World(database, Clock()).open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.hears(ADA)
            _send(alice)
            with database.locked():
                time.sleep(repeating.FORGET_AFTER_S + 0.2)  # long enough to forget in vain

            until(lambda: world.rows("unanswered") == 0)
