"""What a person does to messages that are there already, through real processes: from the phone to a signed webhook."""

from pathlib import Path

from blueport import clock
from blueport.server.customizing import queries as customizing
from blueport.server.ids import AccountId
from blueport.server.store.opening import once
from tests.databases import Database
from tests.system.blueport import ADA, Json, running, until
from tests.system.receiver import Receiver

EVENTS = (
    "message.received",
    "message.sent",
    "message.delivered",
    "reaction.added",
    "reaction.removed",
    "message.read",
    "receipt.read",
    "message.edited",
    "message.unsent",
    "message.failed",
)


def test_edits_unsends_tapbacks_and_reading_reach_the_webhook(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running(folder) as blueport, Receiver() as receiver:
        _switch_on(folder, blueport.line)
        hook = {"from": blueport.line, "url": receiver.url, "events": EVENTS}
        secret = blueport.api("POST", "/v1/webhooks", hook)["secret"]

        theirs = blueport.texts(ADA, "See you at seven?")
        until(lambda: _of(receiver, "message.received"))
        outbox_id = blueport.sends(ADA, "Yes")
        [ours] = until(lambda: _of(receiver, "message.delivered"))
        guid = ours["data"]["guid"]
        blueport.simulator("POST", f"/people/{ADA}/reactions", {"guid": guid, "tapback": "love"})
        until(lambda: _of(receiver, "reaction.added"))
        blueport.simulator("POST", f"/people/{ADA}/reactions", {"guid": guid, "remove": True})
        until(lambda: _of(receiver, "reaction.removed"))
        blueport.simulator("POST", f"/people/{ADA}/read", {})
        until(lambda: _of(receiver, "message.read") and _of(receiver, "receipt.read"))
        blueport.simulator("POST", f"/people/{ADA}/edits", {"guid": theirs, "text": "See you at eight?"})
        until(lambda: _of(receiver, "message.edited"))
        blueport.simulator("POST", f"/people/{ADA}/unsends", {"guid": theirs})
        [end] = until(lambda: _of(receiver, "message.unsent"))
        blueport.simulator("POST", "/faults", {"next": "undelivered"})
        blueport.sends(ADA, "Lost")
        [failed] = until(lambda: _of(receiver, "message.failed"))

        assert sorted(heard.event["event"] for heard in receiver.heard) == sorted(EVENTS)
        assert all(heard.is_signed_with(secret) for heard in receiver.heard)
        [edit] = _of(receiver, "message.edited")
        assert (edit["data"]["previous_text"], edit["data"]["text"]) == ("See you at seven?", "See you at eight?")
        assert (end["data"]["guid"], end["data"]["text"]) == (theirs, None)
        assert ours["data"]["outbox_id"] == outbox_id
        assert (failed["data"]["error"], failed["data"]["payload"]["text"]) == ("recipient_not_on_imessage", "Lost")


def _switch_on(folder: Path, line: str) -> None:
    file = Database(str(folder / "blueport.db"), folder)
    [(account_id,)] = file.sql("SELECT account_id FROM lines WHERE handle = ?", line)
    on = {"extended_events": 1}
    once(file.named, clock.now_ms, lambda tx: customizing.change_preferences(tx, AccountId(account_id), on))


def _of(receiver: Receiver, kind: str) -> list[Json]:
    return [heard.event for heard in receiver.heard if heard.event["event"] == kind]
