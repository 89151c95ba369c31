"""The audit log on the dashboard: what it tells of whom, in words, and how one looks through it."""

import html
import re
from typing import get_args

import pytest

from blueport.server.auditing.service import Action
from blueport.server.dashboard.audit import queries, words
from blueport.server.dashboard.audit.views import AT_ONCE
from blueport.server.operating import service as operating
from blueport.server.operating.service import KeyTerms
from tests.server.browsers import EMAIL, Browser
from tests.server.dashboard import older
from tests.server.world import ADA, Customer, World, text_from

AUDIT = "/dashboard/audit"
_TAG = re.compile(r"<[^>]*>")


def rows(owner: Browser, query: str = "") -> list[list[str]]:
    """Return what a page tells, cell by cell, but for when."""
    page = owner.get(AUDIT + query).text
    lines = re.findall(r"<tr[^>]*>(.*?)</tr>", page.partition("<tbody>")[2].partition("</tbody>")[0], re.DOTALL)
    return [[_plain(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", line, re.DOTALL)][1:] for line in lines]


def told(owner: Browser, query: str = "") -> list[str]:
    """Return what was done to what."""
    return [f"{row[1]}: {row[2]}" for row in rows(owner, query)]


def behind(owner: Browser, query: str) -> str:
    """Return what a page leads on to."""
    return older(owner.get(AUDIT + query).text).removeprefix(AUDIT)


def _plain(markup: str) -> str:
    return html.unescape(_TAG.sub("", markup)).strip()


class TestEntries:
    def test_who_and_what_are_told_by_what_they_are_called(self, owner: Browser, alice: Customer) -> None:
        key = alice.world.do(operating.create_key, alice.account_id, KeyTerms("an agent"))
        alice.webhook("https://agent.example.com/hook?token=hunter2")
        renamed = {"name": "Alice & Sons", "was-name": "Alice", "owner": "", "was-owner": ""}
        owner.post(f"/dashboard/settings/{alice.account_id}", renamed)

        changed, hooked, made = rows(owner, f"?account={alice.account_id}")
        assert changed[:3] == [EMAIL, "Changed an account", "Alice & Sons name"]
        assert hooked[0].startswith("a key …")
        assert hooked[1:3] == ["Created a webhook", "agent.example.com/hook"]
        assert made[:3] == ["the operator", "Created an API key", f"an agent …{key.key[-4:]} all"]
        assert changed[-1].startswith("192.0.2.1 req_")

    def test_it_leads_to_what_it_tells_of(self, owner: Browser, alice: Customer) -> None:
        key = alice.world.do(operating.create_key, alice.account_id, KeyTerms("an agent", lines=(alice.line,)))

        page = owner.get(AUDIT).text
        assert f'href="/dashboard/keys/{key.id}"' in page
        assert f'href="/dashboard/lines/{alice.line_id}"' in page

    def test_what_is_gone_is_told_by_its_id(self, owner: Browser, alice: Customer) -> None:
        webhook = alice.webhook("https://agent.example.com/hook")
        alice.delete("/v1/webhooks", {"id": webhook["id"]})

        assert told(owner, f"?account={alice.account_id}") == [
            f"Deleted a webhook: {webhook['id']}",
            f"Created a webhook: {webhook['id']}",
        ]

    def test_what_people_do_is_told_without_their_words(self, owner: Browser, alice: Customer) -> None:
        alice.sets(stop_handling=True)
        alice.mac.sees(text_from(ADA, alice.line, "STOP"))

        assert told(owner)[0] == f"Somebody texted STOP: {ADA}"
        assert rows(owner)[0][0] == "the server"

    def test_a_webhook_tells_no_secret_of_its_url(self, owner: Browser, alice: Customer) -> None:
        alice.webhook("https://agent.example.com/hook?token=hunter2")

        assert "hunter2" not in owner.get(AUDIT).text


class TestLookingThrough:
    def test_it_shows_what_is_asked_for(self, owner: Browser, alice: Customer, bob: Customer) -> None:
        bob.webhook("https://bob.example.com/")
        alice.webhook("https://alice.example.com/")
        key = alice.world.do(operating.list_keys, alice.account_id)[0]
        alice.world.do(operating.revoke_key, key.id, None)

        assert told(owner, f"?account={bob.account_id}") == ["Created a webhook: bob.example.com/"]
        assert told(owner, f"?actor={key.id}") == ["Created a webhook: alice.example.com/"]
        assert told(owner, "?action=key.revoked") == [f"Revoked an API key: a key …{key.last4}"]
        assert told(owner, f"?action=key.revoked&actor={key.id}") == []
        assert f'<option value="{key.id}" selected>a key …' in owner.get(f"{AUDIT}?actor={key.id}").text

    def test_it_leads_on_to_what_is_older(self, owner: Browser, alice: Customer) -> None:
        key = alice.world.do(operating.list_keys, alice.account_id)[0]
        for number in range(AT_ONCE + 2):
            alice.webhook(f"https://{number}.example.com/")
        query = f"?actor={key.id}"

        first, rest = told(owner, query), told(owner, behind(owner, query))
        assert first == [f"Created a webhook: {number}.example.com/" for number in range(AT_ONCE + 1, 1, -1)]
        assert rest == ["Created a webhook: 1.example.com/", "Created a webhook: 0.example.com/"]

    def test_what_is_rare_is_looked_for_in_parts(
        self, owner: Browser, alice: Customer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice.world.do(operating.create_account, "Rare", None)
        for number in range(4):
            alice.webhook(f"https://{number}.example.com/")
        monkeypatch.setattr(queries, "LOOKED_THROUGH", 3)

        assert told(owner, "?action=account.created") == []
        assert "There may be older entries." in owner.get(f"{AUDIT}?action=account.created").text
        assert told(owner, behind(owner, "?action=account.created")) == ["Created an account: Rare"]

    @pytest.mark.parametrize("query", ["?account=%00", "?action=%00", "?actor=%00&action=x", "?before=1", "?actor=%ff"])
    def test_what_nobody_did_is_empty(self, owner: Browser, query: str) -> None:
        assert rows(owner, query) == []

    @pytest.mark.parametrize("before", ["-1", "x", "9" * 30, "²", "%00", "1e3"])
    def test_a_place_that_is_none_is_the_newest(self, owner: Browser, before: str) -> None:
        assert rows(owner, f"?before={before}") == rows(owner) != []


def test_names_are_no_markup(owner: Browser, alice: Customer) -> None:
    hostile = "<script>document.title='pwned'</script>"
    alice.world.do(operating.change_account, alice.account_id, name=hostile)

    page = owner.get(AUDIT).text
    assert hostile not in page
    assert html.escape(hostile, quote=False) in page.replace("&#39;", "'")


def test_nobody_else_reads_it(world: World) -> None:
    assert Browser(world).get(AUDIT).status_code == 303


@pytest.mark.one_store("what actions are called is known without a store")
def test_each_action_is_told_in_words() -> None:
    assert sorted(words.ACTIONS) == sorted(get_args(Action))
