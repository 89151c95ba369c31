"""API keys on the dashboard: how one is made, rolled and ended, and what the API then makes of it."""

import html
import re
from typing import Any

import httpx2
import pytest

from blueport.server.authorizing.keys import SCOPES
from blueport.server.dashboard.keys import rights
from blueport.server.dashboard.keys.views import AT_ONCE, lasting
from blueport.server.operating import service as operating
from blueport.server.operating.service import Key, KeyTerms
from tests.server.browsers import Browser
from tests.server.dashboard import older
from tests.server.world import HOUR_MS, Caller, Customer, World

DAY_MS = 24 * HOUR_MS
KEYS = "/dashboard/keys"
SECRET = re.compile(r"sk_live_\w{36}")
ROW = re.compile(r'href="/dashboard/keys/(key_\w+)"')
HOSTILE = "<script>document.title='pwned'</script>"
# As the form has it before anything is chosen.
USUAL = {"name": "an agent", "rights": "all", "reach": "all", "expiry": "never"}


def new_key(owner: Browser, customer: Customer, **chosen: Any) -> httpx2.Response:
    """Post the form by which a key is made for an account; no two keys are of the same moment."""
    customer.world.clock.ms += 1
    return owner.post(f"{KEYS}/new?account={customer.account_id}", USUAL | chosen)


def roll(owner: Browser, customer: Customer, **chosen: str) -> httpx2.Response:
    """Post the form by which the newest key of an account is rolled."""
    key_id = newest(customer).id
    customer.world.clock.ms += 1
    return owner.post(f"{KEYS}/{key_id}/roll", chosen)


def caller(customer: Customer, answer: httpx2.Response) -> Caller:
    """Return somebody with the key that a page tells."""
    assert answer.status_code == 200, answer.text
    (secret,) = set(SECRET.findall(answer.text))
    return Caller(customer.world, secret)


def newest(customer: Customer) -> Key:
    return customer.world.do(operating.list_keys, customer.account_id)[-1]


def listed(owner: Browser, query: str = "") -> list[str]:
    return ROW.findall(owner.get(KEYS + query).text)


