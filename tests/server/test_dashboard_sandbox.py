"""The sandbox on the dashboard: who has a phone on the shared line, and how one is paired."""

import html
from collections.abc import Iterator

import pytest

from blueport.handles import text_link
from blueport.server.authorizing import service as authorizing
from blueport.server.dashboard.rendering import qr
from blueport.server.dashboard.sandbox.views import LIMIT as SHOWN
from blueport.server.operating import service as operating
from blueport.server.operating.service import NewLine
from tests.databases import Database
from tests.server.browsers import Browser
from tests.server.dashboard import entries, led_to, refused, seen
from tests.server.world import ADA, Clock, Customer, World, text_from

SANDBOX = "+15550109999"
LIMIT = 3
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with World(database, Clock(), dashboard_token="a-token", sandbox_daily_limit=LIMIT).open() as world:
        yield world


@pytest.fixture
def olga(world: World) -> Browser:
    return Browser(world).comes_by_token("a-token")


@pytest.fixture
def alice(alice: Customer) -> Customer:
    """Return Alice, on whose Mac the shared line is."""
    line = NewLine(SANDBOX, alice.mac.id, None, "imessage", is_sandbox=True, is_contact_first=True)
    alice.world.do(operating.add_line, alice.account_id, line)
    alice.mac.hello(alice.line, SANDBOX)
    return alice


def gets_a_code(browser: Browser, customer: Customer) -> str:
    """Get a code by the page, and return it as the API has it."""
    place = led_to(browser.post(f"/dashboard/sandbox/{customer.account_id}/begin"))
    assert place == f"/dashboard/sandbox?account={customer.account_id}"
    return customer.get("/v1/sandbox").json()["activation_code"]


def texts(customer: Customer, text: str) -> None:
    """Have Ada text the shared line."""
    customer.mac.sees(text_from(ADA, SANDBOX, text))


def test_a_phone_is_paired_by_the_code_that_the_page_shows(olga: Browser, alice: Customer) -> None:
    assert "No phone is paired" in seen(olga, "/dashboard/sandbox")
    code = gets_a_code(olga, alice)
    assert entries(alice) == [("operator", "sandbox.begun", None)]

    shown = olga.get("/dashboard/sandbox").text
    assert code in seen(olga, "/dashboard/sandbox")
    assert f'href="{text_link(SANDBOX, code)}"' in shown
    assert qr(text_link(SANDBOX, code)) in shown
    texts(alice, code)

    told = seen(olga, "/dashboard/sandbox")
    assert f"Paired with {ADA}" in told
    assert code not in told


def test_what_was_sent_today_is_counted_as_the_api_counts_it(olga: Browser, alice: Customer) -> None:
    olga.get("/dashboard/sandbox")
    texts(alice, gets_a_code(olga, alice))
    body = {"from": SANDBOX, "to": ADA, "text": "Hi"}
    assert alice.post("/v1/messages", body).status_code == 201

    assert f"Sent today: 1 of {LIMIT}" in seen(olga, "/dashboard/sandbox")
    alice.world.pass_time(24 * 3_600_000)
    assert f"Sent today: 0 of {LIMIT}" in seen(olga, "/dashboard/sandbox")


def test_another_phone_is_paired_once_the_first_is_let_go(olga: Browser, alice: Customer) -> None:
    olga.get("/dashboard/sandbox")
    code = gets_a_code(olga, alice)
    texts(alice, code)

    place = led_to(olga.post(f"/dashboard/sandbox/{alice.account_id}/renew"))

    assert "There is a fresh code" in seen(olga, place)
    answer = alice.get("/v1/sandbox").json()
    assert (answer["status"], answer["contact_identifier"]) == ("pending", None)
    assert answer["activation_code"] != code
    assert answer["activation_code"] in seen(olga, "/dashboard/sandbox")
    assert entries(alice) == [("operator", "sandbox.unpaired", "renewed")]


def test_of_several_accounts_there_is_a_list_that_leads_to_each(olga: Browser, alice: Customer, bob: Customer) -> None:
    alice.world.sql("UPDATE accounts SET name = ? WHERE id = ?", HOSTILE, bob.account_id)
    olga.get("/dashboard/sandbox")
    code = gets_a_code(olga, bob)

    everything = seen(olga, "/dashboard/sandbox")
    assert "Alice no phone" in everything
    assert f"{HOSTILE} waits for the code" in everything
    assert code not in everything
    assert HOSTILE not in olga.get("/dashboard/sandbox").text
    assert code in seen(olga, f"/dashboard/sandbox?account={bob.account_id}")


def test_a_list_of_many_goes_on(olga: Browser, alice: Customer) -> None:
    for number in range(SHOWN):
        alice.world.do(authorizing.new_account, f"number {number}", "owner@example.com")

    first = olga.get("/dashboard/sandbox").text
    more = html.unescape(first.rpartition('href="')[2].partition('"')[0])

    assert first.count("no phone") == SHOWN
    assert seen(olga, more).count("no phone") == 1


def test_an_account_without_an_owner_has_none(olga: Browser, alice: Customer) -> None:
    alice.world.sql("UPDATE accounts SET owner = NULL")

    assert "no owner" in seen(olga, "/dashboard/sandbox")
    answer = olga.post(f"/dashboard/sandbox/{alice.account_id}/begin")
    assert "without an owner" in refused(answer)
    assert alice.world.rows("sandbox_pairings") == 0


def test_without_a_sandbox_line_it_says_what_that_is(olga: Browser, bob: Customer) -> None:
    assert "There is no sandbox line" in seen(olga, "/dashboard/sandbox")
    assert "There is no sandbox line" in refused(olga.post(f"/dashboard/sandbox/{bob.account_id}/begin"))


@pytest.mark.one_store("what is not there is not there in either")
def test_what_is_not_there_is_not_found(olga: Browser, alice: Customer) -> None:
    assert alice
    olga.get("/dashboard/sandbox")

    assert olga.get("/dashboard/sandbox?account=acc_0").status_code == 404
    assert olga.post("/dashboard/sandbox/acc_0/begin").status_code == 404
    assert olga.post("/dashboard/sandbox/acc_0/renew").status_code == 404
