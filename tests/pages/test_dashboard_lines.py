"""Lines and Macs of the dashboard in a real browser: what is done there, and what changes while one looks."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from blueport.daemon.installing import settings_file
from tests.pages.judging import HOSTILE, assert_accessible
from tests.system.blueport import ADA, Blueport
from tests.system.test_the_command_line import run


@pytest.fixture
def lines(dashboard: Page, blueport: Blueport) -> Page:
    """The page of lines and Macs."""
    dashboard.goto(f"{blueport.said['api_url']}/dashboard/lines")
    expect(dashboard.get_by_role("heading", level=1)).to_have_text("Lines and Macs")
    return dashboard


def says(blueport: Blueport, *arguments: str) -> None:
    """Say something on the command line."""
    ended = run(*arguments, at=blueport.folder)
    assert ended.returncode == 0, ended.stderr


def adds_a_line(blueport: Blueport, handle: str, *more: str) -> None:
    database = str(blueport.folder / "blueport.db")
    says(blueport, "lines", "add", handle, "--account", "first", "--database", database, *more)


def says_hello(page: Page, blueport: Blueport, token: str) -> int:
    """Return what a daemon with that token is answered."""
    hello = {"journal": "a journal", "version": "0.1.0", "lines": [], "process": "a process"}
    url = f"{blueport.said['api_url']}/daemon/v1/hello"
    return page.request.post(url, data=hello, headers={"Authorization": f"Bearer {token}"}).status


def row(page: Page, region: str, name: str) -> Locator:
    rows = page.get_by_role("region", name=region, exact=True).get_by_role("row")
    return rows.filter(has=page.get_by_role("link", name=name, exact=True))


def test_all_that_there_is_is_listed_and_what_is_added_appears(lines: Page, blueport: Blueport) -> None:
    expect(row(lines, "Lines", blueport.line)).to_contain_text("works")
    expect(row(lines, "Lines", blueport.said["sandbox_line"])).to_contain_text("sandbox")
    expect(row(lines, "Macs", "first")).to_contain_text("works")

    adds_a_line(blueport, "listed@example.com", "--label", HOSTILE)

    expect(row(lines, "Lines", "listed@example.com")).to_contain_text("<img src=x")
    assert "pwned" not in lines.title()
    assert_accessible(lines)


def test_a_line_is_added_and_changed_with_the_keyboard_alone(lines: Page, blueport: Blueport) -> None:
    lines.get_by_role("link", name="Add a line").focus()
    lines.keyboard.press("Enter")
    expect(lines.get_by_label("Phone number or Apple ID")).to_be_focused()
    assert_accessible(lines)

    lines.get_by_label("Phone number or Apple ID").focus()
    lines.keyboard.type("+1 (555) 555-0142")
    lines.get_by_label("Label").focus()
    lines.keyboard.type("Front desk")
    lines.keyboard.press("Enter")
    expect(lines.get_by_role("heading", level=1)).to_contain_text("+15555550142")
    expect(lines.get_by_role("status")).to_contain_text("The line is there")
    lines.get_by_role("link", name="Change").focus()
    lines.keyboard.press("Enter")
    expect(lines.get_by_label("Label")).to_have_value("Front desk")
    assert_accessible(lines)
    lines.get_by_label("Sends by").select_option("iMessage, else SMS")
    lines.get_by_role("button", name="Save").focus()
    lines.keyboard.press("Enter")

    expect(lines.get_by_role("status")).to_contain_text("Saved.")
    found = [line for line in blueport.api("GET", "/v1/lines")["data"] if line["handle"] == "+15555550142"]
    assert [(line["label"], line["service"]) for line in found] == [("Front desk", "auto")]


def test_a_refusal_says_why_and_keeps_what_was_typed(lines: Page, blueport: Blueport) -> None:
    lines.get_by_role("link", name="Add a line").click()
    lines.get_by_label("Phone number or Apple ID").fill(blueport.line)
    lines.get_by_label("Label").fill("Twice")
    with lines.expect_response(lambda told: told.status == 422):
        lines.get_by_role("button", name="Add the line").click()

    expect(lines.get_by_role("alert")).to_contain_text("is a line already")
    expect(lines.get_by_label("Label")).to_have_value("Twice")
    assert_accessible(lines)


def test_the_page_of_a_line_follows_what_it_sends(lines: Page, blueport: Blueport) -> None:
    lines.get_by_role("link", name=blueport.line).click()
    expect(lines.get_by_role("region", name="Last hour")).to_contain_text("0")
    assert_accessible(lines)

    blueport.hears_first(ADA, "Hi")
    blueport.sends(ADA, "Hello")

    expect(lines.get_by_role("region", name="Last hour")).to_contain_text("1")
    expect(lines.get_by_role("region", name="What it can do")).to_contain_text("answer one message")


def test_a_mac_is_paired_by_the_code_and_the_page_says_so_at_once(
    lines: Page, blueport: Blueport, tmp_path: Path
) -> None:
    adds_a_line(blueport, "mini@example.com")
    lines.get_by_role("link", name="Pair a Mac").click()
    assert_accessible(lines)
    lines.get_by_label("Name", exact=True).fill("mini")
    lines.keyboard.press("Enter")
    standing = lines.get_by_role("region", name="How it stands")
    expect(standing).to_contain_text("waiting")
    assert_accessible(lines)

    command = lines.locator(".secret code").inner_text().split()
    settings = tmp_path / "settings"
    says(blueport, *command[1:], "--settings", str(settings), "--lines", "mini@example.com")

    expect(standing).to_contain_text("paired")
    token = settings_file.read(settings)["BLUEPORT_DAEMON_TOKEN"]
    assert says_hello(lines, blueport, token) == 200
    expect(standing).to_contain_text("All is done")
    assert_accessible(lines)

    lines.goto(f"{blueport.said['api_url']}/dashboard/lines")
    lines.get_by_role("region", name="Macs").get_by_role("link", name="mini", exact=True).click()
    lines.locator("summary", has_text="Replace this Mac").press("Enter")
    lines.get_by_role("button", name="Replace this Mac").press("Enter")
    command = lines.locator(".secret code").inner_text().split()
    assert says_hello(lines, blueport, token) == 200  # until another takes its place
    says(blueport, *command[1:], "--settings", str(tmp_path / "new"), "--lines", "mini@example.com")
    assert says_hello(lines, blueport, token) == 401
    assert says_hello(lines, blueport, settings_file.read(tmp_path / "new")["BLUEPORT_DAEMON_TOKEN"]) == 200


def test_a_name_that_has_a_mac_asks_whether_the_new_one_takes_its_place(lines: Page) -> None:
    lines.get_by_role("link", name="Pair a Mac").click()
    lines.get_by_label("Name", exact=True).fill("first")
    with lines.expect_response(lambda told: told.status == 422):
        lines.get_by_role("button", name="Create a code").click()

    expect(lines.get_by_role("alert")).to_contain_text("has a Mac already")
    expect(lines.get_by_label("Name", exact=True)).to_have_value("first")
    expect(lines.get_by_label("It takes the place")).not_to_be_checked()
    assert_accessible(lines)


def test_a_question_stays_open_while_the_page_beneath_it_changes(lines: Page, blueport: Blueport) -> None:
    lines.get_by_role("region", name="Macs").get_by_role("link", name="first", exact=True).click()
    question = lines.locator("summary", has_text="Replace this Mac")
    question.focus()
    lines.keyboard.press("Enter")
    expect(lines.get_by_text("You get a code for another Mac")).to_be_visible()
    assert_accessible(lines)

    adds_a_line(blueport, "later@example.com", "--daemon", "first")

    expect(lines.get_by_role("region", name="Lines that it serves")).to_contain_text("later@example.com")
    expect(lines.get_by_text("You get a code for another Mac")).to_be_visible()
    lines.keyboard.press("Escape")
    expect(lines.get_by_text("You get a code for another Mac")).to_be_hidden()


def test_a_token_is_shown_once_and_its_daemon_can_be_revoked(lines: Page, blueport: Blueport) -> None:
    lines.get_by_role("link", name="Create a token").click()
    assert_accessible(lines)
    lines.get_by_label("Name", exact=True).fill(HOSTILE)
    lines.get_by_role("button", name="Create a token").click()
    expect(lines.locator(".secret")).to_contain_text("dt_")
    token = lines.locator(".secret code").inner_text()
    assert_accessible(lines)

    lines.get_by_role("link", name="How this Mac stands").click()
    expect(lines.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    lines.locator("summary", has_text="Revoke").click()
    assert_accessible(lines)
    lines.get_by_role("button", name="Revoke").click()

    expect(lines.get_by_role("status")).to_contain_text("let in no more")
    revoked = lines.get_by_role("region", name="Macs").locator("details", has_text="Revoked lately")
    expect(revoked).to_contain_text("<img src=x")
    assert "pwned" not in lines.title()
    assert says_hello(lines, blueport, token) == 401


def test_with_several_accounts_the_pages_fit_and_can_be_narrowed_to_one(lines: Page, blueport: Blueport) -> None:
    name = "Acme Support of the Northern and the Southern Regions, Incorporated"
    database = str(blueport.folder / "blueport.db")
    says(blueport, "accounts", "create", name, "--owner", "a@example.com", "--database", database)
    lines.reload()
    assert_accessible(lines)

    lines.get_by_label("Account").select_option(name)

    expect(lines.get_by_role("region", name="Macs")).to_contain_text("No Mac is paired")
    assert_accessible(lines)
    lines.get_by_role("link", name="Pair a Mac").click()
    expect(lines.get_by_label("Account")).to_have_value(lines.url.rpartition("=")[2])
    assert_accessible(lines)


def test_everything_works_without_javascript(lines: Page, blueport: Blueport) -> None:
    state = lines.context.storage_state()
    context = lines.context.browser.new_context(java_script_enabled=False, storage_state=state)  # type: ignore[union-attr]
    page = context.new_page()
    page.goto(f"{blueport.said['api_url']}/dashboard/lines/pair")
    page.get_by_label("Name", exact=True).fill("without")
    page.get_by_role("button", name="Create a code").click()
    page.get_by_role("link", name="see how the pairing stands").click()

    expect(page.get_by_role("region", name="How it stands")).to_contain_text("waiting")
    assert urlsplit(page.url).path.endswith("/pairing")
    page.get_by_role("link", name="without").click()
    page.locator("summary", has_text="Revoke").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("region", name="Macs")).not_to_contain_text("waits for its Mac")
    context.close()