class TestMaking:
    def test_a_key_may_do_everything_unless_that_is_narrowed(self, owner: Browser, alice: Customer) -> None:
        made = caller(alice, new_key(owner, alice))

        assert made.get("/v1/lines").status_code == 200
        key = newest(alice)
        assert (key.name, key.scopes, key.line_ids, key.expires_at) == ("an agent", SCOPES, None, None)

    def test_a_key_may_do_what_was_ticked_where_that_was_ticked(self, owner: Browser, alice: Customer) -> None:
        alice.world.add_line(alice.account_id, "+15550101009", alice.mac)
        ticked = {"rights": "some", "scope": ["lines:read"], "reach": "some", "line": [alice.line_id]}
        made = caller(alice, new_key(owner, alice, **ticked))

        assert [line["handle"] for line in made.get("/v1/lines").json()["data"]] == [alice.line]
        assert made.get("/v1/settings").json()["error"]["code"] == "insufficient_scope"

    def test_its_secret_is_shown_just_once(self, owner: Browser, alice: Customer) -> None:
        secret = caller(alice, new_key(owner, alice)).key
        key = newest(alice)

        for path in (KEYS, f"{KEYS}/{key.id}", f"{KEYS}/{key.id}/roll", "/dashboard/audit"):
            page = owner.get(path).text
            assert key.last4 in page
            assert secret not in page

    def test_it_is_told_with_what_can_be_tried_at_once(self, owner: Browser, alice: Customer) -> None:
        able = new_key(owner, alice, rights="some", scope=["settings:read"]).text
        unable = new_key(owner, alice, rights="some", scope=["typing:write"]).text

        assert "curl http://testserver/v1/settings -H" in html.unescape(able)
        assert "curl" not in unable
        assert "MESSAGES_API_URL=http://testserver" in unable

    def test_a_key_ends_when_it_was_said_to(self, owner: Browser, alice: Customer) -> None:
        made = caller(alice, new_key(owner, alice, expiry="30d"))

        alice.world.clock.ms += 30 * DAY_MS - 1
        assert made.get("/v1/lines").status_code == 200
        alice.world.clock.ms += 1
        assert made.get("/v1/lines").status_code == 401

    def test_a_key_is_good_for_all_of_its_last_day(self, owner: Browser, alice: Customer) -> None:
        new_key(owner, alice, expiry="on", until="2025-10-09")

        assert newest(alice).expires_at == 1_760_054_400_000  # when the tenth begins, in UTC

    def test_a_key_keeps_to_its_own_limit(self, owner: Browser, alice: Customer) -> None:
        made = caller(alice, new_key(owner, alice, hourly_limit="2"))

        assert [made.get("/v1/lines").status_code for _ in range(3)] == [200, 200, 429]

    @pytest.mark.parametrize(
        ("chosen", "why"),
        [
            ({"name": " "}, "A name has"),
            ({"name": "a\nb"}, "A name has"),
            ({"name": "a" * 201}, "A name has"),
            ({"rights": "some"}, "Tick at least one thing"),
            ({"rights": "some", "scope": ["lines:rule"]}, "Tick at least one thing"),
            ({"scope": ["lines:read"]}, "choose one of the two"),
            ({"reach": "some"}, "Tick at least one line"),
            ({"line": ["ln_1"]}, "choose one of the two"),
            ({"reach": "some", "line": ["ln_1"]}, "No such line"),
            ({"expiry": "soon"}, "Choose when the key expires"),
            ({"expiry": "on"}, "as in 2027-01-31"),
            ({"expiry": "on", "until": "2025-02-30"}, "as in 2027-01-31"),
            ({"expiry": "on", "until": "2025-10-08"}, "today or later"),
            ({"expiry": "on", "until": "2035-12-31"}, "within ten years"),
            ({"expiry": "on", "until": "9999-12-31"}, "within ten years"),
            ({"hourly_limit": "0"}, "a whole number from 1"),
            ({"hourly_limit": "-5"}, "a whole number from 1"),
            ({"hourly_limit": "²"}, "a whole number from 1"),
            ({"hourly_limit": "1000000000"}, "a whole number from 1"),
        ],
    )
    def test_what_cannot_be_is_refused_with_what_was_written(
        self, owner: Browser, alice: Customer, chosen: Any, why: str
    ) -> None:
        before = alice.world.rows("api_keys")
        answer = new_key(owner, alice, **({"name": "kept as it was"} | chosen))

        assert answer.status_code == 422
        assert why in html.unescape(answer.text)
        assert ("kept as it was" in answer.text) is ("name" not in chosen)
        assert 'name="csrf"' in answer.text
        assert alice.world.rows("api_keys") == before

    def test_what_no_database_holds_is_no_form(self, owner: Browser, alice: Customer) -> None:
        answer = new_key(owner, alice, reach="some", line=["\0"])

        assert (answer.status_code, "no NUL character" in answer.text) == (400, True)

    def test_what_was_ticked_stays_so(self, owner: Browser, alice: Customer) -> None:
        ticked = {"rights": "some", "scope": ["lines:read", "chats:read"], "reach": "some", "line": [alice.line_id]}
        page = new_key(owner, alice, **ticked, expiry="on", until="2025-10-08", hourly_limit="7").text

        checked = set(re.findall(r'value="([^"]+)" checked', page))
        assert checked == {"some", "lines:read", "chats:read", alice.line_id, "on"}
        assert 'value="2025-10-08"' in page
        assert 'value="7"' in page

    def test_the_line_of_another_is_none(self, owner: Browser, alice: Customer, bob: Customer) -> None:
        answer = new_key(owner, alice, reach="some", line=[bob.line_id])

        assert (answer.status_code, "No such line" in answer.text) == (422, True)
        assert bob.line not in answer.text

    def test_among_several_accounts_one_has_to_be_chosen(self, owner: Browser, alice: Customer) -> None:
        assert "For which account?" not in owner.get(f"{KEYS}/new").text
        bob = alice.world.customer("Bob", "+15550102000")

        assert "For which account?" in owner.get(f"{KEYS}/new").text
        assert owner.post(f"{KEYS}/new", USUAL).status_code == 404
        assert bob.line in owner.get(f"{KEYS}/new?account={bob.account_id}").text

    def test_without_an_account_there_is_a_way_to_one(self, owner: Browser) -> None:
        assert 'href="/dashboard/settings/new"' in owner.get(f"{KEYS}/new").text


