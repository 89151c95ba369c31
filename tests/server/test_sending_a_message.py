"""POST /v1/messages."""

from tests.server.answers import assert_done
from tests.server.world import ADA, Customer


class TestAccepted:
    def test_the_answer_is_exactly_id_status_and_request_id(self, alice: Customer) -> None:
        alice.hears(ADA)

        answer = alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hello"})

        assert_done(answer, 201)
        assert set(answer.json()) == {"id", "status", "request_id"}
        assert answer.json()["id"].startswith("obx_")
        assert answer.json()["status"] == "pending"
