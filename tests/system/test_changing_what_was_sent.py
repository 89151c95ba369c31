"""From the public API to a person's phone: what a line has sent is edited, and taken back."""

from pathlib import Path

from tests.system.blueport import ADA, Blueport, Json, running, until
from tests.system.receiver import Receiver


def test_an_edit_and_an_unsend_reach_the_phone_and_are_one_event_each(tmp_path: Path) -> None:
    with running(tmp_path / "data") as blueport, Receiver() as receiver:
        blueport.api("POST", "/v1/settings", {"extended_events": True})
        hook = {"from": "", "url": receiver.url, "events": ["message.sent", "message.edited", "message.unsent"]}
        blueport.api("POST", "/v1/webhooks", hook)
        blueport.texts(ADA, "Hi")
        until(lambda: _is_heard(blueport))
        message = _sent(blueport)

        edit = _asked(blueport, "edit", message_id=message["id"], text="The")
        until(lambda: _phone(blueport)["text"] == "The")
        unsend = _asked(blueport, "unsend", message_id=message["guid"])
        until(lambda: _phone(blueport)["unsent_at"])

        assert [edit["status"], unsend["status"]] == ["sent", "sent"]
        until(lambda: len(receiver.heard) == 3)
        heard = [(each.event["event"], each.event["data"]["text"]) for each in receiver.heard]
        assert heard == [("message.sent", "Teh"), ("message.edited", "The"), ("message.unsent", None)]
        assert [each.event["data"]["id"] for each in receiver.heard] == [message["id"]] * 3


def _is_heard(blueport: Blueport) -> bool:
    """Say whether Ada may be written to."""
    return any(chat["identifier"] == ADA for chat in blueport.api("GET", f"/v1/chats?from={_line(blueport)}")["data"])


def _sent(blueport: Blueport) -> Json:
    item = blueport.sends(ADA, "Teh")
    until(lambda: blueport.api("GET", f"/v1/outbox?id={item}")["status"] == "sent")
    return blueport.api("GET", f"/v1/messages?from={_line(blueport)}&to=%2B{ADA[1:]}")["data"][0]


def _asked(blueport: Blueport, what: str, **asked: str) -> Json:
    item = blueport.api("POST", f"/v1/messages/{what}", asked)["id"]
    return until(lambda: _ended(blueport, item))


def _ended(blueport: Blueport, item: str) -> Json:
    told = blueport.api("GET", f"/v1/outbox?id={item}")
    return told if told["status"] in ("sent", "failed") else None


def _phone(blueport: Blueport) -> Json:
    [ours] = [bubble for bubble in blueport.phone(ADA) if not bubble["from_me"]]
    return ours


def _line(blueport: Blueport) -> str:
    return f"%2B{blueport.line[1:]}"
