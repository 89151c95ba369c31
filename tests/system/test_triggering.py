"""`blueport trigger`: made-up deliveries that receivers take for real ones."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueport_sdk import WebhookEvent, verify_webhook
from tests.system.prompt import Prompt
from tests.system.receiver import Heard, Receiver

EVENTS = sorted(path.stem for path in (Path(__file__).parents[2] / "contract" / "events").glob("*.json"))
SECRET = "whsec_3Qk0c1vYv5J8m2n7Xr4tZ6bLwPd9sGhAeFuKoTiRyNcA"


@pytest.fixture
def somebody(tmp_path: Path) -> Prompt:
    """Return somebody who has not signed in: what is made up needs no server."""
    return Prompt(tmp_path)


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def one_receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver(one_receiver: Receiver) -> Receiver:
    one_receiver.heard.clear()
    return one_receiver


def _verified(heard: Heard, secret: str) -> WebhookEvent:
    by_hand = hmac.new(
        secret.encode(), heard.headers["x-webhook-timestamp"].encode() + b"." + heard.raw, hashlib.sha256
    )
    assert heard.headers["x-webhook-signature"] == by_hand.hexdigest()
    return verify_webhook(heard.raw, heard.headers["x-webhook-signature"], secret)


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_of_the_contract_is_delivered_and_verifies(somebody: Prompt, event: str, receiver: Receiver) -> None:
    ended = somebody("trigger", event, "--forward-to", receiver.url, "--secret", SECRET)

    [heard] = receiver.heard
    delivery_id = heard.headers["x-webhook-delivery-id"]
    assert _verified(heard, SECRET).event == event
    assert heard.event["delivery_id"] == delivery_id
    assert ended.status == 0
    assert ended.out.startswith(f"{event} {delivery_id}: 200 (")


def test_a_delivery_looks_as_a_servers_does(somebody: Prompt, receiver: Receiver) -> None:
    somebody("trigger", "message.received", "--forward-to", receiver.url)

    headers = receiver.heard[0].headers
    assert (headers["content-type"], headers["user-agent"]) == ("application/json", "Blueport")
    assert headers["webhook-id"] == headers["x-webhook-delivery-id"]


def test_without_a_secret_it_is_signed_with_the_one_that_listen_prints(somebody: Prompt, receiver: Receiver) -> None:
    somebody("trigger", "message.received", "--forward-to", receiver.url)

    _verified(receiver.heard[0], somebody("listen", "--print-secret").out.strip())


def test_without_a_target_it_is_printed(somebody: Prompt, receiver: Receiver) -> None:
    ended = somebody("trigger", "message.received", "--secret", SECRET)

    head, _, body = ended.out.rstrip("\n").partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines())
    assert verify_webhook(body, headers["X-Webhook-Signature"], SECRET).event == "message.received"
    assert receiver.heard == []


def test_printed_as_json_it_is_an_object_with_the_body_as_it_is_signed(somebody: Prompt) -> None:
    ended = somebody("trigger", "receipt.read", "--secret", SECRET, "--json")

    delivery = json.loads(ended.out)
    assert verify_webhook(delivery["body"], delivery["headers"]["X-Webhook-Signature"], SECRET).event == "receipt.read"


def test_what_became_of_it_as_json(somebody: Prompt, receiver: Receiver) -> None:
    ended = somebody("trigger", "message.sent", "--forward-to", receiver.url, "--delivery-id", "dlv_1", "--json")

    outcome = json.loads(ended.out)
    assert (outcome["event"], outcome["delivery_id"], outcome["status_code"]) == ("message.sent", "dlv_1", 200)
    assert outcome["reason"] is None


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["text=Hello"], "text", "Hello"),
        (["text=1=1"], "text", "1=1"),
        (["text=5"], "text", "5"),
        (["sent_at=5"], "sent_at", 5),
        (["is_audio_message=true"], "is_audio_message", True),
        (["--data", '{"text": null}'], "text", None),
        (["--data", "text=Hello"], "text", "Hello"),
        (["--data", '{"text": "Hello"}', "--data", "text=Bye"], "text", "Bye"),
        (["--data", "@data.json"], "text", "From a file"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_fields_can_be_different(
    somebody: Prompt, words: list[str], field: str, value: object, receiver: Receiver, in_a_folder: Path
) -> None:
    (in_a_folder / "data.json").write_text('{"text": "From a file"}')

    ended = somebody("trigger", "message.received", "--forward-to", receiver.url, *words)

    assert (ended.status, ended.err) == (0, "")
    assert receiver.heard[0].event["data"][field] == value


@pytest.mark.parametrize(
    ("words", "word"),
    [
        ([], "say which event: message.received, message.sent"),
        (["message.recieved"], "invalid choice: 'message.recieved'"),
        (["message.received", "txet=Hello"], "message.received has no field 'txet': it has id, line_id"),
        (["message.received", "sent_at=soon"], "$.sent_at is str where there should be int"),
        (["message.received", "Hello"], "'Hello' is no FIELD=VALUE like text=Hello"),
        (["message.received", "--data", "{"], "the data are no JSON"),
        (["message.received", "--data", "@list.json"], "the data are no JSON object"),
        (["message.received", "--forward-to", "example.com"], "'example.com' is no URL like http://"),
        (["message.received", "text=Hello", "--webhook", "wh_1"], "with --webhook the server makes it up"),
        (["message.received", "--forward-to", "http://127.0.0.1:9/", "--webhook", "wh_1"], "not allowed with"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_what_makes_no_sense_is_status_2(somebody: Prompt, words: list[str], word: str, in_a_folder: Path) -> None:
    (in_a_folder / "list.json").write_text("[]")

    ended = somebody("trigger", *words)

    assert (ended.status, ended.out) == (2, "")
    assert word in ended.err


def test_a_receiver_that_refuses_is_status_1(somebody: Prompt) -> None:
    with Receiver(lambda _: 401) as receiver:
        ended = somebody("trigger", "message.received", "--forward-to", receiver.url)

    assert ended.status == 1
    assert f"{receiver.url} did not take it: refused with 401" in ended.err


def test_a_receiver_that_is_not_there_is_status_1(somebody: Prompt) -> None:
    with Receiver() as gone:
        pass

    ended = somebody("trigger", "message.received", "--forward-to", gone.url)

    assert ended.status == 1
    assert "did not take it: Connection refused" in ended.err


def test_the_list_names_all_events_of_the_contract(somebody: Prompt) -> None:
    assert sorted(somebody("trigger", "--list").out.split()) == EVENTS
    assert sorted(json.loads(somebody("trigger", "--list", "--json").out)) == EVENTS


def test_all_on_this_machine_use_one_secret_which_is_kept_for_its_owner_alone(somebody: Prompt) -> None:
    others = [somebody.start("listen", "--print-secret") for _ in range(3)]
    secret = somebody("listen", "--print-secret").out

    assert somebody("listen", "--print-secret").out == secret
    assert secret.startswith("whsec_")
    assert {process.communicate()[0] for process in others} == {secret}
    kept = somebody.home / "config/blueport/webhook-secret"
    assert kept.stat().st_mode & 0o777 == 0o600
