"""Settings on the dashboard: what becomes of an account, and what is told of the installation."""

import html
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from blueport.server.dashboard.installation import facts_of
from blueport.server.dashboard.settings.views import AT_ONCE
from blueport.server.operating import service as operating
from blueport.server.sealing import new_sealing_key
from blueport.server.settings import Settings
from tests.databases import Database
from tests.server.browsers import Browser
from tests.server.world import Clock, Customer, World

SETTINGS = "/dashboard/settings"
HOSTILE = "<script>document.title='pwned'</script>"
_FIELD = re.compile(r'<input[^>]*\bname="([^"]+)"[^>]*>')
_VALUE = re.compile(r'\bvalue="([^"]*)"')


def form_of(owner: Browser, account_id: str) -> dict[str, str]:
    """Return the form of an account as a browser would post it."""
    page = owner.get(f"{SETTINGS}/{account_id}").text.partition("<form class=")[2]
    fields = [
        (found[1], found[0]) for found in _FIELD.finditer(page) if "checkbox" not in found[0] or " checked" in found[0]
    ]
    return {name: html.unescape((_VALUE.search(tag) or [""])[1]) for name, tag in fields if (_VALUE.search(tag))}


def save(browser: Browser, account_id: str, /, **changed: Any) -> httpx2.Response:
    """Change some fields of an account's form, and post it."""
    form = form_of(browser, account_id) | changed
    return browser.post(f"{SETTINGS}/{account_id}", {name: value for name, value in form.items() if value is not None})


def audited(customer: Customer) -> list[tuple[str, str | None]]:
    entries = customer.world.do(operating.entries, customer.account_id, 10)
    return [(entry.action, entry.detail) for entry in entries[::-1]]


class TestAccounts:
    def test_what_is_set_holds_at_the_api(self, owner: Browser, alice: Customer) -> None:
        answer = save(owner, alice.account_id, extended_events="1", pace_ms="250", loop_limit="0", loop_pause_s="9")

        assert answer.headers["location"] == f"{SETTINGS}/{alice.account_id}?notice=saved"
        told = alice.get("/v1/settings").json()
        assert (told["extended_events"], told["stop_handling"]) == (True, False)
        assert told["pacing"] == {"interval_ms": 250, "burst": 5}
        assert told["loop_guard"] == {"limit": 0, "window_s": 120, "pause_s": 9}

    def test_what_is_emptied_is_as_the_installation_does(self, owner: Browser, alice: Customer) -> None:
        alice.sets(pacing={"interval_ms": 250, "burst": 2}, stop_handling=True)
        save(owner, alice.account_id, pace_burst="", stop_handling=None)

        told = alice.get("/v1/settings").json()
        assert (told["stop_handling"], told["pacing"]) == (False, {"interval_ms": 250, "burst": 5})

    def test_what_others_set_meanwhile_stays(self, owner: Browser, alice: Customer) -> None:
        form = form_of(owner, alice.account_id)
        alice.sets(extended_events=True, pacing={"interval_ms": 333})
        owner.post(f"{SETTINGS}/{alice.account_id}", form | {"pace_burst": "7"})

        told = alice.get("/v1/settings").json()
        assert told["extended_events"]
        assert told["pacing"] == {"interval_ms": 333, "burst": 7}

    def test_the_log_says_what_was_changed_and_nothing_if_nothing_was(self, owner: Browser, alice: Customer) -> None:
        save(owner, alice.account_id)
        assert audited(alice) == []

        save(owner, alice.account_id, name="Alice & Sons", pace_burst="7")
        assert audited(alice) == [("account.changed", "name"), ("settings.changed", "pace_burst=7")]

    def test_an_account_can_be_nobodys(self, owner: Browser, alice: Customer) -> None:
        save(owner, alice.account_id, owner="")
        assert alice.world.sql("SELECT name, owner FROM accounts") == [("Alice", None)]

        save(owner, alice.account_id, owner="ada@example.com")
        assert alice.world.sql("SELECT name, owner FROM accounts") == [("Alice", "ada@example.com")]

    @pytest.mark.parametrize(
        ("changed", "why"),
        [
            ({"name": " "}, "A name has"),
            ({"name": "a\tb"}, "A name has"),
            ({"name": "Bob"}, "There is an account named 'Bob' already"),
            ({"owner": "a\nb"}, "A name has"),
            ({"pace_ms": "-1"}, "a whole number from 0 to 3,600,000"),
            ({"pace_ms": "fast"}, "a whole number from 0 to 3,600,000"),
            ({"pace_burst": "0"}, "a whole number from 1 to 1,000"),
            ({"loop_limit": "1001"}, "a whole number from 0 to 1,000"),
            ({"loop_window_s": "1.5"}, "a whole number from 1 to 3,600"),
            ({"loop_pause_s": "²"}, "a whole number from 1 to 86,400"),
        ],
    )
    def test_what_cannot_be_is_refused_with_what_was_written(
        self, owner: Browser, alice: Customer, bob: Customer, changed: dict[str, str], why: str
    ) -> None:
        answer = save(owner, alice.account_id, extended_events="1", **changed)

        assert bob.line
        assert answer.status_code == 422
        page = html.unescape(answer.text)
        assert why in page
        ((name, value),) = changed.items()
        assert re.search(rf'name="{name}"[^>]*value="{re.escape(value.strip())}"', page)
        assert 'name="extended_events" value="1" checked' in page
        assert audited(alice) == []

    def test_after_a_refusal_the_form_still_knows_what_was_there(self, owner: Browser, alice: Customer) -> None:
        page = save(owner, alice.account_id, name="Alice & Sons", pace_ms="fast").text

        assert 'name="was-name" value="Alice"' in page
        assert 'name="was-pace_ms" value=""' in page

    def test_a_new_one_is_made(self, owner: Browser, world: World) -> None:
        answer = owner.post(f"{SETTINGS}/new", {"name": "Acme", "owner": ""})

        account_id = re.fullmatch(rf"{SETTINGS}/(acc_\w+)\?notice=account-made", answer.headers["location"])
        assert account_id is not None
        assert world.sql("SELECT id, name, owner FROM accounts") == [(account_id[1], "Acme", None)]

    @pytest.mark.parametrize(("name", "why"), [("", "A name has"), ("Alice", "There is an account named")])
    def test_a_new_one_has_a_name_of_its_own(self, owner: Browser, alice: Customer, name: str, why: str) -> None:
        answer = owner.post(f"{SETTINGS}/new", {"name": name, "owner": "olga@example.com"})

        assert alice.account_id
        assert (answer.status_code, why in html.unescape(answer.text)) == (422, True)
        assert 'value="olga@example.com"' in answer.text

    def test_many_are_shown_in_parts(self, owner: Browser, world: World) -> None:
        for number in range(AT_ONCE + 1):
            world.clock.ms += 1
            world.do(operating.create_account, f"Account {number:03}", None)

        page = owner.get(SETTINGS).text
        more = re.search(r'href="(/dashboard/settings\?after=[^"]+)">More', page)
        assert more is not None
        assert re.findall(r"Account \d+", page) == [f"Account {number:03}" for number in range(AT_ONCE)]
        assert re.findall(r"Account \d+", owner.get(more[1]).text) == [f"Account {AT_ONCE:03}"]

    def test_names_are_no_markup(self, owner: Browser, alice: Customer) -> None:
        save(owner, alice.account_id, name=HOSTILE, owner=HOSTILE)

        for path in (SETTINGS, f"{SETTINGS}/{alice.account_id}"):
            page = owner.get(path).text
            assert HOSTILE not in page
            assert "&lt;script&gt;" in page

    @pytest.mark.parametrize("path", ["acc_1", "%00"])
    def test_what_is_not_there_is_not_found(self, owner: Browser, path: str) -> None:
        assert owner.get(f"{SETTINGS}/{path}").status_code == 404
        assert owner.post(f"{SETTINGS}/{path}", {"name": "Acme"}).status_code == 404


