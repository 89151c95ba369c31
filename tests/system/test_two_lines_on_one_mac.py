"""Two lines on one Mac, from the code to the phone: real processes, and what was there before them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.databases import Database
from tests.ports import free_port
from tests.system.blueport import ADA, Json, answer, until
from tests.system.crew import Crew, crew
from tests.system.servers import LINE, Fleet, fleet
from tests.system.site import START_WITHIN_S, is_answered
from tests.system.test_the_command_line import run

SECOND = "agent@example.com"
ON_SQLITE = pytest.mark.one_store("it is about what is on the Mac")


class Home(NamedTuple):
    """A server, a Mac with two lines, and the operator."""

    ships: Fleet
    port: int
    mac_port: int
    hands: Crew
    folder: Path

    @property
    def settings(self) -> Path:
        return self.folder / "daemon.env"

    def command(self, *arguments: str) -> str:
        ended = run(*arguments, at=self.folder, BLUEPORT_DATABASE=self.ships.database.named)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def api(self, method: str, path: str, body: Json = None) -> Json:
        return self.ships.api(self.port, method, path, body)

    def mac(self, method: str, path: str, body: Json = None) -> Json:
        return answer(method, f"http://127.0.0.1:{self.mac_port}{path}", body, {})

    def texts(self, line: str, text: str) -> None:
        self.mac("POST", f"/people/{quote(ADA)}/messages", {"text": text, "to": line})

    def messages(self, line: str) -> list[str]:
        """Return the texts of Ada's chat with a line, the oldest first."""
        chats = self.api("GET", f"/v1/chats?from={quote(line)}")["data"]
        found = self.api("GET", f"/v1/messages?from={quote(line)}&to={quote(ADA)}")["data"] if chats else []
        return [message["text"] for message in found][::-1]

    def sends(self, line: str, text: str) -> Json:
        item = self.api("POST", "/v1/messages", {"from": line, "to": ADA, "text": text})["id"]
        until(lambda: self.api("GET", f"/v1/outbox?id={item}")["status"] == "sent")
        return self.api("GET", f"/v1/outbox?id={item}")


@pytest.fixture
def home(database: Database, tmp_path: Path) -> Iterator[Home]:
    with fleet(database) as ships, crew(tmp_path / "logs", 1) as hands:
        here = Home(ships, ships.start(), free_port(), hands, tmp_path)
        mac = tmp_path / "mac"
        given = {"SIMULATOR_FOLDER": str(mac), "SIMULATOR_LINES": f"{LINE},{SECOND}"}
        hands.add("mac", "simulate", "--port", f"{here.mac_port}", **given)
        until(lambda: is_answered(here.mac_port, "/healthz"), START_WITHIN_S)
        here.texts(SECOND, "From before")
        places = {"CHAT_DB": mac / "Library/Messages/chat.db", "OSASCRIPT": mac / "bin/osascript"}
        here.settings.write_text("".join(f"BLUEPORT_DAEMON_{name}={place}\n" for name, place in places.items()))
        code = here.command("daemons", "pair", "mini", "--account", "first")
        here.command("lines", "change", LINE, "--daemon", "mini")
        here.command("lines", "add", SECOND, "--account", "first", "--daemon", "mini")
        here.command("daemon", "pair", f"http://127.0.0.1:{here.port}", code, "--settings", str(here.settings))
        hands.add("daemon", "daemon", "run", "--settings", str(here.settings))
        until(lambda: all(line["is_active"] for line in here.api("GET", "/v1/lines")["data"]), START_WITHIN_S)
        yield here


@ON_SQLITE
def test_each_line_has_its_own_and_what_went_out_from_the_other_bears_a_warning(home: Home) -> None:
    home.texts(LINE, "To the first")
    home.texts(SECOND, "To the second")
    until(lambda: home.messages(LINE) == ["To the first"])
    until(lambda: home.messages(SECOND) == ["To the second"])

    assert home.command("daemon", "import", "--all", "--settings", str(home.settings)) == "1"

    until(lambda: home.messages(SECOND) == ["From before", "To the second"])
    assert home.messages(LINE) == ["To the first"]
    home.api("POST", "/v1/settings", {"extended_events": True})
    assert "warning" not in home.sends(SECOND, "From the second")
    # send-30: Ada wrote last to the second, and Messages goes by that.
    assert home.sends(LINE, "From the first?")["warning"] == "sent_from_other_line"
    assert home.messages(SECOND) == ["From before", "To the second", "From the second"]
    assert home.messages(LINE) == ["To the first", "From the first?"]
    assert [bubble["text"] for bubble in home.mac("GET", f"/people/{quote(ADA)}/messages")][-1] == "From the first?"
