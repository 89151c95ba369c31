"""A simulated Mac by itself, with what tests have its people and its line do."""

import base64
import json
import math
import os
import struct
import subprocess
import wave
from io import BytesIO
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.system.blueport import Json, answer, until

LINE, SECOND_LINE = "+15550100000", "line@example.com"
# All that a process of ours is given: what finds the modules, where they are not installed.
FOUND_BY = {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
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

    def person(self, **more: object) -> str:
        """Somebody who is new here."""
        self._people += 1
        handle = f"+155501010{self._people:02}"
        answer("POST", f"{self.url}/people", {"handle": handle, "name": self.name(handle), **more}, {})
        return handle

    def name(self, person: str) -> str:
        return f"Person {person[-2:]}"

    def group(self, *members: str, name: str) -> str:
        return str(answer("POST", f"{self.url}/groups", {"name": name, "members": members}, {})["id"])

    def does(self, person: str, what: str, **content: object) -> Json:
        return answer("POST", f"{self.url}/people/{person}/{what}", content, {})

    def phone(self, person: str) -> list[Json]:
        bubbles: list[Json] = answer("GET", f"{self.url}/people/{person}/messages", None, {})
        return bubbles

    def typing(self, person: str) -> Json:
        return answer("GET", f"{self.url}/people/{person}/typing", None, {})

    def line(self, method: str, person: str, **params: object) -> Json:
        """Let the line do something with a person or in a group, as its daemon would."""
        chat = f"any;+;{person}" if person.startswith("chat") else f"any;-;{person}"
        call = {"id": 1, "method": method, "params": {"chat_guid": chat, **params}}
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


def bubble(phone: Page | Locator, text: str) -> Locator:
    return phone.locator(".part").filter(has_text=text)


def open_menu(phone: Page, text: str) -> Locator:
    """Open what can be done with a bubble, by its button."""
    bubble(phone, text).hover()
    bubble(phone, text).get_by_label("Actions", exact=True).click()
    menu = phone.get_by_role("menu")
    expect(menu).to_be_visible()
    return menu


def sent(name: str, content: bytes, mime_type: str | None = None) -> Json:
    """A file as the body of a message has it."""
    return {"filename": name, "mime_type": mime_type, "base64": base64.b64encode(content).decode()}


def tone(*, seconds: float = 0.2) -> bytes:
    """A sound that swells from nothing."""
    count = round(8_000 * seconds)
    samples = (round(30_000 * at / count * math.sin(at / 3)) for at in range(count))
    sound = BytesIO()
    with wave.open(sound, "wb") as memo:
        memo.setparams((1, 2, 8_000, 0, "NONE", "not compressed"))
        memo.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return sound.getvalue()
