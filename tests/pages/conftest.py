import os
import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.pages.every_action import EVERY_ACTION
from tests.pages.simulated import FOUND_BY, LINE, SECOND_LINE, Mac
from tests.patience import PATIENCE_S
from tests.system.blueport import Blueport, answer
from tests.warm import BLUEPORT

# The first is the same without windows, which takes half of the time.
_KNOWN = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
expect.set_options(timeout=PATIENCE_S * 1000)
# Without these it looks up hosts of its maker's at every start; it hears a microphone that beeps, and asks nobody.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
# What a page makes of being away, or refused, is what some tests are about.
_BORNE = ("ERR_CONNECTION", "ERR_INCOMPLETE", "status of 400", "status of 422")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser: the one that BLUEPORT_TEST_BROWSER names, or a Chromium that is installed.

    No longer than a module: Playwright keeps an event loop running in this thread, where other tests run theirs.
    """
    path = os.environ.get("BLUEPORT_TEST_BROWSER") or next(filter(None, map(shutil.which, _KNOWN)), None)
    if path is None:
        pytest.skip("no Chromium is installed; name a browser with BLUEPORT_TEST_BROWSER to test the pages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page; whatever it, or one beside it, logs as an error, or asks of another host, fails its test."""
    context = browser.new_context(viewport={"width": 1100, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_S * 1000)
    wrongs: list[str] = []
    context.on("console", lambda message: wrongs.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: wrongs.append(str(error.error)))
    context.on("request", lambda asked: wrongs.append(asked.url) if not _is_local(asked.url) else None)
    context.on("request", EVERY_ACTION.note)
    yield context.new_page()
    context.close()
    assert [wrong for wrong in wrongs if not any(borne in wrong for borne in _BORNE)] == []


@pytest.fixture(scope="module")
def mac(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mac]:
    """A simulated Mac by itself, with two lines, which the tests of a module have together."""
    folder = tmp_path_factory.mktemp("mac")
    listening = socket.create_server(("127.0.0.1", 0))
    fd = listening.fileno()
    process = subprocess.Popen(
        [*BLUEPORT, "simulate", f"--fd={fd}"],
        pass_fds=[fd],
        env={**FOUND_BY, "BLUEPORT_SIMULATOR_FOLDER": str(folder), "BLUEPORT_SIMULATOR_LINES": f"{LINE},{SECOND_LINE}"},
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
    expect(page.locator(".bubbles")).to_contain_text("Hi")
    return page


@pytest.fixture
def dashboard(page: Page, blueport: Blueport) -> Page:
    """The dashboard, signed in as its operator."""
    page.goto(blueport.said["dashboard_url"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    return page


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "blob:http://127.0.0.1:", "data:"))
