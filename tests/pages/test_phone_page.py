"""The phone page in a real browser: what a newcomer does in the first five minutes."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.patience import PATIENCE_S
from tests.system.blueport import ADA, Blueport, Json, answer, until

HOSTILE = "<img src=x onerror=\"document.title='pwned'\"> \u202eabc\u202c 👩‍👩‍👧 "
LINE, SECOND_LINE = "+15550100000", "line@example.com"
# One red dot.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


class Mac:
    """A simulated Mac by itself, with two lines."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self._people = 0

    def person(self) -> str:
        """Somebody who is new here."""
        self._people += 1
        handle = f"+155501010{self._people:02}"
        answer("POST", f"{self.url}/people", {"handle": handle, "name": f"Person {self._people}"}, {})
        return handle

    def does(self, person: str, what: str, **content: object) -> Json:
        return answer("POST", f"{self.url}/people/{person}/{what}", content, {})

    def phone(self, person: str) -> list[Json]:
        bubbles: list[Json] = answer("GET", f"{self.url}/people/{person}/messages", None, {})
        return bubbles

    def typing(self, person: str) -> Json:
        return answer("GET", f"{self.url}/people/{person}/typing", None, {})

    def line(self, method: str, person: str, **params: object) -> Json:
        """Let the line do something, as its daemon would."""
        call = {"id": 1, "method": method, "params": {"chat_guid": f"any;-;{person}", **params}}
        command = [str(self.folder / "bin/imsg"), "rpc"]
        said = subprocess.run(command, input=json.dumps(call) + "\n", capture_output=True, text=True, check=True).stdout
        result: Json = json.loads(said)
        assert result["result"]["ok"]
        return result["result"]

    def says(self, person: str, text: str, reply_to: str) -> str:
        guid = self.line("send.rich", person, text=text, reply_to=reply_to)["guid"]
        until(lambda: any(bubble["guid"] == guid for bubble in self.phone(person)))
        return str(guid)

    def sends(self, person: str, name: str, content: bytes, *, audio: bool = False) -> None:
        file = self.folder / "Library/Messages/Attachments/ours" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.line("send.attachment", person, file=str(file), audio=audio)


@pytest.fixture(scope="module")
def mac(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mac]:
    folder = tmp_path_factory.mktemp("mac")
    listening = socket.create_server(("127.0.0.1", 0))
    fd = listening.fileno()
    process = subprocess.Popen(
        [sys.executable, "-m", "blueport.cli.main", "simulate", f"--fd={fd}"],
        pass_fds=[fd],
        env={"BLUEPORT_SIMULATOR_FOLDER": str(folder), "BLUEPORT_SIMULATOR_LINES": f"{LINE},{SECOND_LINE}"},
    )
    mac = Mac(folder, f"http://127.0.0.1:{listening.getsockname()[1]}")
    assert answer("GET", f"{mac.url}/healthz", None, {})
    yield mac
    process.terminate()
    process.wait(timeout=PATIENCE_S)
    listening.close()


@pytest.fixture
def her(mac: Mac) -> str:
    """Somebody who has written to the line, once."""
    her = mac.person()
    mac.does(her, "messages", text="Hi")
    return her


@pytest.fixture
def hers(page: Page, mac: Mac, her: str) -> Page:
    """Her phone."""
    page.goto(f"{mac.url}/#{her}")
    expect(page.locator("#bubbles")).to_contain_text("Hi")
    return page


def bubble(phone: Page, text: str) -> Locator:
    return phone.locator(".part").filter(has_text=text)


@pytest.fixture
def phone(page: Page, blueport: Blueport) -> Page:
    page.goto(blueport.said["phone_url"])
    page.locator("#people").get_by_text("Ada").click()
    expect(page.locator("#owner")).to_have_text("Ada")
    return page


def test_what_is_typed_reaches_the_line_and_shows_as_a_bubble(phone: Page, blueport: Blueport) -> None:
    phone.get_by_label("Message").fill("Typed in a browser")
    phone.keyboard.press("Enter")

    expect(phone.locator("#bubbles")).to_contain_text("Typed in a browser")
    expect(phone.get_by_label("Message")).to_have_value("")
    assert until(lambda: "Typed in a browser" in _texts(blueport))


def test_a_reply_arrives_without_a_reload(phone: Page, blueport: Blueport) -> None:
    blueport.texts(ADA, "Anybody?")
    until(lambda: "Anybody?" in _texts(blueport))

    blueport.sends(ADA, "An answer out of the API")

    expect(phone.locator("#bubbles")).to_contain_text("An answer out of the API")


