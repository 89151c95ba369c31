"""Samples of events are what the contract promises, and deliveries made of them are as the server's are."""

import dataclasses
import json
from pathlib import Path

import pytest

from blueport.server.notifying.delivering.signing import new_secret, signed
from blueport_sdk import build_webhook_delivery, verify_webhook
from blueport_sdk.events import DATA_OF, delivery_of
from blueport_sdk.samples import EVENTS, sample_data

CONTRACT = Path(__file__).parents[2] / "contract"
TOLD = sorted((CONTRACT / "events").glob("*.json"))
SECRET = "whsec_3Qk0c1vYv5J8m2n7Xr4tZ6bLwPd9sGhAeFuKoTiRyNc="
NOW_MS = 1_760_000_000_000


def test_there_is_a_sample_of_each_event_of_the_contract() -> None:
    assert sorted(EVENTS) == [path.stem for path in TOLD]


@pytest.mark.parametrize("path", TOLD, ids=lambda path: path.stem)
def test_a_sample_has_the_fields_of_the_contract_in_its_order(path: Path) -> None:
    told = json.loads(path.read_bytes())["data"]

    made = dataclasses.asdict(sample_data(path.stem, NOW_MS))

    assert list(made) == list(told)
    assert {name: type(value) for name, value in made.items() if value is not None and told[name] is not None} == {
        name: tuple if type(value) is list else type(value)
        for name, value in told.items()
        if value is not None and made[name] is not None
    }


@pytest.mark.parametrize("path", TOLD, ids=lambda path: path.stem)
def test_an_event_that_was_read_is_written_as_it_came(path: Path) -> None:
    event = delivery_of(json.loads(path.read_bytes()))

    made = build_webhook_delivery(
        event.event, event.data, SECRET, timestamp=event.timestamp, delivery_id=event.delivery_id
    )

    assert made.body == path.read_bytes()


def test_a_delivery_is_what_the_server_would_send() -> None:
    secret = new_secret()
    data = json.dumps({"text": "Grüß dich"}, ensure_ascii=False, separators=(",", ":"))
    sent = signed("message.received", data, delivery_id="dlv_1", secrets=[secret], now_ms=NOW_MS)

    made = build_webhook_delivery("message.received", json.loads(data), secret, timestamp=NOW_MS, delivery_id="dlv_1")

    about_the_program = {"User-Agent", "Accept-Encoding"}
    assert made.body == sent.body
    assert made.headers == {name: value for name, value in sent.headers.items() if name not in about_the_program}


def test_a_secret_of_ones_own_signs_too() -> None:
    made = build_webhook_delivery("message.received", sample_data("message.received"), "no base64!")

    verify_webhook(made.body, made.headers["X-Webhook-Signature"], "no base64!")
    assert "webhook-signature" not in made.headers


@pytest.mark.parametrize("event", EVENTS)
def test_a_sample_can_be_delivered_and_verified(event: str) -> None:
    sample = sample_data(event)
    made = build_webhook_delivery(event, sample, SECRET)

    heard = verify_webhook(made.body, made.headers["X-Webhook-Signature"], SECRET)

    assert heard.data == sample
    assert type(heard.data) is DATA_OF[event]


def test_each_sample_is_of_a_new_message_in_the_same_chat() -> None:
    one, other = sample_data("message.received"), sample_data("message.received")

    assert one.id != other.id
    assert one.chat_id == other.chat_id


def test_fields_can_be_different() -> None:
    made = sample_data("message.received", text="Hello", attachments=[{"filename": "a.png"}])

    assert (made.text, made.attachments[0].filename) == ("Hello", "a.png")


@pytest.mark.parametrize(
    ("event", "fields", "word"),
    [
        ("message.recieved", {}, "there is no event 'message.recieved': there are message.received"),
        ("message.received", {"txet": "Hello"}, "message.received has no field 'txet': it has id, line_id"),
        ("message.received", {"text": 5}, r"message.received cannot be like that: \$.text is int"),
        ("message.received", {"text": object()}, "message.received cannot be like that"),
    ],
)
def test_what_no_event_can_be_is_refused(event: str, fields: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        sample_data(event, **fields)
