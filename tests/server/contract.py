"""Makes contract/: what every client of the API is held against, written by the server itself.

`make contract` writes it, and a test fails while what is checked in is something else. Ids, secrets and links hold
chance; the same stands for them each time, so that a file changes only with the server.
"""

import itertools
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec

from blueport.protocol.door import Capability
from blueport.protocol.sightings import MessageChanged, MessageReached, ReceiptSeen, TypingSeen
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.describing import refusals
from blueport.server.describing.events import EVENTS
from blueport.server.ids import LineId, mint
from blueport.server.store.schema import upgrade
from tests.databases import Database
from tests.server.receiver import Receiver, receiving, until
from tests.server.signatures import signatures
from tests.server.world import (
    ADA,
    CARL,
    NOON_MS,
    Clock,
    Customer,
    Json,
    World,
    chat_with,
    proof_of,
    reaction_to,
    text_from,
    text_in_group,
)

FOLDER = Path(__file__).parents[2] / "contract"
_LINE = "+15551234567"
_SANDBOX = "+15557654321"
_HOOK = "https://agent.example.com/hook"
_ID = re.compile(r"\b(acc|cht|dlv|evt|file|ind|ln|msg|obx|rcp|req|rxn|wh)_([0-9a-z]{10})[0-9a-z]{16}\b")
_NOON = "01k742sg00"  # NOON_MS, as ids write it
_CODE = re.compile(r'(?<="activation_code": ")[0-9A-Z]{8}')
_SIGNATURE = re.compile(r"(?<=&signature=)[0-9a-f]{64}")
_SECRET = re.compile(r"\bwhsec_[0-9A-Za-z]{44}")
_PORT = re.compile(r"http://127\.0\.0\.1:[0-9]+/hook")
_TOOK = re.compile(r'"duration_ms": [0-9]+')


class Told(NamedTuple):
    """What a server said while it was asked everything once."""

    description: str
    examples: dict[str, Json]
    events: dict[str, str]


def contract(told: Told) -> dict[str, str]:
    """Return the files of contract/, by name."""
    steady = _Steady()
    # In their order, so that one more changes no id in those before it.
    events = {event.name: steady(told.events[event.name]) for event in EVENTS}
    return {
        "openapi.json": _pretty(json.loads(told.description)),
        "errors.json": _pretty(msgspec.to_builtins(refusals.explained())),
        "examples.json": steady(_pretty(told.examples)),
        **{f"events/{name}.json": body for name, body in events.items()},
        "signatures.json": _pretty(signatures(events["message.received"])),
    }


def told_by(world: World, receiver: Receiver) -> Told:
    """Ask *world* everything once."""
    alice = world.customer("Alice", _LINE)
    alice.mac.hello(_LINE, capabilities=get_args(Capability))
    asking = _Asking(alice)
    _try_webhooks(asking)
    asking.get("/v1/settings")
    asked = {"extended_events": True, "stop_handling": True, "pacing": {"interval_ms": 1_500}, "loop_guard": None}
    asking.post("/v1/settings", asked)
    alice.webhook(receiver.url, *[event.name for event in EVENTS])
    _receive_and_send(asking)
    _react(asking)
    _show_presence(asking)
    _bring_files(asking)
    _change(asking)
    events = {heard.body["event"]: heard.raw.decode() for heard in receiver.waits_for(len(EVENTS))}
    _look_into_deliveries(asking, receiver)
    _pair(asking)
    return Told(world.client.get("/openapi.json").text, asking.examples, events)


@contextmanager
def asked() -> Iterator[Told]:
    """Ask a server of its own everything once."""
    with tempfile.TemporaryDirectory() as folder, receiving() as receiver:
        database = Database(f"{folder}/blueport.db", Path(folder))
        upgrade(database.named)
        with World(database, Clock()).open() as world:
            yield told_by(world, receiver)


