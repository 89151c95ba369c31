"""`blueport listen`: each event once, in order, whatever dies meanwhile; and posted as a webhook would get it."""

import hashlib
import hmac
import json
import os
import signal
from dataclasses import asdict
from pathlib import Path

import pytest

from blueport.cli.api.event_lines import line_of
from blueport_sdk import Event, verify_webhook
from blueport_sdk.events import event_of
from blueport_sdk.samples import sample_data
from tests.system.blueport import ADA, Blueport, Json, until
from tests.system.prompt import Prompt
from tests.system.receiver import Heard, Receiver
from tests.system.shells import Running, shown

BEN = "+15550100002"
SECRET = "whsec_3Qk0c1vYv5J8m2n7Xr4tZ6bLwPd9sGhAeFuKoTiRyNcA"
FILE = {"filename": "photo.heic", "mime_type": "image/heic", "size": 1, "url": None, "transcription": None}
NAMELESS = FILE | {"filename": None, "mime_type": None}
AT_ONCE = ("--retry-delays", "0,0")


@pytest.fixture
def somebody(blueport: Blueport, tmp_path: Path) -> Prompt:
    return Prompt.of(blueport, tmp_path)


@pytest.fixture
def here(blueport: Blueport) -> str:
    """Return the place behind all that other tests have had happen."""
    return _place(blueport)


def _place(blueport: Blueport) -> str:
    after = "evt_" + "0" * 26
    while True:
        page = blueport.api("GET", f"/v1/events?after={after}&limit=100")
        after = page["next_cursor"]
        if not page["has_more"]:
            return after


def _texts(blueport: Blueport, *texts: str, by: str = ADA) -> list[Json]:
    """Have somebody text, and return the events once all are known."""
    here = _place(blueport)
    for text in texts:
        blueport.texts(by, text)
    return until(lambda: _as_many(blueport, here, len(texts)))


def _as_many(blueport: Blueport, after: str, how_many: int) -> list[Json] | None:
    data = blueport.api("GET", f"/v1/events?after={after}&events=message.received")["data"]
    return data if len(data) >= how_many else None


def _told(lines: str | list[str]) -> list[str]:
    each = lines.splitlines() if isinstance(lines, str) else lines
    return [json.loads(line)["data"]["text"] for line in each]


