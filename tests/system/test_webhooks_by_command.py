"""`blueport webhooks`, `trigger --webhook` and `sandbox`, as their users say them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blueport_sdk import verify_webhook
from tests.system.blueport import ADA, Blueport, until
from tests.system.prompt import Prompt, operated
from tests.system.receiver import Receiver
from tests.system.shells import Running

BEN = "+15550100002"


@pytest.fixture
def somebody(blueport: Blueport, tmp_path: Path) -> Prompt:
    return Prompt.of(blueport, tmp_path)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def webhook(somebody: Prompt, receiver: Receiver) -> Iterator[tuple[str, str]]:
    """Return the id of a webhook of the receiver, and its secret."""
    webhook_id, secret = somebody.does("webhooks", "create", receiver.url, "--retry-delays", "3600").out.split()
    yield webhook_id, secret
    somebody("webhooks", "delete", webhook_id)


class TestWebhooks:
    def test_one_that_is_made_hears_of_all_lines_and_the_four_events(
        self, somebody: Prompt, receiver: Receiver, webhook: tuple[str, str]
    ) -> None:
        [listed] = somebody.does("webhooks", "list", "--json").json

        assert (listed["id"], listed["url"], listed["is_active"]) == (webhook[0], receiver.url, True)
        assert listed["events"] == ["message.received", "message.sent", "reaction.added", "reaction.removed"]
        assert webhook[1].startswith("whsec_")
        table = somebody.does("webhooks", "list").out
        assert receiver.url in table
        assert webhook[1] not in table

    def test_one_can_be_of_a_line_and_of_some_events(
        self, blueport: Blueport, somebody: Prompt, receiver: Receiver
    ) -> None:
        made = somebody.does(
            "webhooks", "create", receiver.url, "--from", blueport.line, "--events", "message.received", "--json"
        ).json

        assert (made["events"], len(made["line_ids"])) == (["message.received"], 1)
        assert somebody.does("webhooks", "delete", made["id"]).out == f"{made['id']}\n"
        assert somebody("webhooks", "delete", made["id"]).status == 4

    def test_a_test_says_what_the_receiver_answered(
        self, somebody: Prompt, receiver: Receiver, webhook: tuple[str, str]
    ) -> None:
        ended = somebody.does("webhooks", "test", webhook[0], "reaction.added")

        [heard] = receiver.heard
        delivery_id = heard.headers["x-webhook-delivery-id"]
        assert ended.out == f"reaction.added {delivery_id}: delivered\n"
        assert verify_webhook(heard.raw, heard.headers["x-webhook-signature"], webhook[1]).event == "reaction.added"

    def test_a_receiver_that_refuses_the_test_is_status_1(self, somebody: Prompt) -> None:
        with Receiver(lambda _: 418) as receiver:
            webhook_id, _ = somebody.does("webhooks", "create", receiver.url, "--retry-delays", "3600").out.split()
            ended = somebody("webhooks", "test", webhook_id)
            somebody.does("webhooks", "delete", webhook_id)

        assert ended.status == 1
        assert "the receiver did not take it: http_418" in ended.err

    def test_trigger_has_the_server_deliver_one(
        self, somebody: Prompt, receiver: Receiver, webhook: tuple[str, str]
    ) -> None:
        ended = somebody.does("trigger", "message.sent", "--webhook", webhook[0], "--json")

        [heard] = receiver.heard
        assert verify_webhook(heard.raw, heard.headers["x-webhook-signature"], webhook[1]).event == "message.sent"
        assert (ended.json["id"], ended.json["status"]) == (heard.headers["x-webhook-delivery-id"], "delivered")

    def test_what_was_delivered_can_be_looked_at_and_sent_once_more(
        self, somebody: Prompt, receiver: Receiver, webhook: tuple[str, str]
    ) -> None:
        delivery_id = somebody.does("webhooks", "test", webhook[0], "--no-wait").out.strip()
        until(lambda: receiver.heard)
        filters = ("--webhook", webhook[0], "--status", "delivered", "--since", "1h")
        until(lambda: somebody.does("webhooks", "deliveries", *filters, "--json").json)

        [delivery] = somebody.does("webhooks", "deliveries", *filters, "--json").json
        [attempt] = somebody.does("webhooks", "attempts", delivery_id, "--json").json
        replayed = somebody.does("webhooks", "replay", delivery_id)

        assert (delivery["id"], delivery["is_test"], attempt["status_code"]) == (delivery_id, True, 200)
        assert delivery_id in somebody.does("webhooks", "deliveries").out
        assert "127.0.0.1" in somebody.does("webhooks", "attempts", delivery_id).out
        assert replayed.out == "1\n"
        until(lambda: len(receiver.heard) == 2)
        assert {heard.headers["x-webhook-delivery-id"] for heard in receiver.heard} == {delivery_id}

    def test_all_that_was_delivered_goes_out_once_more(
        self, somebody: Prompt, receiver: Receiver, webhook: tuple[str, str]
    ) -> None:
        for _ in range(2):
            somebody.does("webhooks", "test", webhook[0])

        replayed = somebody.does(
            "webhooks", "replay", "--webhook", webhook[0], "--status", "delivered", "--since", "1h", "--json"
        )

        assert replayed.json["replayed"] == 2
        until(lambda: len(receiver.heard) == 4)

    def test_another_secret_signs_what_comes_behind_it(
        self, somebody: Prompt, receiver: Receiver, webhook: tuple[str, str]
    ) -> None:
        secret = somebody.does("webhooks", "rotate", webhook[0], "--overlap", "1h").out.strip()
        somebody.does("webhooks", "test", webhook[0])

        [heard] = receiver.heard
        assert heard.is_signed_with(secret)
        assert secret != webhook[1]

    def test_one_that_was_switched_off_can_be_switched_on(self, blueport: Blueport, somebody: Prompt) -> None:
        with Receiver(lambda _: 410) as gone:
            webhook_id, _ = somebody.does("webhooks", "create", gone.url).out.split()
            blueport.texts(ADA, "Is anybody there?")
            until(lambda: "off (gone) since" in somebody.does("webhooks", "list").out)

            ended = somebody.does("webhooks", "enable", webhook_id)

            assert ended.out == f"{webhook_id}\n"
            assert "active" in somebody.does("webhooks", "list").out
            somebody.does("webhooks", "delete", webhook_id)

    @pytest.mark.parametrize(
        ("words", "status", "word"),
        [
            (["create", "http://example.com/hook"], 1, "invalid_parameter_value"),
            (["create", "https://example.com/hook", "--events", "message.read"], 1, "invalid_parameter_value"),
            (["enable", "wh_00000000000000000000000000"], 4, "webhook_not_found"),
            (["replay"], 2, "say what to send once more"),
            (["replay", "dlv_1", "--webhook", "wh_1"], 2, "say what to send once more"),
            (["test", "wh_1", "message.recieved"], 2, "invalid choice"),
            (["deliveries", "--since", "yesterday"], 2, "'yesterday' is no time like 2h (ago)"),
            (["rotate", "wh_1", "--overlap", "a day"], 2, "'a day' is no time like 30d"),
            (["create", "https://example.com/hook", "--retry-delays", "5,x"], 2, "'x' is no whole number"),
            (["nonsense"], 2, "invalid choice: 'nonsense'"),
        ],
        ids=lambda each: " ".join(each) if isinstance(each, list) else "",
    )
    def test_what_cannot_be_is_refused(self, somebody: Prompt, words: list[str], status: int, word: str) -> None:
        ended = somebody("webhooks", *words)

        assert (ended.status, ended.out) == (status, "")
        assert word in ended.err

    def test_the_operators_word_goes_on_opening_the_database(self, somebody: Prompt, tmp_path: Path) -> None:
        ended = somebody("webhooks", "reseal", "--database", str(tmp_path / "blueport.db"))

        assert ended.status == 78
        assert "`secrets_key` is not set" in ended.err


class TestSandbox:
    def test_a_phone_is_paired_while_somebody_waits(self, blueport: Blueport, somebody: Prompt) -> None:
        assert somebody.does("sandbox", "status").out == "not paired\n"

        with Running(somebody, "sandbox", "activate", "--wait") as waiting:
            [code] = until(lambda: [*waiting.out])
            assert "\N{UPPER HALF BLOCK}" in "".join(waiting.err)
            assert f"text {code.strip()} to" in somebody.does("sandbox", "status").err
            line = blueport.said["sandbox_line"]
            blueport.simulator("POST", f"/people/{BEN}/messages", {"text": code.strip(), "to": line})
            assert waiting.ends() == 0

        assert waiting.out == [code, f"paired with {BEN}\n"]
        status = somebody.does("sandbox", "status")
        assert status.out == f"paired with {BEN}\n"
        assert f"send from {line}; 50 of 50 messages are left until " in status.err
        assert somebody.does("sandbox", "activate").out == f"paired with {BEN}\n"
        assert somebody.does("sandbox", "status", "--json").json["contact_identifier"] == BEN

    def test_who_waits_in_vain_is_told(self, blueport: Blueport, somebody: Prompt) -> None:
        operated(blueport, "accounts", "create", "bob", "--owner", "bob@example.com")
        key = operated(blueport, "keys", "create", "--account", "bob")

        ended = somebody("sandbox", "activate", "--wait", "--timeout", "1s", "--json", "--key", key)

        assert ended.status == 1
        assert ended.json["status"] == "pending"
        assert ended.error["error"]["code"] == "timeout"

    def test_the_operators_words_go_on_opening_the_database(self, blueport: Blueport) -> None:
        operated(blueport, "accounts", "create", "carl", "--owner", "carl@example.com")

        assert "\N{UPPER HALF BLOCK}" in operated(blueport, "sandbox", "qr", "--account", "carl")
