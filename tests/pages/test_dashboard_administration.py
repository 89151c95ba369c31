"""API keys, the audit log and settings, in a real browser."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.judging import HOSTILE, assert_accessible
from tests.patience import PATIENCE_S
from tests.system.blueport import Blueport

SECRET = re.compile(r"sk_live_\w{36}")


@pytest.fixture
def base(dashboard: Page, blueport: Blueport) -> str:
    """Where the dashboard is, for one who is signed in."""
    assert dashboard
    return f"{blueport.said['api_url']}/dashboard"


@pytest.fixture
def new_key(dashboard: Page, base: str) -> str:
    """Where a key is made for the account that there is from the start."""
    (account,) = re.findall(r'/settings/(acc_\w+)"><b>first<', dashboard.request.get(f"{base}/settings").text())
    return f"{base}/keys/new?account={account}"


@pytest.fixture
def plain(browser: Browser, blueport: Blueport) -> Iterator[Page]:
    """The dashboard in a browser that runs no script."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(blueport.said["dashboard_url"])
    yield page
    context.close()


def made_key(page: Page, new_key: str, name: str) -> str:
    """Make a key that may do everything; return its secret."""
    page.goto(new_key)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create the key").click()
    return secret_on(page)


def secret_on(page: Page) -> str:
    expect(page.get_by_role("heading", level=1)).to_have_text("Your new key")
    (secret,) = SECRET.findall(page.locator(".secret").inner_text())
    return secret