class _Asking:
    """Asks, and keeps question and answer as an example of the endpoint."""

    def __init__(self, customer: Customer) -> None:
        self.customer = customer
        self.examples: dict[str, Json] = {}

    def get(self, path: str, **query: str) -> Json:
        answer = self.customer.call("GET", path, params=query, follow_redirects=False)
        return self._kept(f"GET {path}", {"query": query}, answer)

    def post(self, path: str, body: Json) -> Json:
        question = {} if body is None else {"body": body}
        return self._kept(f"POST {path}", question, self.customer.post(path, body))

    def upload(self, text: str, headers: dict[str, str]) -> Json:
        answer = self.customer.call("POST", "/v1/files", content=text.encode(), headers=headers)
        return self._kept("POST /v1/files", {"headers": headers, "raw_body": text}, answer)

    def delete(self, path: str, body: Json) -> Json:
        return self._kept(f"DELETE {path}", {"body": body}, self.customer.delete(path, body))

    def _kept(self, title: str, question: Json, answer: Json) -> Json:
        assert not answer.is_error, answer.text
        kept = {"request": question, "status": answer.status_code, "answer": answer.json()}
        if answer.is_redirect:
            kept["location"] = answer.headers["location"]
        self.examples[title] = kept
        return answer.json()


def _try_webhooks(asking: _Asking) -> None:
    made = asking.post("/v1/webhooks", {"from": _LINE, "url": _HOOK, "events": ["message.received", "message.sent"]})
    asking.get("/v1/webhooks", **{"from": _LINE})
    asking.delete("/v1/webhooks", {"id": made["id"]})


def _look_into_deliveries(asking: _Asking, receiver: Receiver) -> None:
    webhook_id = asking.customer.webhook(receiver.url, "message.received")["id"]
    receiver.saying = b"ok"
    delivery_id = asking.post("/v1/webhooks/test", {"id": webhook_id, "event": "message.received"})["id"]
    done = "SELECT count(*) FROM deliveries WHERE id = ? AND state = 'delivered'"
    until(lambda: asking.customer.world.sql(done, delivery_id) == [(1,)])
    asking.get("/v1/webhooks/deliveries", webhook_id=webhook_id)
    asking.get("/v1/webhooks/attempts", delivery_id=delivery_id)
    asking.post("/v1/webhooks/replay", {"webhook_id": webhook_id, "status": "failed"})
    asking.post("/v1/webhooks/rotate", {"id": webhook_id})
    asking.post("/v1/webhooks/enable", {"id": webhook_id})


def _receive_and_send(asking: _Asking) -> None:
    alice = asking.customer
    alice.hears(ADA, "Are you there?", guid=_guid(1), sent_at=NOON_MS - 1_500)
    accepted = asking.post("/v1/messages", {"from": _LINE, "to": ADA, "text": "Yes. How can I help?"})
    (item,) = alice.mac.claim()
    assert alice.mac.begin(item)
    alice.mac.sees(proof_of(item, guid=_guid(2), sent_at=NOON_MS - 100))
    asking.get("/v1/outbox", id=accepted["id"])
    asking.get("/v1/messages", **{"from": _LINE, "to": ADA})
    asking.get("/v1/chats", **{"from": _LINE})
    asking.get("/v1/lines")
    asking.get("/v1/events", **{"from": _LINE, "limit": "1"})


def _react(asking: _Asking) -> None:
    theirs, ours = reversed(asking.customer.messages())
    asking.post("/v1/reactions", {"from": _LINE, "to": ADA, "message_id": theirs["id"], "type": "like"})
    put_on = msgspec.structs.replace(reaction_to(ours["guid"], _LINE), guid=_guid(3), sent_at=NOON_MS - 50)
    asking.customer.mac.sees(put_on)
    asking.get("/v1/reactions", message_id=ours["id"])
    asking.customer.mac.sees(msgspec.structs.replace(put_on, guid=_guid(4), is_added=False, sent_at=NOON_MS - 10))


def _show_presence(asking: _Asking) -> None:
    where = {"from": _LINE, "to": ADA}
    asking.post("/v1/typing", where)
    asking.customer.mac.sees(TypingSeen(_LINE, chat_with(ADA), ADA, is_typing=True, at=NOON_MS - 200))
    asking.get("/v1/typing", **where)
    asking.customer.mac.sees(TypingSeen(_LINE, chat_with(ADA), ADA, is_typing=False, at=NOON_MS - 6))
    asking.post("/v1/receipts", where)
    asking.customer.mac.sees(ReceiptSeen(_LINE, chat_with(ADA), ADA, read_at=NOON_MS - 5))
    asking.get("/v1/receipts", **where)


