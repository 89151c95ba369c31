"""Files on a phone in a real browser: pictures, voice memos, contact cards, and others; all of it hostile."""

import struct
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from blueport.server.blobs.audio import transcode
from tests.pages.simulated import PNG, Mac, sent, tone
from tests.system.blueport import until

CARD = """BEGIN:VCARD
VERSION:3.0
N:Hopper;Grace;;;
FN:Grace <i>Hopper</i>
ORG:Navy\\, US
TEL;TYPE=CELL:+1 555 010 0042
item1.EMAIL;TYPE=INTERNET:grace@exam
 ple.com
PHOTO;ENCODING=b;TYPE=PNG:{photo}
URL:javascript:document.title='pwned'
END:VCARD
"""


def caf(rate_hz: float, coding: str) -> bytes:
    """A Core Audio file of two samples."""
    described = struct.pack(">d4sIIIII", rate_hz, coding.encode(), 0, 2, 1, 1, 16)
    chunks = ((b"desc", described), (b"data", b"\0\0\0\0\1\2\3\4"))
    return b"caff\0\1\0\0" + b"".join(name + struct.pack(">q", len(held)) + held for name, held in chunks)


class TestPictures:
    def test_a_picture_is_shown_and_fills_the_window_when_asked(self, hers: Page, mac: Mac, her: str) -> None:
        mac.sends(her, "dot.png", PNG)
        picture = hers.locator(".bubbles").get_by_alt_text("dot.png")
        expect(picture).to_be_visible()
        until(lambda: picture.evaluate("image => image.naturalWidth") == 1)

        picture.click()

        viewer = hers.get_by_role("dialog", name="Picture")
        expect(viewer.get_by_alt_text("dot.png")).to_be_visible()
        viewer.get_by_role("button", name="Close").click()
        expect(viewer).to_be_hidden()

    @pytest.mark.parametrize("name", ["page.html", "picture.svg", "<b>.txt"])
    def test_another_file_is_a_link_that_saves_it(self, hers: Page, mac: Mac, her: str, name: str) -> None:
        mac.sends(her, name, b"<script>document.title = 'pwned'</script>")

        with hers.expect_download() as download:
            hers.locator("a.file").filter(has_text=name).click()
        assert download.value.path().read_bytes().startswith(b"<script>")
        assert hers.title() != "pwned"

    def test_files_are_sent(self, hers: Page, mac: Mac, her: str) -> None:
        picture = {"name": "dot.png", "mimeType": "image/png", "buffer": PNG}
        hers.get_by_label("Attach a file").set_input_files(picture)

        expect(hers.locator(".bubbles").get_by_alt_text("dot.png")).to_be_visible()
        assert mac.phone(her)[-1]["attachments"][0]["filename"] == "dot.png"

    def test_one_that_is_too_large_is_refused_in_words(self, hers: Page, mac: Mac, her: str, tmp_path: Path) -> None:
        large = tmp_path / "film.mov"
        with large.open("wb") as file:
            file.truncate(46_000_000)

        hers.get_by_label("Attach a file").set_input_files(large)

        expect(hers.get_by_role("alert")).to_have_text("Not sent. film.mov has 46.0 MB; 45.0 MB is the most.")
        assert len(mac.phone(her)) == 1


