"""The whole path through real processes: a person texts, an agent hears and answers, the phone shows it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.system.blueport import ADA, Blueport, Json, running, until
from tests.system.receiver import Receiver

ECHO_AGENT = Path(__file__).parents[2] / "examples" / "echo_agent.py"
BOTH = ["message.received", "message.sent"]
# Those of the tests who have a Blueport together.
BEN, CARL = "+15550100002", "+15550100003"


def test_a_text_reaches_the_webhook_and_the_reply_reaches_the_phone(tmp_path: Path) -> None:
    with running(tmp_path / "data", from_nothing=True) as blueport, Receiver() as receiver:
        made = blueport.api("POST", "/v1/webhooks", {"from": blueport.line, "url": receiver.url, "events": BOTH})

        guid = blueport.texts(ADA, "Is anybody there?")
        received = until(lambda: next(iter(receiver.heard), None))
        outbox_id = blueport.sends(ADA, "Yes: me.")
        sent = until(lambda: next((heard for heard in receiver.heard if heard.event["event"] == "message.sent"), None))

        assert received.is_signed_with(made["secret"])
        assert received.headers["x-webhook-timestamp"] == str(received.event["timestamp"])
        assert received.headers["x-webhook-delivery-id"] == received.event["delivery_id"]
        assert received.event["event"] == "message.received"
        assert received.event["data"]["guid"] == guid
        assert received.event["data"]["text"] == "Is anybody there?"
        assert received.event["data"]["line_handle"] == blueport.line
        assert sent.is_signed_with(made["secret"])
        assert sent.event["data"]["outbox_id"] == outbox_id
        assert blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"] == "sent"
        assert [(bubble["from_me"], bubble["text"]) for bubble in blueport.phone(ADA)] == [
            (True, "Is anybody there?"),
            (False, "Yes: me."),
        ]
        # hook-15: while developing, receivers live on this machine, under any of its names, and nowhere else within.
        for host in ("localhost", "[::1]"):
            wanted = {"from": "", "url": f"http://{host}:3000/hook", "events": BOTH}
            assert blueport.api("POST", "/v1/webhooks", wanted)["is_active"]
        with pytest.raises(AssertionError, match="400"):
            blueport.api("POST", "/v1/webhooks", {"from": "", "url": "http://192.168.1.20/hook", "events": BOTH})


def test_a_reply_points_at_its_message_on_the_phone_and_in_the_api(blueport: Blueport) -> None:
    guid = blueport.texts(ADA, "Which one?")
    asked = until(lambda: _messages(blueport))[0]

    outbox_id = blueport.sends(ADA, "This one.", reply_to=asked["id"])

    until(lambda: blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"] == "sent")
    assert [bubble["reply_to_guid"] for bubble in blueport.phone(ADA)][-1] == guid
    assert _messages(blueport)[0]["reply_to_guid"] == guid
    assert _messages(blueport)[0]["outbox_id"] == outbox_id


def test_what_only_some_lines_can_do_is_seen_on_the_phone(blueport: Blueport) -> None:
    guid = blueport.texts(BEN, "We won!")
    until(lambda: _messages(blueport, BEN))
    lines = blueport.api("GET", "/v1/lines?include=capabilities")["data"]
    assert all({"emoji_tapbacks", "effects"} <= set(line["capabilities"]) for line in lines)
    reaction = {"from": blueport.line, "to": BEN, "message_id": guid, "emoji": "\N{PARTY POPPER}"}

    _done(blueport, "/v1/reactions", reaction)
    put_on = blueport.phone(BEN)[0]["reactions"]
    _done(blueport, "/v1/reactions", reaction | {"remove": True})
    _done(blueport, "/v1/messages", {"from": blueport.line, "to": BEN, "text": "Hooray", "effect": "confetti"})

    shown = blueport.phone(BEN)
    assert [each["emoji"] for each in put_on] == ["\N{PARTY POPPER}"]
    assert (shown[0]["reactions"], shown[1]["text"]) == ([], "Hooray")
    assert shown[1]["effect"] == "com.apple.messages.effect.CKConfettiEffect"


def _done(blueport: Blueport, path: str, asked: Json) -> None:
    """Ask for something, and wait until Messages shows it as sent."""
    outbox_id = blueport.api("POST", path, asked)["id"]
    until(lambda: blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"] == "sent")


def test_the_echo_agent_of_the_readme_answers_on_the_phone(blueport: Blueport) -> None:
    command = [sys.executable, str(ECHO_AGENT), blueport.said["api_url"], blueport.said["api_key"]]
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert agent.stdout is not None
        assert "listening" in agent.stdout.readline()

        blueport.texts(CARL, 'Hello \u2028 "agent" 👋🏽')

        shown = until(lambda: [bubble["text"] for bubble in blueport.phone(CARL) if not bubble["from_me"]])
        assert shown == ['You said: Hello \u2028 "agent" 👋🏽']
    finally:
        agent.kill()
        agent.communicate()


def test_json_prints_one_line_when_all_is_ready_and_nothing_else(tmp_path: Path) -> None:
    with running(tmp_path / "data", from_nothing=True) as blueport:
        assert set(blueport.said) == {
            "api_url",
            "api_key",
            "line",
            "sandbox_line",
            "phone_url",
            "simulator_url",
            "dashboard_url",
        }
        assert blueport.api("GET", "/v1/lines")["data"][0]["is_active"] is True

        blueport.process.send_signal(signal.SIGINT)
        rest, _ = blueport.process.communicate(timeout=PATIENCE_S)

        assert rest == b""
        assert blueport.process.returncode == 0


def test_started_again_it_has_kept_everything(tmp_path: Path) -> None:
    with running(tmp_path / "data", from_nothing=True) as first:
        first.hears_first(ADA, "Remember me")
        key = first.said["api_key"]

    with running(tmp_path / "data", from_nothing=True) as second:
        assert second.said["api_key"] == key
        messages = second.api("GET", f"/v1/messages?from={second.line}&to={ADA}")["data"]
        assert [message["text"] for message in messages] == ["Remember me"]
        assert [bubble["text"] for bubble in second.phone(ADA)] == ["Remember me"]


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_none_of_its_processes_is_left(tmp_path: Path, with_signal: signal.Signals) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    blueport = Blueport(folder, from_nothing=True)
    children = [blueport.child(verb) for verb in ("serve", "daemon", "simulate")]

    blueport.stop(with_signal)

    until(lambda: not any(_is_alive(pid) for pid in children))


def test_a_port_that_is_taken_is_said_so(blueport: Blueport, tmp_path: Path) -> None:
    port = blueport.said["api_url"].rpartition(":")[2]
    command = [sys.executable, "-m", "blueport.cli.main", "dev", "--port", port, "--data", str(tmp_path / "second")]

    second = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert second.returncode == 1
    assert f"port {port} cannot be had" in second.stderr


def test_a_second_server_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with running(tmp_path / "data", from_nothing=True):
        command = [sys.executable, "-m", "blueport.cli.main", "dev", "--port", "0", "--data", str(tmp_path / "data")]

        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

        assert second.returncode == 1
        assert "is already running" in second.stderr


def test_what_fails_and_is_tried_again_keeps_its_place(tmp_path: Path) -> None:
    with running(tmp_path / "data", from_nothing=True) as blueport:
        blueport.hears_first(ADA, "Hi")
        blueport.simulator("POST", "/faults", {"next": "error", "number": -600, "times": 3})

        first = blueport.sends(ADA, "first")
        until(lambda: blueport.api("GET", f"/v1/outbox?id={first}")["status"] == "claimed")
        blueport.sends(ADA, "second")
        until(lambda: blueport.api("GET", f"/v1/outbox?id={first}")["status"] == "pending")
        blueport.sends(ADA, "third")

        until(lambda: len(_on_the_phone(blueport)) == 3)
        assert _on_the_phone(blueport) == ["first", "second", "third"]


def _messages(blueport: Blueport, person: str = ADA) -> list[Json]:
    """Return the conversation with somebody, newest first."""
    chats = blueport.api("GET", f"/v1/chats?from={blueport.line}")["data"]
    if person not in [chat["identifier"] for chat in chats]:
        return []
    return blueport.api("GET", f"/v1/messages?from={blueport.line}&to={person}")["data"]


def _is_alive(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def _on_the_phone(blueport: Blueport) -> list[str]:
    return [bubble["text"] for bubble in blueport.phone(ADA) if not bubble["from_me"]]