def test_a_new_person_can_be_added_and_texts_at_once(phone: Page, blueport: Blueport) -> None:
    phone.get_by_text("New person").click()
    phone.locator("#new-person").get_by_label("Phone number or email").fill("+1 (555) 010-0042")
    phone.locator("#new-person").get_by_label("Name").fill("Grace")
    phone.locator("#new-person").get_by_role("button").click()

    expect(phone.locator("#owner")).to_have_text("Grace")
    phone.get_by_label("Message").fill("Hello from Grace")
    phone.keyboard.press("Enter")

    assert until(lambda: "Hello from Grace" in _texts(blueport, "+15550100042"))


def test_a_hostile_text_is_shown_as_text(phone: Page, blueport: Blueport) -> None:
    blueport.texts(ADA, HOSTILE)
    until(lambda: HOSTILE.strip() in [text.strip() for text in _texts(blueport)])

    blueport.sends(ADA, HOSTILE + "back")

    expect(phone.locator("#bubbles")).to_contain_text("back")
    assert phone.locator("#bubbles img").count() == 0
    assert phone.title() != "pwned"


def test_a_very_long_text_does_not_break_the_page(phone: Page, blueport: Blueport) -> None:
    blueport.texts(ADA, "x" * 5000)

    expect(phone.locator("#bubbles")).to_contain_text("x" * 100)
    assert _is_within_its_width(phone)


def test_it_fits_a_narrow_window(phone: Page) -> None:
    phone.set_viewport_size({"width": 360, "height": 720})

    expect(phone.get_by_label("Message")).to_be_visible()
    assert _is_within_its_width(phone)


def test_after_a_death_of_the_simulated_mac_it_shows_what_came_and_nothing_twice(
    phone: Page, blueport: Blueport
) -> None:
    blueport.texts(ADA, "Before the end")
    expect(phone.locator("#bubbles")).to_contain_text("Before the end")
    before = blueport.child("simulate")
    os.kill(before, signal.SIGKILL)
    until(lambda: blueport.child("simulate") != before and _is_up(blueport))

    blueport.texts(ADA, "After the end")

    expect(phone.locator("#bubbles")).to_contain_text("After the end")
    shown = phone.locator("#bubbles").inner_text()
    assert (shown.count("Before the end"), shown.count("After the end")) == (1, 1)


class TestEdits:
    def test_a_person_edits_a_message_and_takes_it_back(self, hers: Page, mac: Mac, her: str) -> None:
        bubble(hers, "Hi").hover()
        bubble(hers, "Hi").get_by_label("React", exact=True).click()
        bubble(hers, "Hi").get_by_role("button", name="Edit").click()
        expect(hers.get_by_label("Message")).to_have_value("Hi")
        hers.get_by_label("Message").fill("Hello")
        hers.keyboard.press("Enter")
        expect(hers.locator("#bubbles")).to_contain_text("Edited")
        expect(hers.get_by_label("Message")).to_have_value("")
        assert mac.phone(her)[0]["text"] == "Hello"

        bubble(hers, "Hello").get_by_label("React", exact=True).click()
        bubble(hers, "Hello").get_by_role("button", name="Undo Send").click()

        expect(hers.locator("#bubbles")).to_contain_text("You unsent a message")
        expect(hers.locator("#bubbles")).not_to_contain_text("Hello")
        assert mac.phone(her)[0]["text"] is None


