"""Becoming the owner, signing out and in again, in a real browser, which says itself where its forms come from."""

from playwright.sync_api import Browser, Page, expect

from tests.pages.judging import assert_accessible
from tests.system.blueport import Blueport
from tests.system.test_keys_on_the_command_line import wanted

EMAIL = "olga@example.com"
PASSWORD = "three tame otters"
NEW_PASSWORD = "four wild badgers"
DATABASE = ("--database", "blueport.db")


def test_who_has_a_link_becomes_the_owner_and_signs_out_and_in_again(
    page: Page, browser: Browser, blueport: Blueport
) -> None:
    url = blueport.said["api_url"]
    page.goto(f"{url}/dashboard/me")
    expect(page.get_by_text("This installation has no owner yet.")).to_be_visible()
    assert_accessible(page)

    page.goto(wanted(blueport.folder, "dashboard", "link", "--url", url, *DATABASE))
    assert_accessible(page)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Become the owner").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_role("link", name=EMAIL).first.click()
    expect(page.get_by_role("region", name="Where you are signed in")).to_contain_text("this one")
    assert_accessible(page)

    page.get_by_role("button", name="Sign out").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto(f"{url}/dashboard/me")
    with browser.new_context() as elsewhere:  # whose console tells of a refusal
        wrong = elsewhere.new_page()
        wrong.goto(page.url)
        wrong.get_by_label("E-mail").fill(EMAIL)
        wrong.get_by_label("Password").fill(f"{PASSWORD}!")
        wrong.get_by_label("Password").press("Enter")
        expect(wrong.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
        assert_accessible(wrong)
    signs_in(page, PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text(EMAIL)

    ends_all_others(page, browser)
    changes_the_password(page)


def ends_all_others(page: Page, browser: Browser) -> None:
    with browser.new_context() as elsewhere:
        other = elsewhere.new_page()
        other.goto(page.url)
        signs_in(other, PASSWORD)
        expect(page.get_by_role("region", name="Where you are signed in").get_by_role("row")).to_have_count(3)
        page.get_by_role("button", name="End all others").press("Enter")
        expect(page.get_by_role("status")).to_have_text("All other sessions have ended.")
        other.reload()
        expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")


def changes_the_password(page: Page) -> None:
    page.get_by_role("link", name="Change the password").click()
    assert_accessible(page)
    page.get_by_label("Old password").fill(PASSWORD)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_label("New password").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_role("button", name="Sign out").first.click()
    signs_in(page, NEW_PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def signs_in(page: Page, password: str) -> None:
    page.get_by_label("E-mail").fill(EMAIL.upper())
    page.get_by_label("Password").fill(password)
    page.get_by_label("Password").press("Enter")