def _bring_files(asking: _Asking) -> None:
    card = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lovelace;Ada;;;\r\nFN:Ada Lovelace\r\nEND:VCARD\r\n"
    made = asking.upload(card, {"Content-Type": "text/vcard", "X-Filename": "ada-lovelace.vcf"})
    asking.get("/v1/files", id=made["id"])
    sound = asking.customer.call("POST", "/v1/files", content=b"sound", headers={"Content-Type": "audio/mp4"}).json()
    asking.post("/v1/audio-messages", {"from": _LINE, "to": ADA, "audio_message": sound["id"]})


def _change(asking: _Asking) -> None:
    mac, theirs, ours = asking.customer.mac, _guid(1), _guid(2)
    asking.customer.hears(CARL, guid=_guid(5), sent_at=NOON_MS - 8, announce=False)
    asking.post("/v1/chats", {"from": _LINE, "participants": [ADA, CARL], "text": "Hi all!", "name": "Trip"})
    asking.customer.mac.sees(text_in_group("chat7", ADA, _LINE, guid=_guid(6), sent_at=NOON_MS - 7, announce=False))
    group = {"from": _LINE, "to": asking.customer.group()}
    asking.post("/v1/chats/rename", {**group, "name": "Trip"})
    asking.post("/v1/chats/add", {**group, "participant": CARL})
    asking.post("/v1/chats/remove", {**group, "participant": CARL})
    asking.post("/v1/chats/leave", group)
    asking.post("/v1/messages/edit", {"message_id": ours, "text": "Yes. How may I help?"})
    asking.post("/v1/messages/unsend", {"message_id": ours})
    mac.sees(MessageReached(_LINE, ours, delivered_at=NOON_MS - 90, read_at=NOON_MS - 5))
    mac.sees(MessageChanged(_LINE, theirs, "Are you still there?", edited_at=NOON_MS - 4))
    mac.sees(MessageChanged(_LINE, theirs, None, unsent_at=NOON_MS - 3))
    for item in mac.claim():
        if getattr(item.command, "tapback", None) is not None:
            mac.fail(item, "chat_not_in_messages", permanent=True)


def _pair(asking: _Asking) -> None:
    olga = asking.customer.world.customer("Olga", "+15550100900")
    line_id = LineId(mint("ln", NOON_MS))
    shared = Line(line_id, olga.account_id, _SANDBOX, None, "imessage", is_active=0, capabilities="", is_sandbox=1)
    olga.world.do(addressing.add_line, shared, olga.mac.id)
    olga.mac.hello(_SANDBOX)
    code = asking.post("/v1/sandbox", None)["activation_code"]
    olga.mac.sees(text_from(ADA, _SANDBOX, code))
    asking.get("/v1/sandbox")


def _guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


class _Steady:
    """Puts the same ids and secrets for those that chance made, alike where they were alike."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._numbers: dict[str, itertools.count[int]] = {}

    def __call__(self, text: str) -> str:
        text = _SECRET.sub("whsec_" + "A" * 44, text)
        text = _TOOK.sub('"duration_ms": 84', _PORT.sub("https://agent.example.com/hook", text))
        text = _SIGNATURE.sub("0" * 64, text)
        return _ID.sub(self._id, _CODE.sub("K7M2Q9XA", text))

    def _id(self, found: re.Match[str]) -> str:
        prefix, moment = found.groups()
        if prefix == "req":  # these are by the clock on the wall
            moment = _NOON
        if found[0] not in self._known:
            number = next(self._numbers.setdefault(prefix, itertools.count(1)))
            self._known[found[0]] = f"{prefix}_{moment}{number:016}"
        return self._known[found[0]]


def _pretty(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write contract/ anew."""
    with asked() as told:
        for name, text in contract(told).items():
            path = FOLDER / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


if __name__ == "__main__":
    main()