class TestRolling:
    def test_the_new_key_takes_the_place_of_the_old_one(self, owner: Browser, alice: Customer) -> None:
        old = caller(alice, new_key(owner, alice, rights="some", scope=["lines:read"], hourly_limit="9"))
        new = caller(alice, roll(owner, alice, overlap="1h", expiry="same"))

        assert [each.get("/v1/lines").status_code for each in (old, new)] == [200, 200]
        alice.world.clock.ms += HOUR_MS
        assert [each.get("/v1/lines").status_code for each in (old, new)] == [401, 200]
        key = newest(alice)
        assert (key.scopes, key.hourly_limit, key.expires_at) == (("lines:read",), 9, None)

    def test_a_key_that_leaked_ends_at_once(self, owner: Browser, alice: Customer) -> None:
        old = caller(alice, new_key(owner, alice))
        caller(alice, roll(owner, alice, overlap="0", expiry="90d"))

        assert old.get("/v1/lines").status_code == 401
        assert newest(alice).lives_ms == 90 * DAY_MS

    @pytest.mark.parametrize("form", [{"overlap": "0", "expiry": "x"}, {"overlap": "-1", "expiry": "same"}, {}])
    def test_what_is_no_choice_is_refused(self, owner: Browser, alice: Customer, form: Any) -> None:
        key_id = newest(alice).id
        answer = roll(owner, alice, **form)

        assert (answer.status_code, "Choose how long" in answer.text) == (422, True)
        assert newest(alice).id == key_id

    def test_an_ended_key_has_no_successor(self, owner: Browser, alice: Customer) -> None:
        owner.post(f"{KEYS}/{newest(alice).id}/revoke")
        answer = roll(owner, alice, overlap="0", expiry="same")

        assert answer.status_code == 422
        assert "is revoked: create a new key instead" in answer.text


class TestRevoking:
    def test_the_next_request_is_refused(self, owner: Browser, alice: Customer) -> None:
        key_id = newest(alice).id
        answer = owner.post(f"{KEYS}/{key_id}/revoke")

        assert (answer.status_code, answer.headers["location"]) == (303, f"{KEYS}/{key_id}?notice=key-revoked")
        assert alice.get("/v1/lines").status_code == 401
        assert f"{KEYS}/{key_id}/revoke" not in owner.get(f"{KEYS}/{key_id}").text

    def test_a_second_time_is_told(self, owner: Browser, alice: Customer) -> None:
        key_id = newest(alice).id
        answers = [owner.post(f"{KEYS}/{key_id}/revoke") for _ in range(2)]

        assert [answer.status_code for answer in answers] == [303, 422]
        assert "is revoked already" in answers[1].text