def status(blueport: Blueport, key: str, path: str = "/v1/lines") -> int:
    """Return what the API answers to a key."""
    asked = urllib.request.Request(blueport.said["api_url"] + path, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


class TestKeys:
    def test_a_key_is_made_by_keyboard_and_copied(
        self, dashboard: Page, base: str, new_key: str, blueport: Blueport
    ) -> None:
        dashboard.context.grant_permissions(["clipboard-read", "clipboard-write"])
        dashboard.goto(new_key.replace("/new?", "?"))
        assert_accessible(dashboard)
        dashboard.get_by_role("link", name="Create a key").press("Enter")
        expect(dashboard.get_by_role("heading", level=1)).to_have_text("Create a key")
        assert_accessible(dashboard)
        dashboard.get_by_label("Name", exact=True).fill(HOSTILE)
        dashboard.keyboard.press("Tab")
        dashboard.keyboard.press("ArrowDown")  # from everything to what is ticked
        dashboard.get_by_label("List lines").press("Space")
        dashboard.keyboard.press("Enter")

        secret = secret_on(dashboard)
        assert_accessible(dashboard)
        dashboard.get_by_role("button", name="Copy the key").press("Enter")
        expect(dashboard.locator(".secret button")).to_have_text("Copied")
        assert dashboard.evaluate("navigator.clipboard.readText()") == secret
        assert (status(blueport, secret), status(blueport, secret, "/v1/webhooks")) == (200, 403)
        dashboard.goto(f"{base}/keys")
        expect(dashboard.get_by_role("row", name="<img src=x")).to_contain_text("lines (read)")
        assert "pwned" not in dashboard.title()

    def test_what_is_refused_is_said_and_can_be_mended(self, dashboard: Page, base: str, new_key: str) -> None:
        dashboard.goto(f"{base}/lines/new")  # its name is wider than a phone, and breaks nowhere
        dashboard.get_by_label("Phone number or Apple ID").fill("somebody.whose.name.is.long@northwind-traders.example")
        dashboard.get_by_role("button", name="Add the line").click()
        expect(dashboard.get_by_role("status")).to_contain_text("The line is there")
        dashboard.goto(new_key)
        dashboard.get_by_label("Name", exact=True).fill("a reader")
        dashboard.get_by_label("Only what is ticked here:", exact=True).check()
        dashboard.get_by_role("button", name="Create the key").click()

        expect(dashboard.get_by_role("alert")).to_have_text("Tick at least one thing that the key may do.")
        assert_accessible(dashboard)
        dashboard.get_by_label("List chats").check()
        dashboard.get_by_role("button", name="Create the key").click()
        secret_on(dashboard)

    def test_a_key_appears_where_somebody_else_looks(self, dashboard: Page, base: str, new_key: str) -> None:
        other = dashboard.context.new_page()
        other.goto(f"{base}/keys")
        expect(other.get_by_role("row", name="made elsewhere")).to_have_count(0)

        made_key(dashboard, new_key, "made elsewhere")

        expect(other.get_by_role("row", name="made elsewhere")).to_contain_text("active")

    def test_revoking_asks_first_and_the_question_outlasts_what_changes_meanwhile(
        self, dashboard: Page, new_key: str, blueport: Blueport
    ) -> None:
        secret = made_key(dashboard, new_key, "to be revoked")
        dashboard.get_by_role("link", name="revoke it").click()
        question = dashboard.locator("details.confirm summary")
        question.press("Enter")
        expect(dashboard.locator(".sheet")).to_be_visible()
        assert_accessible(dashboard)

        other = dashboard.context.new_page()
        other.goto(f"{dashboard.url}/roll")
        other.get_by_role("button", name="Roll the key").click()
        new = secret_on(other)
        expect(dashboard.get_by_role("region", name="Details")).to_contain_text("in 23 hr.")
        expect(dashboard.locator(".sheet")).to_be_visible()
        dashboard.locator(".sheet").get_by_role("button", name="Revoke").press("Enter")

        expect(dashboard.get_by_role("status")).to_have_text("The key is revoked: its next request is refused.")
        assert (status(blueport, secret), status(blueport, new)) == (401, 200)
        assert_accessible(dashboard)

    def test_a_key_that_leaked_is_rolled_at_once(self, dashboard: Page, new_key: str, blueport: Blueport) -> None:
        old = made_key(dashboard, new_key, "leaked")
        dashboard.get_by_role("link", name="revoke it").click()
        dashboard.get_by_role("link", name="Roll").press("Enter")
        expect(dashboard.get_by_role("heading", level=1)).to_have_text("Roll leaked")
        assert_accessible(dashboard)
        dashboard.get_by_label("The old key goes on").select_option("not at all: it ends at once")
        dashboard.get_by_role("button", name="Roll the key").press("Enter")

        new = secret_on(dashboard)
        assert_accessible(dashboard)
        assert (status(blueport, old), status(blueport, new)) == (401, 200)

    def test_all_of_it_works_without_a_script(self, plain: Page, new_key: str, blueport: Blueport) -> None:
        secret = made_key(plain, new_key, "plain")
        plain.get_by_role("link", name="revoke it").click()
        plain.locator("details.confirm summary").click()
        plain.locator(".sheet").get_by_role("button", name="Revoke").click()

        expect(plain.get_by_role("status")).to_contain_text("The key is revoked")
        assert status(blueport, secret) == 401


class TestAuditLog:
    def test_what_is_done_appears_and_can_be_found_again(self, dashboard: Page, base: str, new_key: str) -> None:
        log = dashboard.context.new_page()
        log.goto(f"{base}/audit")
        assert_accessible(log)

        made_key(dashboard, new_key, "noted")

        row = log.get_by_role("row", name="noted")
        expect(row).to_contain_text("Created an API key")
        expect(row).to_contain_text("the operator")
        log.get_by_label("What").select_option("Added a line")
        expect(log).to_have_url(re.compile("action=line.created"))
        expect(log.get_by_role("row", name="noted")).to_have_count(0)
        expect(log.get_by_role("row", name="the server").first).to_contain_text("Added a line")
        log.get_by_label("Who").select_option("the operator")
        expect(log.get_by_role("row", name="the server")).to_have_count(0)
        assert_accessible(log)

    def test_it_leads_to_what_it_tells_of(self, dashboard: Page, base: str, new_key: str) -> None:
        made_key(dashboard, new_key, "to be looked at")
        dashboard.goto(f"{base}/audit")
        dashboard.get_by_role("link", name="to be looked at").press("Enter")

        expect(dashboard.get_by_role("heading", level=1)).to_have_text("to be looked at")
        dashboard.get_by_role("link", name="What it changed").click()
        expect(dashboard.get_by_role("region", name="Entries")).to_contain_text("Nothing of that kind")
        assert_accessible(dashboard)


class TestSettings:
    def test_what_an_account_sets_holds_at_the_api(self, dashboard: Page, base: str, blueport: Blueport) -> None:
        dashboard.goto(f"{base}/settings")
        assert_accessible(dashboard)
        dashboard.get_by_role("link", name="first", exact=True).press("Enter")
        expect(dashboard.get_by_role("heading", level=1)).to_have_text("first")
        assert_accessible(dashboard)
        dashboard.get_by_label("Messages that may go at once").fill("0")
        dashboard.get_by_role("checkbox", name="Heed STOP").press("Space")
        dashboard.get_by_role("button", name="Save").press("Enter")
        expect(dashboard.get_by_role("alert")).to_contain_text("a whole number from 1 to 1,000")
        expect(dashboard.get_by_role("checkbox", name="Heed STOP")).to_be_checked()
        assert_accessible(dashboard)
        dashboard.get_by_label("Messages that may go at once").fill("7")
        dashboard.keyboard.press("Enter")

        expect(dashboard.get_by_role("status")).to_have_text("Saved.")
        told = blueport.api("GET", "/v1/settings")
        assert (told["stop_handling"], told["pacing"]["burst"]) == (True, 7)

    def test_a_key_of_a_new_account_is_made_for_it(self, dashboard: Page, base: str, blueport: Blueport) -> None:
        dashboard.goto(f"{base}/settings")
        dashboard.get_by_role("link", name="Create an account").click()
        expect(dashboard.get_by_role("heading", level=1)).to_have_text("Create an account")
        assert_accessible(dashboard)
        dashboard.get_by_label("Name", exact=True).fill("Acme & Sons")
        dashboard.keyboard.press("Enter")
        expect(dashboard.get_by_role("status")).to_have_text("The account is created.")

        dashboard.goto(f"{base}/keys")
        dashboard.get_by_label("Account").select_option("Acme & Sons")
        expect(dashboard.get_by_role("region", name="Keys")).to_contain_text("No key in use")
        assert_accessible(dashboard)
        dashboard.goto(f"{base}/keys/new")
        assert_accessible(dashboard)
        dashboard.get_by_label("For which account?").select_option("Acme & Sons")
        dashboard.get_by_role("button", name="Go on").click()
        dashboard.get_by_label("Name", exact=True).fill("of Acme")
        dashboard.get_by_role("button", name="Create the key").click()

        assert status(blueport, secret_on(dashboard)) == 200
        dashboard.goto(f"{base}/audit")
        assert_accessible(dashboard)
