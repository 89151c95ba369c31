"""Takes the pictures of the documentation: a fresh `blueport dev`, a conversation, a real browser.

`make screenshots` writes docs/images/*.png. For another picture add a line to PICTURES.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from tests.system.blueport import ADA, Blueport, running, until
from tests.system.receiver import Receiver

IMAGES = Path(__file__).with_name("images")
BEA = "+15550100002"
LARGEST = 200_000  # bytes


class Picture(NamedTuple):
    """One picture: where, how wide, in which colours, and what is done before it is taken."""

    name: str
    url: str
    size: tuple[int, int] = (1200, 760)
    colours: Literal["light", "dark"] = "light"
    steps: Callable[[Page], object] = lambda page: page.get_by_text("has arrived").filter(visible=True).first.wait_for()


def _overview(page: Page) -> None:
    page.get_by_role("region", name="Lines").wait_for()


def _headed(name: str) -> Callable[[Page], object]:
    return lambda page: page.get_by_role("heading", name=name, level=1).wait_for()


def _opened(name: str) -> Callable[[Page], object]:
    return lambda page: page.get_by_role("main").get_by_role("link", name=name).first.click()


PICTURES = (
    Picture("phone", f"{{phone}}#{ADA}"),
    Picture("phone-dark", f"{{phone}}#{ADA}", colours="dark"),
    Picture("dashboard", "{dashboard}", steps=_overview),
    Picture("dashboard-chat", "{api}/dashboard/chats", steps=_opened(ADA)),
    Picture("dashboard-outbox", "{api}/dashboard/outbox", steps=_headed("Outbox")),
    Picture("dashboard-lines", "{api}/dashboard/lines", steps=_headed("Lines and Macs")),
    Picture("dashboard-keys", "{api}/dashboard/keys", steps=_headed("API keys")),
    Picture("dashboard-webhook", "{api}/dashboard/webhooks", steps=_opened("127.0.0.1")),
    Picture("dashboard-usage", "{api}/dashboard/usage", steps=_headed("Usage")),
    Picture("dashboard-settings", "{api}/dashboard/settings", steps=_headed("Settings")),
)


def main(names: list[str]) -> None:
    """Take the pictures of these names, or all."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as blueport,
        Receiver(lambda _: 200) as receiver,
        sync_playwright() as playwright,
    ):
        webhook = {"from": blueport.line, "url": receiver.url, "events": ["message.received", "message.sent"]}
        blueport.api("POST", "/v1/webhooks", webhook)
        converse(blueport)
        chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for picture in PICTURES:
            if not names or picture.name in names:
                take(picture, blueport, browser)
        browser.close()


def converse(blueport: Blueport) -> None:
    """Have people and an agent write to each other."""
    blueport.simulator("POST", "/people", {"handle": BEA, "name": "Bea"})
    for person, text, reply in (
        (BEA, "Is the shop open on Sunday?", "From ten to four."),
        (ADA, "Has my parcel left?", "It left this morning, and arrives tomorrow."),
        (ADA, "Lovely. Can it go to the neighbours?", "Of course. Which name is on their bell?"),
        (ADA, "Lovelace, on the left", "Noted. You will hear from me when it has arrived."),
    ):
        blueport.texts(person, text)
        _answer(blueport, person, reply)
    blueport.simulator("POST", f"/people/{ADA}/reactions", {"guid": _newest(blueport, ADA)["guid"], "tapback": "love"})


def _answer(blueport: Blueport, person: str, text: str) -> None:
    until(lambda: _knows(blueport, person))
    blueport.sends(person, text)
    until(lambda: _newest(blueport, person)["text"] == text)


def _knows(blueport: Blueport, person: str) -> bool:
    chats = blueport.api("GET", f"/v1/chats?from=%2B{blueport.line.removeprefix('+')}")["data"]
    return any(chat["identifier"] == person for chat in chats)


def _newest(blueport: Blueport, person: str) -> dict[str, str]:
    newest: dict[str, str] = blueport.phone(person)[-1]
    return newest


def take(picture: Picture, blueport: Blueport, browser: Browser) -> None:
    """Take one picture, in a browser of its own."""
    said = blueport.said
    width, height = picture.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=picture.colours,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    page = context.new_page()
    page.goto(said["dashboard_url"])  # which signs it in
    page.goto(picture.url.format(phone=said["phone_url"], dashboard=said["dashboard_url"], api=said["api_url"]))
    picture.steps(page)
    page.wait_for_timeout(500)
    content = page.screenshot(path=IMAGES / f"{picture.name}.png")
    context.close()
    if len(content) > LARGEST:
        sys.exit(f"{picture.name}.png has {len(content)} bytes: take less of the page")


if __name__ == "__main__":
    main(sys.argv[1:])