class TestList:
    def test_it_shows_those_of_an_account_that_are_good(self, owner: Browser, alice: Customer, bob: Customer) -> None:
        alice.world.clock.ms += 1
        ended = alice.world.do(operating.create_key, alice.account_id, KeyTerms("brief", lives_ms=1)).id
        alice.world.clock.ms += 1

        assert listed(owner, f"?account={bob.account_id}") == [newest(bob).id]
        assert listed(owner, "?ended=1") == [ended, *listed(owner)]
        assert ended not in listed(owner, f"?account={alice.account_id}")
        assert listed(owner, f"?account={alice.account_id}&ended=1")[0] == ended

    def test_it_leads_on_to_what_is_older(self, owner: Browser, alice: Customer) -> None:
        for _ in range(AT_ONCE + 2):
            alice.world.clock.ms += 1
            alice.world.do(operating.create_key, alice.account_id, KeyTerms("one of many"))
        all_of_them = [key.id for key in alice.world.do(operating.list_keys, alice.account_id)][::-1]

        page = owner.get(f"{KEYS}?account={alice.account_id}").text

        assert ROW.findall(page) == all_of_them[:AT_ONCE]
        assert ROW.findall(owner.get(older(page)).text) == all_of_them[AT_ONCE:]

    def test_names_are_no_markup(self, owner: Browser, alice: Customer) -> None:
        new_key(owner, alice, name=HOSTILE)

        for path in (KEYS, f"{KEYS}/{newest(alice).id}", f"{KEYS}/{newest(alice).id}/roll", "/dashboard/audit"):
            page = owner.get(path).text
            assert HOSTILE not in page
            assert "&lt;script&gt;" in page

    @pytest.mark.parametrize("query", ["?account=%00", "?before=%00", "?before=%ff", "?account=acc_1&before=~"])
    def test_what_is_no_place_shows_no_key(self, owner: Browser, alice: Customer, query: str) -> None:
        assert alice.key
        assert owner.get(KEYS + query).status_code in (200, 404)


@pytest.mark.parametrize(
    "path",
    [
        *(f"{KEYS}/key_1", f"{KEYS}/key_1/roll", f"{KEYS}/%00", f"{KEYS}/new?account=acc_1"),
    ],
)
def test_what_is_not_there_is_not_found(owner: Browser, path: str) -> None:
    assert owner.get(path).status_code == 404


def test_a_page_that_is_not_there_is_not_followed(owner: Browser) -> None:
    for of in (f"{KEYS}/key_1", f"{KEYS}/%2500", f"{KEYS}/new"):
        assert owner.get(f"/dashboard/live?of={of}").text == ""


@pytest.mark.parametrize("path", ["new", "key_1/roll", "key_1/revoke"])
def test_nobody_else_changes_keys(world: World, owner: Browser, path: str) -> None:
    assert Browser(world).post(f"{KEYS}/{path}", USUAL).status_code in (303, 403)
    assert owner.post(f"{KEYS}/{path}", USUAL | {"csrf": "0" * 64}).status_code == 403


def test_the_log_says_who_did_it(owner: Browser, alice: Customer) -> None:
    new_key(owner, alice)
    roll(owner, alice, overlap="0", expiry="same")
    owner.post(f"{KEYS}/{newest(alice).id}/revoke")

    entries = alice.world.do(operating.entries, alice.account_id, 10)[::-1]
    assert [(entry.action, entry.address) for entry in entries] == [
        ("key.created", "192.0.2.1"),
        ("key.rolled", "192.0.2.1"),
        ("key.revoked", "192.0.2.1"),
    ]
    ((user_id,),) = alice.world.sql("SELECT id FROM users")
    assert {entry.actor for entry in entries} == {user_id}
    assert all(entry.request_id for entry in entries)


@pytest.mark.one_store("what is said of scopes is known without a store")
class TestWords:
    def test_each_scope_is_explained_once(self) -> None:
        explained = [right.scope for group in rights.GROUPS for right in group.rights]

        assert sorted(explained) == sorted(SCOPES)

    def test_scopes_are_told_in_a_line(self) -> None:
        assert rights.in_words(SCOPES) == "everything"
        assert rights.in_words(["lines:read", "messages:write", "messages:read"]) == (
            "messages (read, write), lines (read)"
        )

    def test_a_time_is_told_as_people_do(self) -> None:
        times = [30 * DAY_MS, DAY_MS, 2 * HOUR_MS, 60_000, 1]

        assert [lasting(ms) for ms in times] == ["30 days", "1 day", "2 hours", "1 minute", "less than a minute"]