class TestMemos:
    @pytest.mark.parametrize("name", ["memo.wav", "memo.caf"])
    def test_a_memo_is_drawn_played_and_read(self, hers: Page, mac: Mac, her: str, tmp_path: Path, name: str) -> None:
        (tmp_path / "memo.wav").write_bytes(tone(seconds=0.4))
        transcode(tmp_path / "memo.wav", tmp_path / "memo.caf")
        memo = sent(name, (tmp_path / name).read_bytes())

        mac.does(her, "messages", attachment=memo, is_audio=True, transcription="Hello <b>there</b>")

        voice = hers.locator(".voice")
        expect(voice.locator("q")).to_have_text("Hello <b>there</b>")
        voice.get_by_role("button", name="Play the voice memo").click()
        expect(voice.locator(".played").last).to_be_attached()
        expect(voice.locator(".played")).to_have_count(0)
        heights = voice.locator("rect").evaluate_all("bars => bars.map((bar) => Number(bar.getAttribute('height')))")
        assert heights[2] < heights[-3]
        expect(voice.get_by_role("link", name=f"Save {name}")).to_have_attribute("download", name)

    def test_it_can_be_stopped_and_goes_on(self, hers: Page, mac: Mac, her: str) -> None:
        mac.does(her, "messages", attachment=sent("memo.wav", tone(seconds=60)), is_audio=True)

        hers.get_by_role("button", name="Play the voice memo").click()
        expect(hers.locator(".voice .played").first).to_be_attached()
        hers.get_by_role("button", name="Pause the voice memo").click()

        expect(hers.get_by_role("button", name="Play the voice memo")).to_be_visible()
        assert hers.locator(".voice .played").count() >= 1

    def test_it_plays_on_while_messages_come(self, hers: Page, mac: Mac, her: str) -> None:
        mac.does(her, "messages", attachment=sent("memo.wav", tone(seconds=60)), is_audio=True)
        hers.get_by_role("button", name="Play the voice memo").click()

        mac.says(her, "There", mac.phone(her)[0]["guid"])

        expect(hers.locator(".bubbles")).to_contain_text("There")
        expect(hers.get_by_role("button", name="Pause the voice memo")).to_be_visible()

    def test_it_plays_on_and_can_be_stopped_when_it_looks_different(self, hers: Page, mac: Mac, her: str) -> None:
        memo = sent("memo.wav", tone(seconds=60))
        guid = mac.does(her, "messages", attachment=memo, is_audio=True)["guid"]
        hers.get_by_role("button", name="Play the voice memo").click()
        expect(hers.locator(".voice .played").first).to_be_attached()

        mac.does(her, "reactions", guid=guid, tapback="love")

        expect(hers.locator(".badges")).to_have_count(1)
        hers.get_by_role("button", name="Pause the voice memo").click()
        expect(hers.get_by_role("button", name="Play the voice memo")).to_be_visible()

    @pytest.mark.parametrize("content", [b"", b"no sound", b"caff\0\1\0\0broken", caf(0.0, "lpcm"), caf(48e3, "aac ")])
    def test_what_the_browser_cannot_read_is_flat_and_can_be_saved(
        self, hers: Page, mac: Mac, her: str, content: bytes
    ) -> None:
        mac.sends(her, "memo.caf", content, audio=True)

        expect(hers.get_by_role("button", name="This browser cannot play the voice memo")).to_be_disabled()
        expect(hers.locator(".voice").get_by_role("link", name="Save Audio Message.caf")).to_be_visible()

    def test_a_sound_is_sent_with_what_is_said_in_it(self, hers: Page, mac: Mac, her: str) -> None:
        sound = {"name": "memo.wav", "mimeType": "audio/wav", "buffer": tone()}
        hers.get_by_label("Send a voice memo").set_input_files(sound)
        hers.get_by_label("Transcription").fill("Ring me")
        hers.keyboard.press("Enter")

        expect(hers.locator(".voice q")).to_have_text("Ring me")
        assert mac.phone(her)[-1]["is_audio"]

    def test_one_is_recorded_and_has_the_form_of_messages_own(self, hers: Page, mac: Mac, her: str) -> None:
        hers.get_by_role("button", name="Record a voice memo").click()
        expect(hers.get_by_role("timer")).to_have_text("0:01")
        hers.get_by_role("button", name="Stop recording").click()
        hers.get_by_role("button", name="Send the voice memo").click()

        expect(hers.get_by_role("button", name="Play the voice memo")).to_be_enabled()
        file = mac.phone(her)[-1]["attachments"][0]
        assert (file["filename"], file["mime_type"]) == ("Audio Message.caf", "audio/x-caf")
        assert file["size"] > 20_000

    def test_a_recording_can_be_thrown_away(self, hers: Page, mac: Mac, her: str) -> None:
        hers.get_by_role("button", name="Record a voice memo").click()
        hers.get_by_role("button", name="Throw the recording away").click()

        expect(hers.get_by_label("Message", exact=True)).to_be_visible()
        assert len(mac.phone(her)) == 1

    def test_without_a_microphone_it_says_what_to_do(self, hers: Page) -> None:
        hers.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException() } }")

        hers.get_by_role("button", name="Record a voice memo").click()

        expect(hers.get_by_role("alert")).to_contain_text("Choose a sound by +")