class TestReactions:
    def test_a_person_reacts_and_takes_it_back(self, hers: Page, mac: Mac, her: str) -> None:
        bubble(hers, "Hi").hover()
        bubble(hers, "Hi").get_by_label("React", exact=True).click()
        bubble(hers, "Hi").get_by_label("laugh", exact=True).click()
        expect(bubble(hers, "Hi").get_by_label("Laughed at by Person")).to_be_visible()
        assert [each["tapback"] for each in mac.phone(her)[0]["reactions"]] == ["laugh"]

        bubble(hers, "Hi").get_by_label("React", exact=True).click()
        expect(bubble(hers, "Hi").get_by_label("laugh", exact=True)).to_have_attribute("aria-pressed", "true")
        bubble(hers, "Hi").get_by_label("laugh", exact=True).click()

        expect(bubble(hers, "Hi").locator(".badges")).to_have_count(0)
        assert mac.phone(her)[0]["reactions"] == []

    def test_all_of_it_can_be_done_from_the_keyboard(self, hers: Page, mac: Mac, her: str) -> None:
        bubble(hers, "Hi").get_by_label("React", exact=True).focus()
        hers.keyboard.press("Enter")
        expect(bubble(hers, "Hi").get_by_label("love", exact=True)).to_be_focused()
        hers.keyboard.press("Escape")
        expect(bubble(hers, "Hi").get_by_label("React", exact=True)).to_be_focused()
        hers.keyboard.press("Enter")
        hers.keyboard.press("Tab")
        hers.keyboard.press("Enter")

        expect(bubble(hers, "Hi").get_by_label("Liked by Person")).to_be_visible()
        expect(bubble(hers, "Hi").get_by_label("React", exact=True)).to_be_focused()
        assert [each["tapback"] for each in mac.phone(her)[0]["reactions"]] == ["like"]

    def test_a_long_press_opens_the_choice(self, hers: Page) -> None:
        hers.locator(".bubble", has_text="Hi").dispatch_event("pointerdown", {"pointerType": "touch"})

        expect(bubble(hers, "Hi").get_by_role("group", name="React with")).to_be_visible()

    def test_what_the_line_puts_on_a_message_shows_at_once(self, hers: Page, mac: Mac, her: str) -> None:
        mac.line("tapback", her, message_guid=mac.phone(her)[0]["guid"], reaction="love")

        expect(bubble(hers, "Hi").get_by_label("Loved by +1 (555) 010-0000")).to_be_visible()

    def test_a_hostile_emoji_is_shown_as_text(self, hers: Page, mac: Mac, her: str) -> None:
        mac.does(her, "reactions", guid=mac.phone(her)[0]["guid"], emoji="<img src=x>")

        expect(bubble(hers, "Hi").locator(".badges")).to_contain_text("<img")
        assert hers.locator("#bubbles img").count() == 0

    def test_a_part_has_its_own(self, hers: Page, mac: Mac, her: str) -> None:
        photo = {"filename": "dot.png", "mime_type": "image/png", "base64": base64.b64encode(PNG).decode()}
        guid = mac.does(her, "messages", text="look", attachment=photo)["guid"]

        mac.does(her, "reactions", guid=guid, tapback="love", part=1)

        expect(bubble(hers, "look").locator(".badges span")).to_have_count(1)
        expect(hers.locator(".badges")).to_have_count(1)