class TestWhatIsPrinted:
    def test_each_event_is_a_line_of_the_apis_own_json(self, blueport: Blueport, somebody: Prompt, here: str) -> None:
        events = _texts(blueport, "One", "Grüß dich 👋\nzwei")

        ended = somebody.does("listen", "--after", here, "--count", "2")

        assert [json.loads(line) for line in ended.out.splitlines()] == events
        assert ended.err == "blueport: listening; Ctrl-C ends it\nblueport: 2 events\n"

    def test_only_what_was_asked_for(self, blueport: Blueport, somebody: Prompt, here: str) -> None:
        _texts(blueport, "To be answered")
        outbox_id = blueport.sends(ADA, "Answered")
        until(lambda: blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"] == "sent")

        ended = somebody.does(
            "listen", "--after", here, "--count", "1", "--events", "message.sent", "--from", blueport.line
        )

        assert _told(ended.out) == ["Answered"]

    def test_a_person_reads_what_was_said_and_by_whom(self, blueport: Blueport, somebody: Prompt, here: str) -> None:
        _texts(blueport, "Are you\x1b[2J there?\nHello?")

        seen = shown(somebody, "listen", "--after", here, "--count", "1")

        assert f"message.received  {ADA} to {blueport.line}  Are you" in seen
        assert "there? Hello?" in seen
        assert "\x1b" not in seen

    @pytest.mark.parametrize(
        ("event", "data", "line"),
        [
            ("message.received", {"text": None, "attachments": [FILE]}, f"{ADA} to +15555550100  [photo.heic]"),
            ("message.received", {"text": "Look", "attachments": [NAMELESS]}, f"{ADA} to +15555550100  Look [a file]"),
            ("message.sent", {"text": "Hello"}, "+15555550100 to cht_1  Hello"),
            ("reaction.added", {"type": "love", "message_id": "msg_1"}, f"{ADA} to +15555550100  love on msg_1"),
            ("typing.started", {}, f"{ADA} to +15555550100"),
            ("message.failed", {"error": "gone"}, "+15555550100 to cht_1  gone"),
        ],
    )
    def test_each_kind_of_event_is_readable(self, event: str, data: Json, line: str) -> None:
        told = (
            json.loads(json.dumps(asdict(sample_data(event))))
            | {"line_handle": "+15555550100", "chat_id": "cht_1"}
            | data
        )
        told |= {name: ADA for name in ("sender", "handle") if name in told and not told.get("is_from_me")}

        assert line_of(_event(event, told))[8:] == f"  {event:<16}  {line}"

    def test_an_event_of_a_newer_server_is_shown_by_its_name(self) -> None:
        assert line_of(_event("moon.rose", {"phase": "full"}))[8:] == "  moon.rose"


class TestWhoMayListen:
    @pytest.mark.parametrize(
        ("words", "status", "word"),
        [
            (["--key", "sk_live_nonsense"], 3, "invalid_api_key"),
            (["--from", "+15550999999"], 4, "line_not_found"),
            (["--events", "message.recieved"], 1, "invalid_parameter_value"),
            (["--after", "evt_nonsense"], 1, "`after` takes the id of an event"),
            (["--url", "http://127.0.0.1:9"], 1, "http://127.0.0.1:9 cannot be reached"),
            (["--after", "evt_1", "--resume"], 2, "not allowed with argument"),
            (["--forward-to", "localhost:3000"], 2, "'localhost:3000' is no URL like http://"),
            (["--retry-delays", "soon"], 2, "'soon' is no list of seconds"),
            (["--count", "0"], 2, "'0' is no whole number above zero"),
        ],
        ids=lambda each: " ".join(each) if isinstance(each, list) else "",
    )
    def test_what_is_wrong_is_told_at_once(self, somebody: Prompt, words: list[str], status: int, word: str) -> None:
        ended = somebody("listen", *words)

        assert (ended.status, ended.out) == (status, "")
        assert word in ended.err

    def test_nobody_who_has_not_signed_in(self, tmp_path: Path) -> None:
        assert Prompt(tmp_path)("listen").status == 3


class TestForwarding:
    def test_a_receiver_gets_what_a_webhook_gets(self, blueport: Blueport, somebody: Prompt, here: str) -> None:
        with Receiver() as webhook, Receiver() as receiver:
            made = blueport.api(
                "POST", "/v1/webhooks", {"from": "", "url": webhook.url, "events": ["message.received"]}
            )
            _texts(blueport, 'Same for "both" ünd all 👋')
            until(lambda: webhook.heard)

            somebody.does("listen", "--after", here, "--count", "1", "--forward-to", receiver.url, "--secret", SECRET)

            blueport.api("DELETE", "/v1/webhooks", {"id": made["id"]})
        [real], [forwarded] = webhook.heard, receiver.heard
        assert _without_what_differs(forwarded) == _without_what_differs(real)
        assert forwarded.headers.keys() - {"connection"} == real.headers.keys()
        for name in ("content-type", "user-agent", "accept-encoding"):
            assert forwarded.headers[name] == real.headers[name]

    def test_it_is_signed_for_the_sdk_and_by_hand(self, blueport: Blueport, somebody: Prompt, here: str) -> None:
        secret = somebody.does("listen", "--print-secret").out.strip()
        _texts(blueport, "Signed")

        with Receiver() as receiver:
            ended = somebody.does("listen", "--after", here, "--count", "1", "--forward-to", receiver.url)

        [heard] = receiver.heard
        signature = heard.headers["x-webhook-signature"]
        by_hand = f"{heard.headers['x-webhook-timestamp']}.".encode() + heard.raw
        assert hmac.new(secret.encode(), by_hand, hashlib.sha256).hexdigest() == signature
        assert verify_webhook(heard.raw, signature, secret).data.text == "Signed"
        assert f"signed with {secret}" in ended.err
        assert f"message.received {heard.headers['x-webhook-delivery-id']}: 200 (" in ended.err

    def test_one_that_fails_is_tried_again_under_the_same_delivery_id(
        self, blueport: Blueport, somebody: Prompt, here: str
    ) -> None:
        _texts(blueport, "First", "Second")

        with Receiver(lambda _: 200 if len(receiver.heard) > 2 else 503) as receiver:
            ended = somebody.does(
                "listen", "--after", here, "--count", "2", "--forward-to", receiver.url, "--secret", SECRET, *AT_ONCE
            )

        assert [heard.event["data"]["text"] for heard in receiver.heard] == ["First", "First", "First", "Second"]
        ids = [heard.headers["x-webhook-delivery-id"] for heard in receiver.heard]
        assert ids[0] == ids[1] == ids[2] != ids[3]
        assert all(heard.is_signed_with(SECRET) for heard in receiver.heard)
        assert ended.err.count("refused with 503 (") == 2

    def test_one_that_goes_on_failing_is_given_up_and_the_next_is_posted(
        self, blueport: Blueport, somebody: Prompt, here: str
    ) -> None:
        _texts(blueport, "Poison", "Antidote")

        with Receiver(lambda heard: 500 if heard.event["data"]["text"] == "Poison" else 200) as receiver:
            ended = somebody("listen", "--after", here, "--count", "2", "--forward-to", receiver.url, *AT_ONCE)

        assert [heard.event["data"]["text"] for heard in receiver.heard] == ["Poison"] * 3 + ["Antidote"]
        assert ended.status == 1
        assert _told(ended.out) == ["Poison", "Antidote"]
        assert "given up" in ended.err
        assert "did not take 1 of 2 events" in ended.err

    def test_an_event_has_the_same_delivery_id_another_day(
        self, blueport: Blueport, somebody: Prompt, here: str
    ) -> None:
        _texts(blueport, "Again")

        with Receiver() as receiver:
            for _ in range(2):
                somebody.does("listen", "--after", here, "--count", "1", "--forward-to", receiver.url)

        one, other = [heard.headers["x-webhook-delivery-id"] for heard in receiver.heard]
        assert one == other

    def test_a_receiver_that_is_not_there_is_said_so(self, blueport: Blueport, somebody: Prompt, here: str) -> None:
        _texts(blueport, "Nobody is at home")
        with Receiver() as gone:
            pass

        ended = somebody("listen", "--after", here, "--count", "1", "--forward-to", gone.url, *AT_ONCE)

        assert ended.status == 1
        assert ended.err.count("Connection refused") == 3


class TestWhoeverDies:
    def test_a_server_that_is_killed_loses_and_doubles_nothing(self, blueport: Blueport, somebody: Prompt) -> None:
        with Receiver() as receiver, Running(somebody, "listen", "--forward-to", receiver.url) as listener:
            listener.says("listening")
            _texts(blueport, "Before")
            until(lambda: listener.out)

            os.kill(blueport.child("serve"), signal.SIGKILL)
            blueport.texts(ADA, "Meanwhile")

            listener.says("going on where it was in")
            until(lambda: len(listener.out) == 2)
            _texts(blueport, "After")
            until(lambda: len(receiver.heard) == 3)
            assert listener.interrupt() == 130

        assert _told(listener.out) == ["Before", "Meanwhile", "After"]
        assert [heard.event["data"]["text"] for heard in receiver.heard] == ["Before", "Meanwhile", "After"]
        assert listener.err[-1] == "blueport: 3 events\n"
        assert "Traceback" not in "".join(listener.err)

    def test_who_resumes_hears_what_happened_while_he_was_dead(self, blueport: Blueport, somebody: Prompt) -> None:
        with Running(somebody, "listen", "--resume") as listener:
            listener.says("listening")
            listener.ends(signal.SIGKILL)
        _texts(blueport, "One", "Two", "Three")

        first = somebody.does("listen", "--resume", "--count", "2")
        second = somebody.does("listen", "--resume", "--count", "1")

        assert _told(first.out + second.out) == ["One", "Two", "Three"]

    def test_what_was_being_posted_when_it_died_is_posted_again_under_the_same_delivery_id(
        self, blueport: Blueport, somebody: Prompt
    ) -> None:
        def taken_or_deadly(_: Heard) -> int:
            if len(receiver.heard) == 2:
                os.kill(listener.process.pid, signal.SIGKILL)
            return 200

        with Receiver(taken_or_deadly) as receiver:
            words = ("listen", "--resume", "--forward-to", receiver.url)
            with Running(somebody, *words) as listener:
                listener.says("listening")
                _texts(blueport, "Taken", "Deadly", "Untold")
                assert listener.ends() == -signal.SIGKILL

            somebody.does(*words, "--count", "2")

        assert [heard.event["data"]["text"] for heard in receiver.heard] == ["Taken", "Deadly", "Deadly", "Untold"]
        ids = [heard.headers["x-webhook-delivery-id"] for heard in receiver.heard]
        assert ids[1] == ids[2]
        assert len(set(ids)) == 3

    def test_another_reader_has_a_place_of_its_own(self, blueport: Blueport, somebody: Prompt, here: str) -> None:
        _texts(blueport, "One")
        with Running(somebody, "listen", "--resume", "--from", blueport.line) as listener:
            listener.says("listening")
            _texts(blueport, "Two")
            until(lambda: listener.out)
            assert _told(listener.out) == ["Two"]

        ended = somebody.does("listen", "--after", here, "--count", "2")

        assert _told(ended.out) == ["One", "Two"]

    def test_two_do_not_keep_the_same_place(self, somebody: Prompt) -> None:
        with Running(somebody, "listen", "--resume") as listener:
            listener.says("listening")

            ended = somebody("listen", "--resume", "--json")

        assert (ended.status, ended.error["error"]["code"]) == (1, "already_listening")

    def test_a_place_that_is_damaged_or_anothers_is_said_so(self, blueport: Blueport, somebody: Prompt) -> None:
        with Running(somebody, "listen", "--resume") as listener:
            listener.says("listening")
        [place] = (somebody.home / "config/blueport/listening").glob("*.json")
        assert place.stat().st_mode & 0o777 == 0o600

        place.write_text(place.read_text().replace(_place(blueport), "evt_" + "7" + "z" * 25))
        others = somebody("listen", "--resume")
        place.write_text("{")
        damaged = somebody("listen", "--resume")

        assert (others.status, damaged.status) == (1, 1)
        assert f"{place} is behind an event of another account: remove it to begin anew" in others.err
        assert f"{place} is damaged: remove it" in damaged.err

    def test_who_has_read_enough_may_go(self, blueport: Blueport, somebody: Prompt, here: str) -> None:
        _texts(blueport, "One", "Two")
        with Running(somebody, "listen", "--after", here) as listener:
            until(lambda: len(listener.out) == 2)
            assert listener.interrupt() == 130

        assert listener.err[-1] == "blueport: 2 events\n"


def _event(event: str, data: Json) -> Event:
    return event_of(
        {"id": "evt_1", "event": event, "data": data, "created_at": 1, "line_id": "ln_1", "chat_id": "cht_1"}
    )


def _without_what_differs(heard: Heard) -> bytes:
    event = heard.event
    return heard.raw.replace(str(event["timestamp"]).encode(), b"").replace(event["delivery_id"].encode(), b"")
