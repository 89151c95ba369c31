import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.patience import PATIENCE_S

_KNOWN = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
expect.set_options(timeout=PATIENCE_S * 1000)
# Without these it looks up hosts of its maker's at every start.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
)


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
    """A fresh page; whatever it logs as an error, or asks of another host, fails its test."""
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    wrongs: list[str] = []
    page.on("console", lambda message: wrongs.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrongs.append(str(error)))
    page.on("request", lambda asked: wrongs.append(asked.url) if not _is_local(asked.url) else None)
    yield page
    context.close()
    assert [wrong for wrong in wrongs if "ERR_CONNECTION" not in wrong and "ERR_INCOMPLETE" not in wrong] == []


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:"))