class TestTyping:
    def test_the_line_types(self, hers: Page, mac: Mac, her: str) -> None:
        mac.line("typing", her, typing=True)
        expect(hers.get_by_label("is typing")).to_be_visible()

        mac.line("typing", her, typing=False)

        expect(hers.get_by_label("is typing")).to_have_count(0)

    def test_a_page_that_is_opened_later_shows_it_and_a_message_ends_it(self, page: Page, mac: Mac, her: str) -> None:
        mac.line("typing", her, typing=True)
        page.goto(f"{mac.url}/#{her}")
        expect(page.get_by_label("is typing")).to_be_visible()

        mac.says(her, "There", mac.phone(her)[0]["guid"])

        expect(page.get_by_label("is typing")).to_have_count(0)

    def test_the_line_is_told_of_who_types_and_of_the_end(self, hers: Page, mac: Mac) -> None:
        command = [str(mac.folder / "bin/imsg"), "rpc"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as imsg:
            assert imsg.stdin is not None
            assert imsg.stdout is not None
            imsg.stdin.write('{"id": 1, "method": "bridge.events.subscribe", "params": {}}\n')
            imsg.stdin.flush()
            assert "subscription" in imsg.stdout.readline()

            hers.get_by_label("Message").fill("Wel")
            begun = json.loads(imsg.stdout.readline())["params"]["event"]["event"]
            hers.get_by_label("Message").fill("")
            ended = json.loads(imsg.stdout.readline())["params"]["event"]["event"]
            imsg.kill()

        assert (begun, ended) == ("started-typing", "stopped-typing")


class TestReading:
    def test_the_author_sees_that_it_was_read(self, hers: Page, mac: Mac, her: str) -> None:
        expect(hers.locator(".receipt")).to_have_text("Delivered")

        mac.line("read", her)

        expect(hers.locator(".receipt")).to_contain_text("Read ")

    def test_what_lies_open_is_read(self, hers: Page, mac: Mac, her: str) -> None:
        guid = mac.says(her, "There", mac.phone(her)[0]["guid"])

        expect(hers.locator("#bubbles")).to_contain_text("There")
        until(lambda: [each["read_at"] for each in mac.phone(her) if each["guid"] == guid] != [None])

    def test_what_nobody_looks_at_is_not(self, hers: Page, mac: Mac) -> None:
        other = mac.person()
        mac.does(other, "messages", text="Hello")

        mac.says(other, "There", mac.phone(other)[0]["guid"])

        expect(hers.locator(".person.unread")).to_contain_text("There")
        assert mac.phone(other)[-1]["read_at"] is None


class TestFiles:
    def test_a_picture_is_shown(self, hers: Page, mac: Mac, her: str) -> None:
        mac.sends(her, "dot.png", PNG)

        picture = hers.get_by_alt_text("dot.png")
        expect(picture).to_be_visible()
        until(lambda: picture.evaluate("image => image.naturalWidth") == 1)

    @pytest.mark.parametrize("name", ["page.html", "picture.svg", "<b>.txt"])
    def test_another_file_is_a_link_that_saves_it(self, hers: Page, mac: Mac, her: str, name: str) -> None:
        mac.sends(her, name, b"<script>document.title = 'pwned'</script>")

        with hers.expect_download() as download:
            hers.locator("a.file").filter(has_text=name).click()
        assert download.value.path().read_bytes().startswith(b"<script>")
        assert hers.title() != "pwned"

    def test_a_voice_memo_is_recorded_played_and_read(self, hers: Page, mac: Mac, her: str) -> None:
        memo = {"filename": "memo.wav", "mime_type": "audio/wav", "base64": base64.b64encode(_silence()).decode()}

        mac.does(her, "messages", attachment=memo, is_audio=True, transcription="Hello <b>there</b>")

        expect(hers.locator(".voice q")).to_have_text("Hello <b>there</b>")
        player = hers.locator(".voice audio")
        player.evaluate("player => player.play()")
        until(lambda: player.evaluate("player => player.ended"))
        expect(hers.locator(".voice a")).to_have_attribute("download", "memo.wav")

    def test_a_memo_that_the_browser_cannot_play_is_a_link(self, hers: Page, mac: Mac, her: str) -> None:
        mac.sends(her, "memo.caf", b"caff", audio=True)

        expect(hers.locator(".voice a")).to_contain_text("Audio message")
        assert hers.locator(".voice audio").count() == 0

    def test_files_and_memos_are_sent(self, hers: Page, mac: Mac, her: str) -> None:
        hers.get_by_label("Attach a file").set_input_files({"name": "dot.png", "mimeType": "image/png", "buffer": PNG})
        expect(hers.get_by_alt_text("dot.png")).to_be_visible()
        hers.get_by_label("Send a voice memo").set_input_files(
            {"name": "memo.wav", "mimeType": "audio/wav", "buffer": _silence()}
        )

        expect(hers.locator(".voice audio")).to_be_visible()
        assert [bubble["is_audio"] for bubble in mac.phone(her)] == [False, False, True]


class TestConversations:
    def test_a_reply_quotes_what_it_answers(self, hers: Page, mac: Mac, her: str) -> None:
        mac.says(her, "There", mac.phone(her)[0]["guid"])

        expect(hers.locator("li").filter(has_text="There").locator(".quote")).to_have_text("Hi")

    def test_another_line_has_a_conversation_of_its_own(self, hers: Page, mac: Mac, her: str) -> None:
        hers.locator("#chats").get_by_text(SECOND_LINE).click()
        hers.get_by_label("Message").fill("Hello second")
        hers.keyboard.press("Enter")

        expect(hers.locator("#bubbles")).to_contain_text("Hello second")
        expect(hers.locator("#bubbles")).not_to_contain_text("Hi")
        assert [bubble["chat"] for bubble in mac.phone(her)] == [LINE, SECOND_LINE]

    def test_a_memo_plays_on_while_messages_come(self, hers: Page, mac: Mac, her: str) -> None:
        memo = {"filename": "memo.wav", "mime_type": "audio/wav"}
        content = base64.b64encode(_silence(seconds=60)).decode()
        mac.does(her, "messages", attachment={**memo, "base64": content}, is_audio=True)
        hers.locator(".voice audio").evaluate("player => player.play()")

        mac.says(her, "There", mac.phone(her)[0]["guid"])

        expect(hers.locator("#bubbles")).to_contain_text("There")
        assert hers.locator(".voice audio").evaluate("player => !player.paused")


def _silence(*, seconds: float = 0.2) -> bytes:
    sound = BytesIO()
    with wave.open(sound, "wb") as memo:
        memo.setparams((1, 1, 8_000, 0, "NONE", "not compressed"))
        memo.writeframes(b"\x80" * round(8_000 * seconds))
    return sound.getvalue()


def _texts(blueport: Blueport, person: str = ADA) -> list[str]:
    chats: list[Json] = blueport.api("GET", f"/v1/chats?from={blueport.line}")["data"]
    if not any(chat["identifier"] == person for chat in chats):
        return []
    page = blueport.api("GET", f"/v1/messages?from={blueport.line}&to={person}&limit=100")
    return [message["text"] for message in page["data"]]


def _is_within_its_width(phone: Page) -> bool:
    return bool(phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def _is_up(blueport: Blueport) -> bool:
    try:
        return bool(blueport.simulator("GET", "/healthz"))
    except OSError:
        time.sleep(0.1)
        return False
