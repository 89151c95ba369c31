"""The command line of who uses the API: each verb against a running server, by its words, its JSON and its status."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import wave
from pathlib import Path

import pytest

from blueport.server.authorizing.keys import new_key
from tests.patience import PATIENCE_S
from tests.system.blueport import ADA, Blueport, Json, until
from tests.system.prompt import Prompt, operated

STRANGER = "+15550109999"
UNKNOWN = "01m8fhh3354880r18ktmh8c288"


@pytest.fixture(scope="module")
def blueport(blueport: Blueport) -> Blueport:
    """Return a server that Ada has written to."""
    blueport.hears_first(ADA, "Are you there?")
    return blueport


@pytest.fixture
def say(blueport: Blueport, tmp_path: Path) -> Prompt:
    return Prompt.of(blueport, tmp_path)


@pytest.fixture(scope="module")
def key_of_two_lines(blueport: Blueport) -> str:
    operated(blueport, "accounts", "create", "Bob", "--owner", "bob@example.com")
    operated(blueport, "daemons", "create", "mini", "--account", "Bob")
    for line in ("+15555550111", "+15555550112"):
        operated(blueport, "lines", "add", line, "--account", "Bob")
    return operated(blueport, "keys", "create", "--account", "Bob")


def sent(say: Prompt, text: str) -> Json:
    """Send a text, and return the message that it became."""
    obx = say.does("send", ADA, text, "--wait").out.strip()
    messages = say.does("messages", ADA, "--json").json
    return next(message for message in messages if message["outbox_id"] == obx)


def on_the_phone(blueport: Blueport) -> list[Json]:
    return blueport.phone(ADA)


class TestSend:
    def test_a_text_arrives_and_its_id_stands_alone(self, say: Prompt, blueport: Blueport) -> None:
        ended = say.does("send", ADA, "Hello", "from", "here", "--wait")

        assert re.fullmatch(r"obx_\w+\n", ended.out)
        assert ended.err == "blueport: sent\n"
        assert "Hello from here" in [bubble["text"] for bubble in on_the_phone(blueport)]

    def test_without_waiting_it_says_how_to_wait(self, say: Prompt) -> None:
        ended = say.does("send", ADA, "No hurry")

        outbox_id = ended.out.strip()
        assert f"`blueport outbox {outbox_id} --wait`" in ended.err
        assert say.does("outbox", outbox_id, "--wait").out == "sent\n"

    def test_a_text_comes_from_standard_input(self, say: Prompt) -> None:
        obx = say.does("send", ADA, "-", "--wait", standard_input="Two\nlines\n").out.strip()

        assert say.does("outbox", obx, "--json").json["payload"]["text"] == "Two\nlines"

    @pytest.mark.parametrize(
        ("words", "text"),
        [
            (("send", ADA, "--effect", "loud", "behind", "an", "option"), "behind an option"),
            (
                ("send", "--from", "+15555550100", ADA, "behind", "--effect", "loud", "and", "before"),
                "behind and before",
            ),
            (("send", ADA, "--", "-1 is", "--no option"), "-1 is --no option"),
        ],
    )
    def test_options_may_stand_anywhere(self, say: Prompt, words: tuple[str, ...], text: str) -> None:
        ended = say.does(*words[:1], "--wait", "--json", *words[1:])

        assert ended.json["payload"]["text"] == text

    def test_a_file_is_uploaded_and_arrives(self, say: Prompt, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("remember the milk")

        say.does("send", ADA, "--file", str(tmp_path / "notes.txt"), "--wait")

        def arrived() -> Json:
            latest = say.does("messages", ADA, "--json", "--limit", "1").json[0]
            return latest["attachments"]

        assert [each["filename"] for each in until(arrived)] == ["notes.txt"]

    def test_an_answer_with_an_effect_says_what_it_answers(self, say: Prompt) -> None:
        asked = sent(say, "Well?")

        ended = say.does("send", ADA, "Well!", "--reply-to", asked["id"], "--effect", "slam", "--wait", "--json")

        assert (ended.json["status"], ended.json["payload"]["effect"]) == ("sent", "slam")
        assert f"in reply to {asked['guid']}" in say.does("messages", ADA, "--limit", "1").out

    def test_the_same_idempotency_key_has_its_effect_once(self, say: Prompt) -> None:
        words = ("send", ADA, "Once", "--idempotency-key", "of-today")

        assert say.does(*words, "--wait").out == say.does(*words, "--wait").out

    def test_with_nothing_to_send_it_says_what_there_may_be(self, say: Prompt) -> None:
        ended = say("send", ADA)

        assert (ended.status, ended.out) == (2, "")
        assert "--file PATH" in ended.err

    def test_what_fails_while_it_is_waited_for_is_status_1_with_the_reason(
        self, say: Prompt, blueport: Blueport
    ) -> None:
        blueport.simulator("POST", "/faults", {"next": "undelivered"})

        ended = say("send", ADA, "Into the void", "--wait", "--json")

        assert (ended.status, ended.json["status"]) == (1, "failed")
        assert ended.error["error"]["code"] == "work_failed"
        assert ended.json["error"] in ended.error["error"]["message"]


class TestActs:
    def test_a_reaction_is_put_on_a_message_and_taken_off(self, say: Prompt) -> None:
        message = sent(say, "Look at this")

        say.does("react", ADA, message["id"], "love", "--wait")
        put = say.does("reactions", message["id"], "--json").json
        shown = say.does("reactions", message["id"]).out
        say.does("react", ADA, message["id"], "love", "--remove", "--wait")

        assert [reaction["type"] for reaction in put] == ["love"]
        assert "love" in shown
        assert "there are none" in say.does("reactions", message["id"]).err

    def test_any_one_emoji_is_a_reaction_too(self, say: Prompt) -> None:
        message = sent(say, "We won")

        ended = say.does("react", ADA, message["id"], "🎉", "--wait", "--json")

        assert ended.json["payload"]["emoji"] == "🎉"

    def test_the_line_types_and_reads(self, say: Prompt, blueport: Blueport) -> None:
        say.does("typing", ADA)
        until(lambda: blueport.simulator("GET", f"/people/{ADA}/typing"))
        say.does("typing", ADA, "--off")
        until(lambda: not blueport.simulator("GET", f"/people/{ADA}/typing"))

        assert say.does("read", ADA, "--wait").err == "blueport: sent\n"

    def test_a_message_is_edited_and_unsent(self, say: Prompt, blueport: Blueport) -> None:
        message = sent(say, "See you at eight")

        say.does("edit", message["id"], "See", "you", "at", "nine", "--wait")
        edited = say.does("messages", ADA, "--limit", "1").out
        say.does("unsend", message["id"], "--wait")

        assert "See you at nine" in edited
        assert "See you at nine" not in [bubble["text"] for bubble in on_the_phone(blueport)]

    def test_a_sound_that_is_here_is_sent_as_a_voice_message(self, say: Prompt, tmp_path: Path) -> None:
        with wave.open(str(tmp_path / "note.wav"), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(bytes(8000))

        ended = say.does("send-audio", ADA, str(tmp_path / "note.wav"), "--wait", "--json")

        assert ended.json["status"] == "sent"


class TestReading:
    def test_a_chat_reads_from_top_to_bottom(self, say: Prompt) -> None:
        for text in ("First", "Second\nwith two lines"):
            sent(say, text)

        shown = say.does("messages", ADA, "--limit", "2").out

        assert re.fullmatch(
            r"\S+ \S+  the line  msg_\w+\n  First\n\S+ \S+  the line  msg_\w+\n  Second\n  with two lines\n", shown
        )

    def test_words_are_searched_for(self, say: Prompt) -> None:
        message = sent(say, "A needle in a haystack")

        found = say.does("messages", ADA, "--search", "NEEDLE", "--json").json

        assert [each["id"] for each in found] == [message["id"]]

    def test_what_a_stranger_writes_does_nothing_to_the_terminal(self, say: Prompt, blueport: Blueport) -> None:
        blueport.texts(ADA, "\x1b]0;owned\x07 \u202eolleh")
        until(lambda: "owned" in say.does("messages", ADA).out)

        assert not set("\x1b\x07\u202e") & set(say.does("messages", ADA).out)

    def test_json_is_what_the_api_says(self, say: Prompt, blueport: Blueport) -> None:
        message = sent(say, "To the letter")
        chat = f"from={blueport.line}&to={ADA}".replace("+", "%2B")

        for words, path in (
            (("lines",), "/v1/lines"),
            (("lines", "--capabilities"), "/v1/lines?include=capabilities"),
            (("chats",), f"/v1/chats?{chat.partition('&')[0]}"),
            (("messages", ADA), f"/v1/messages?{chat}&limit=20"),
            (("reactions", message["id"]), f"/v1/reactions?message_id={message['id']}"),
            (("receipts", ADA), f"/v1/receipts?{chat}"),
        ):
            assert say.does(*words, "--json").json == blueport.api("GET", path)["data"], words
        item = say.does("outbox", message["outbox_id"], "--json").json
        assert item == blueport.api("GET", f"/v1/outbox?id={message['outbox_id']}") | {"request_id": item["request_id"]}

    def test_chats_show_with_whom(self, say: Prompt) -> None:
        assert ADA in say.does("chats").out

    def test_no_more_is_shown_than_was_asked_for(self, say: Prompt) -> None:
        sent(say, "One more")

        assert len(say.does("messages", ADA, "--limit", "2", "--json").json) == 2

    def test_following_shows_what_was_said_and_then_what_is_said(self, say: Prompt, blueport: Blueport) -> None:
        sent(say, "Before")

        with say.start("messages", ADA, "--follow", "--limit", "1", "--json") as following:
            assert following.stdout is not None
            before = json.loads(following.stdout.readline())
            blueport.texts(ADA, "After")
            after = json.loads(following.stdout.readline())
            following.send_signal(signal.SIGINT)
            _, err = following.communicate(timeout=PATIENCE_S)

        assert (before["text"], after["text"], after["sender"]) == ("Before", "After", ADA)
        assert (following.returncode, err) == (130, "")

    def test_whoever_has_read_enough_hears_no_complaint(self, say: Prompt, blueport: Blueport) -> None:
        with say.start("messages", ADA, "--follow", "--limit", "1") as following:
            assert following.stdout is not None
            following.stdout.readline()
            following.stdout.close()
            blueport.texts(ADA, "Nobody reads this")
            status = following.wait(timeout=PATIENCE_S)
            assert following.stderr is not None
            assert (status, following.stderr.read()) == (141, "")


class TestFiles:
    def test_what_was_uploaded_comes_back(self, say: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n and more")
        file_id = say.does("files", "upload", str(tmp_path / "photo.png"), "--name", "ada.png").out.strip()
        monkeypatch.chdir(tmp_path)

        path = say.does("files", "download", file_id).out.strip()
        again = say("files", "download", file_id)

        assert (path, (tmp_path / path).read_bytes()) == ("ada.png", b"\x89PNG\r\n\x1a\n and more")
        assert again.status == 2
        assert "ada.png is there already" in again.err
        assert say.does("files", "download", file_id, "--force").out == "ada.png\n"
        assert say.does("files", "url", file_id).out.startswith("http://127.0.0.1:")

    def test_a_strangers_name_for_a_file_leads_nowhere_else(
        self, say: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "x").write_bytes(b"content")
        file_id = say.does("files", "upload", str(tmp_path / "x"), "--name", "../../.bashrc").out.strip()
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")

        assert say.does("files", "download", file_id).out == "bashrc\n"

    def test_a_person_at_a_terminal_sees_how_far_an_upload_is(self, say: Prompt, tmp_path: Path) -> None:
        (tmp_path / "big.bin").write_bytes(bytes(1_000_000))
        shown, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (24, 80))

        with say.start("files", "upload", str(tmp_path / "big.bin"), stderr=terminal) as upload:
            os.close(terminal)
            drawn = os.read(shown, 10_000).decode()
            upload.communicate(timeout=PATIENCE_S)
        os.close(shown)

        assert upload.returncode == 0
        assert "big.bin" in drawn

    def test_a_file_that_is_not_there_is_said_so(self, say: Prompt) -> None:
        ended = say("files", "upload", "nowhere.png")

        assert (ended.status, ended.err) == (1, "blueport: nowhere.png: No such file or directory\n")


class TestFrom:
    def test_of_several_lines_one_has_to_be_chosen(self, say: Prompt, key_of_two_lines: str) -> None:
        ended = say("chats", "--key", key_of_two_lines)

        assert ended.status == 2
        assert "+15555550111, +15555550112" in ended.err or "+15555550112, +15555550111" in ended.err
        assert "+15555550199" not in ended.err

    def test_a_key_that_may_not_list_lines_has_one_named(self, say: Prompt, blueport: Blueport) -> None:
        key = operated(blueport, "keys", "create", "--account", "first", "--scopes", "messages:read")

        unnamed = say("messages", ADA, "--key", key)

        assert unnamed.status == 2
        assert "name the line with --from" in unnamed.err
        say.does("messages", ADA, "--key", key, "--from", blueport.line)

    def test_a_line_that_is_named_is_used(self, say: Prompt, key_of_two_lines: str) -> None:
        assert say("chats", "--key", key_of_two_lines, "--from", "+15555550111").status == 0

    def test_the_line_that_was_chosen_at_login_is_used(
        self, blueport: Blueport, tmp_path: Path, key_of_two_lines: str
    ) -> None:
        somebody = Prompt(tmp_path)
        somebody.does(
            "login", blueport.said["api_url"], "--key", "-", "--from", "+15555550112", standard_input=key_of_two_lines
        )

        somebody.does("chats")


class TestEndings:
    def test_a_bad_key_is_3(self, say: Prompt) -> None:
        ended = say("chats", "--from", "+15555550100", "--key", new_key())

        assert ended.status == 3
        assert re.fullmatch(r"blueport: .+ \(invalid_api_key, req_\w+\)\n", ended.err)

    def test_what_does_not_exist_is_4(self, say: Prompt) -> None:
        assert say("outbox", f"obx_{UNKNOWN}").status == 4

    def test_what_is_forbidden_is_5(self, say: Prompt) -> None:
        ended = say("send", STRANGER, "Hello")

        assert ended.status == 5
        assert "contact_has_not_messaged" in ended.err

    def test_too_much_is_5(self, say: Prompt, blueport: Blueport) -> None:
        key = operated(blueport, "keys", "create", "--account", "first", "--hourly-limit", "1")
        say.does("lines", "--key", key)

        assert say("lines", "--key", key).status == 5

    def test_what_is_wrong_otherwise_is_1(self, say: Prompt) -> None:
        assert say("react", ADA, f"msg_{UNKNOWN}", "hatred").status == 1

    def test_nobody_there_is_1(self, say: Prompt) -> None:
        ended = say("lines", "--url", "http://127.0.0.1:9")

        assert ended.status == 1
        assert "http://127.0.0.1:9 cannot be reached" in ended.err

    def test_a_server_that_is_none_of_ours_is_doubted(self, say: Prompt, blueport: Blueport) -> None:
        ended = say("lines", "--url", f"{blueport.said['phone_url']}elsewhere")

        assert (ended.status, ended.err.count("\n")) == (4, 1)
        assert "is the URL that of a Blueport?" in ended.err

    def test_with_json_an_error_is_an_object_on_standard_error(self, say: Prompt) -> None:
        ended = say("send", STRANGER, "Hello", "--json")

        assert ended.out == ""
        assert set(ended.error) == {"error", "request_id"}
        assert ended.error["error"]["code"] == "contact_has_not_messaged"
        assert ended.error["request_id"].startswith("req_")

    @pytest.mark.parametrize(
        "words",
        [
            ("send",),
            ("messages", ADA, "--limit", "0"),
            ("files",),
            ("lines", "nonsense"),
            ("send", ADA, "--effect", "x"),
        ],
        ids=" ".join,
    )
    def test_what_is_no_command_is_2(self, say: Prompt, words: tuple[str, ...]) -> None:
        ended = say(*words)

        assert (ended.status, ended.out) == (2, "")
        assert "usage: blueport" in ended.err

    @pytest.mark.parametrize("words", [("send",), ("files",), ("messages", ADA, "--limit", "0")], ids=" ".join)
    def test_with_json_that_is_an_object_too(self, say: Prompt, words: tuple[str, ...]) -> None:
        ended = say(*words, "--json")

        assert (ended.status, ended.out, ended.error["error"]["code"]) == (2, "", "usage")

    def test_a_url_that_is_none_is_told_before_a_key_that_is_missing(self, tmp_path: Path) -> None:
        ended = Prompt(tmp_path)("lines", "--url", "garbage")

        assert (ended.status, ended.err) == (
            2,
            "blueport: the base URL 'garbage' is none: it is like https://blueport.example.com\n",
        )

    @pytest.mark.parametrize("words", [("send", ADA, "-"), ("trigger", "message.received", "--data", "@-")])
    def test_standard_input_that_is_no_text_is_told(self, say: Prompt, words: tuple[str, ...]) -> None:
        ended = say(*words, standard_input=b"bad\xff")

        assert (ended.status, ended.err) == (2, "blueport: standard input is not UTF-8\n")

    @pytest.mark.parametrize(
        ("words", "closed", "status"),
        [
            (f"send {ADA} -", "<&-", 2),
            ("edit msg_1 -", "<&-", 2),
            ("login http://127.0.0.1:9 --key -", "<&-", 2),
            ("lines --json", ">&-", 0),
            ("trigger --list", ">&-", 0),
            ("--help", "| true", 0),
            ("trigger --list", "| true", 0),
        ],
    )
    def test_streams_may_be_closed(self, say: Prompt, words: str, closed: str, status: int) -> None:
        command = f"{sys.executable} -m blueport.cli.main {words} {closed}"

        ended = subprocess.run(
            ["bash", "-c", command], env=os.environ | say.variables, capture_output=True, text=True, check=False
        )

        assert (ended.returncode, "Traceback" in ended.stderr) == (status, False)

    def test_to_wait_longer_than_was_allowed_is_1(self, say: Prompt, blueport: Blueport) -> None:
        blueport.simulator("POST", "/faults", {"next": "hang"})

        ended = say("send", ADA, "Slowly", "--wait", "--timeout", "1")

        assert ended.status == 1
        assert re.search(r"is still \w+ after 1 s: `blueport outbox obx_\w+ --wait` waits on", ended.err)


class TestSharedNouns:
    def test_a_noun_alone_asks_the_api_and_the_operators_words_the_database(
        self, say: Prompt, blueport: Blueport
    ) -> None:
        by_api = say.does("lines", "--json").json
        by_database = say.does("lines", "list", "--json", "--database", str(blueport.folder / "blueport.db")).json

        assert {line["id"] for line in by_api} <= {line["id"] for line in by_database}
        assert "is_sandbox" in by_database[0]
        assert "is_sandbox" not in by_api[0]

    def test_its_help_tells_of_both(self, say: Prompt) -> None:
        told = say.does("lines", "--help").out

        assert "--capabilities" in told
        assert re.search(r"for who runs the installation.*\n  list .*\n  add ", told)