class TestCards:
    def test_a_card_shows_whom_it_is_of(self, hers: Page, mac: Mac, her: str) -> None:
        card = CARD.format(photo=sent("", PNG)["base64"]).replace("\n", "\r\n").encode()

        mac.does(her, "messages", attachment=sent("grace.vcf", card, "text/vcard"))

        shown = hers.locator(".card")
        expect(shown).to_contain_text("Grace <i>Hopper</i>")
        expect(shown).to_contain_text("Navy, US")
        expect(shown).to_contain_text("+1 555 010 0042")
        expect(shown).to_contain_text("grace@example.com")
        until(lambda: shown.locator("img").evaluate("image => image.naturalWidth") == 1)
        assert shown.locator("a").evaluate_all("links => links.map((link) => link.protocol)") == ["http:"]

    @pytest.mark.parametrize(
        "card",
        [
            b"BEGIN:VCARD\nFN:Eve\nPHOTO;TYPE=SVG+XML:PHN2Zz48L3N2Zz4=\nEND:VCARD",
            b"BEGIN:VCARD\nFN:Eve\nPHOTO:data:text/html;base64,PHN2Zz48L3N2Zz4=\nEND:VCARD",
            b"BEGIN:VCARD\nFN:Eve\nPHOTO;VALUE=uri:https://tracker.example.com/eve.png\nEND:VCARD",
            b"BEGIN:VCARD\nN:;Eve;;;\nTEL:\x00\x1b[31m" + b"9" * 5_000 + b"\nEND:VCARD",
        ],
    )
    def test_no_picture_comes_from_elsewhere_or_is_more_than_one(
        self, hers: Page, mac: Mac, her: str, card: bytes
    ) -> None:
        mac.does(her, "messages", attachment=sent("eve.vcf", card, "text/vcard"))

        expect(hers.locator(".card b").first).to_have_text("Eve")
        assert hers.locator(".card img").count() == 0
        assert hers.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    def test_one_that_is_none_is_a_file(self, hers: Page, mac: Mac, her: str) -> None:
        mac.does(her, "messages", attachment=sent("<b>who.vcf", b"\xff\xfe nothing"))

        expect(hers.locator(".card")).to_contain_text("<b>who")
        expect(hers.locator(".card").get_by_role("link", name="Save <b>who.vcf")).to_be_visible()

    def test_a_contact_is_sent(self, hers: Page, mac: Mac, her: str) -> None:
        hers.get_by_role("button", name="Add", exact=True).click()
        hers.get_by_role("menuitem", name="Contact").click()
        sheet = hers.get_by_role("dialog", name="Send a contact")
        sheet.get_by_label("Name").fill("Bo; Lind, Jr\\")
        sheet.get_by_label("Phone number").fill("+1 555 010 0043")
        sheet.get_by_role("button", name="Send contact").click()

        expect(hers.locator(".card b").first).to_have_text("Bo; Lind, Jr\\")
        expect(hers.locator(".card")).to_contain_text("+1 555 010 0043")
        assert mac.phone(her)[-1]["attachments"][0]["mime_type"] == "text/vcard"