class TestInstallation:
    @pytest.fixture
    def world(self, database: Database) -> Iterator[World]:
        settings = {
            "secrets_key": new_sealing_key(),
            "metrics_token": "a-metrics-token",
            "dashboard_token": "a-dashboard-token",
            "webhook_allow": "n8n, 192.168.1.0/24",
            "public_url": "https://imessage.example.com",
            "hourly_limit": 12_345,
        }
        with World(database, Clock(), **settings).open() as world:
            yield world

    def test_it_tells_what_it_is_started_with_and_no_secret(self, world: World) -> None:
        browser = Browser(world)
        browser.get("/dashboard?token=a-dashboard-token")
        page = html.unescape(browser.get(SETTINGS).text)

        for told in ("https://imessage.example.com", "n8n, 192.168.1.0/24", "12,345", "are sealed", "BLUEPORT_ROLE"):
            assert told in page
        for secret in (str(world.settings.secrets_key), "a-metrics-token", "a-dashboard-token", world.database.named):
            assert secret not in page


@pytest.mark.one_store("told of settings alone")
class TestFacts:
    def test_no_text_of_a_setting_that_may_be_a_secret_is_told(self) -> None:
        secret = "hunter2hunter2"
        names = [
            *("secrets_key", "dashboard_token", "metrics_token", "first_key", "first_daemon_token", "database_direct"),
            *("s3_access_key_id", "s3_secret_access_key", "s3_endpoint", "s3_region"),
        ]
        settings = Settings(
            database=f"postgresql://blueport:{secret}@db/blueport",
            files=f"s3://{secret}/files",
            **dict.fromkeys(names, secret),
        )

        told = str(facts_of(settings))
        assert secret not in told
        assert "PostgreSQL" in told
        assert "in S3" in told

    def test_each_variable_is_one_that_is_read(self) -> None:
        facts = [fact for group in facts_of(Settings()) for fact in group.facts]

        for fact in facts:
            assert fact.variable.removeprefix("BLUEPORT_").lower() in Settings.__struct_fields__
