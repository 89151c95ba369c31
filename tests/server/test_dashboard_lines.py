"""Lines and Macs on the dashboard: what is said of them, and what is done there."""

import html
import re
from collections.abc import Iterator

import httpx2
import msgspec
import pytest

from blueport.protocol.door import Hello, Pair
from blueport.server.authorizing.codes import MOST_WRONG_TRIES
from blueport.server.authorizing.keys import new_daemon_token
from blueport.server.dashboard.lines.words import CAPABILITIES, CONDITIONS
from blueport.server.operating import service as operating
from blueport.server.operating.service import NewLine
from tests.databases import Database
from tests.server.browsers import Browser
from tests.server.dashboard import entries, led_to, refused, seen, words
from tests.server.world import ADA, HOUR_MS, MINUTE_MS, SECOND_MS, Clock, Customer, Json, World

LIMIT = 8
NEW_LINE = "+15550108888"
HOSTILE = "<script>alert(1)</script>"
CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with World(database, Clock(), line_hourly_limit=LIMIT, dashboard_token="a-token").open() as world:
        yield world


@pytest.fixture
def olga(world: World) -> Browser:
    return Browser(world).comes_by_token("a-token")


def form_of_a_line(customer: Customer, **fields: Json) -> dict[str, Json]:
    usual = {"handle": "+1 555 010 8888", "account": customer.account_id, "service": "imessage"}
    return {**usual, "contact_first": "on", **fields}


def asks(world: World, code: str, token: str) -> int:
    """Use a code as a Mac would."""
    return world.client.post("/daemon/v1/pair", content=msgspec.json.encode(Pair(code, token))).status_code


def says_hello(world: World, token: str, process: str = "another") -> int:
    body = msgspec.json.encode(Hello("a journal", "9.9", (), process))
    headers = {"Authorization": f"Bearer {token}"}
    return world.client.post("/daemon/v1/hello", content=body, headers=headers).status_code


def code_in(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, words(answer)
    found = CODE.search(answer.text)
    assert found is not None
    return found[0]


class TestLines:
    @pytest.mark.one_store("words are drawn the same wherever the numbers are kept")
    @pytest.mark.parametrize(
        ("ms", "told"),
        [
            (1_000, "every second."),
            (1_500, "every 1.5 seconds."),
            (90_000, "every 90 seconds."),
            (1_200_000, "every 20 minutes."),
        ],
    )
    def test_the_pace_is_told_in_seconds_and_minutes(self, olga: Browser, alice: Customer, ms: int, told: str) -> None:
        alice.world.sql("UPDATE accounts SET pace_ms = ?, pace_burst = 5", ms)

        assert f"After a burst of 5, one message {told}" in seen(olga, f"/dashboard/lines/{alice.line_id}")

    @pytest.mark.one_store("titles are drawn the same wherever names are kept")
    def test_what_has_a_name_has_it_in_the_title(self, olga: Browser, alice: Customer) -> None:
        (key,) = alice.world.do(operating.list_keys, alice.account_id)
        (mac,) = alice.world.do(operating.list_daemons, None)
        named = {
            f"lines/{alice.line_id}": alice.line,
            f"daemons/{alice.mac.id}": mac.name,
            f"keys/{key.id}": key.name,
            f"keys/{key.id}/roll": f"Roll {key.name}",
            f"settings/{alice.account_id}": "Alice",
        }

        pages = {path: olga.get(f"/dashboard/{path}").text for path in named}

        assert {path for path, name in named.items() if f"<title>{name} ·" not in pages[path]} == set()

    @pytest.mark.one_store("nothing is there, whatever the store")
    @pytest.mark.parametrize("path", ["lines/new", "lines/pair", "lines/token"])
    def test_without_an_account_a_form_leads_to_making_one(self, olga: Browser, path: str) -> None:
        page = olga.get(f"/dashboard/{path}").text

        assert "No account yet" in page
        assert 'href="/dashboard/settings/new"' in page
        assert f'action="/dashboard/{path}"' not in page

    @pytest.mark.one_store("what is said of a word is the same wherever it is kept")
    @pytest.mark.parametrize("health", [word for word in CONDITIONS if word not in ("unserved", "revoked", "offline")])
    def test_how_a_line_is_is_said_in_words(self, olga: Browser, alice: Customer, health: str) -> None:
        alice.world.sql("UPDATE lines SET health = ?, hint = ?", health, "Do this about it.")

        assert CONDITIONS[health].word in seen(olga, "/dashboard/lines")
        told = seen(olga, f"/dashboard/lines/{alice.line_id}")
        assert CONDITIONS[health].meaning in told
        assert "Do this about it." in told

    def test_one_whose_mac_is_silent_is_offline(self, olga: Browser, alice: Customer) -> None:
        assert CONDITIONS["ok"].word in seen(olga, "/dashboard/lines")
        alice.world.pass_time(2 * MINUTE_MS)

        assert CONDITIONS["offline"].word in seen(olga, "/dashboard/lines")
        assert CONDITIONS["offline"].meaning in seen(olga, f"/dashboard/lines/{alice.line_id}")

    @pytest.mark.one_store("states are drawn the same wherever they are kept")
    def test_a_mac_stands_on_the_overview_as_it_does_among_the_macs(self, olga: Browser, alice: Customer) -> None:
        never = alice.world.do(operating.create_daemon, alice.account_id, "Cellar").id
        alice.world.pass_time(2 * MINUTE_MS)

        for daemon_id, state in {never: "never seen", alice.mac.id: "offline"}.items():
            for page in ("/dashboard", "/dashboard/lines"):
                row = olga.get(page).text.partition(f'<tr id="{daemon_id}">')[2].partition("</tr>")[0]
                assert f">{state}<" in row, (page, row)

    def test_a_page_is_narrowed_to_an_account(self, olga: Browser, alice: Customer, bob: Customer) -> None:
        everything = seen(olga, "/dashboard/lines")
        narrowed = seen(olga, f"/dashboard/lines?account={bob.account_id}")

        assert alice.line in everything
        assert bob.line in everything
        assert bob.line in narrowed
        assert alice.line not in narrowed

    def test_what_a_line_can_do_is_said_and_what_it_cannot(self, olga: Browser, alice: Customer) -> None:
        alice.is_ready_for("replies", "edit")

        told = seen(olga, f"/dashboard/lines/{alice.line_id}")

        can, _, cannot = told.partition("Not:")
        for word in ("replies", "edit"):
            assert CAPABILITIES[word][1] in can
        assert "voice messages" in cannot

    def test_it_counts_what_went_out_within_an_hour_and_today(self, olga: Browser, alice: Customer) -> None:
        alice.hears(ADA)
        alice.world.pass_time(8 * HOUR_MS)  # from here on it is another day
        for _ in range(2):
            alice.sends()
        for item in alice.mac.claim():
            alice.mac.sends(item)
        alice.world.pass_time(2 * HOUR_MS)
        alice.mac.hello(alice.line)
        alice.sends()
        alice.mac.sends(*alice.mac.claim())
        alice.sends("This one waits")

        told = seen(olga, f"/dashboard/lines/{alice.line_id}")

        assert f"Last hour 1 of {LIMIT}" in told
        assert "Today 3" in told
        assert "Waiting 1" in told

    def test_that_it_sends_too_much_is_said_and_when_it_goes_on(self, olga: Browser, alice: Customer) -> None:
        alice.sets(pacing={"interval_ms": 0})
        alice.hears(ADA)
        for _ in range(LIMIT):
            alice.sends()
        alice.mac.claim()

        assert "held back" in seen(olga, "/dashboard/lines")
        told = seen(olga, f"/dashboard/lines/{alice.line_id}")
        assert "no more in an hour than it may" in told
        assert f"In no hour more than {LIMIT}" in told

    @pytest.mark.one_store("what is not there is not there in either")
    @pytest.mark.parametrize(
        "path", ["lines/ln_0", "lines/ln_0/change", "daemons/dmn_0", "daemons/dmn_0/pairing", "lines?account=acc_0"]
    )
    def test_what_is_not_there_is_not_found(self, olga: Browser, alice: Customer, path: str) -> None:
        assert alice
        assert olga.get(f"/dashboard/{path}").status_code == 404

    @pytest.mark.one_store("how a page is drawn is the same wherever its words are kept")
    def test_labels_and_names_are_text(self, olga: Browser, alice: Customer) -> None:
        for table, column in (("lines", "label"), ("lines", "hint"), ("daemons", "name"), ("daemons", "version")):
            alice.world.sql(f"UPDATE {table} SET {column} = ?", HOSTILE)
        alice.world.sql("UPDATE accounts SET name = ?", HOSTILE)
        pages = ["lines", f"lines/{alice.line_id}", f"lines/{alice.line_id}/change", "lines/new", "lines/pair"]
        pages += [f"daemons/{alice.mac.id}", f"daemons/{alice.mac.id}/pairing"]

        for page in pages:
            assert HOSTILE not in olga.get(f"/dashboard/{page}").text, page
            assert "&lt;script&gt;" in olga.get(f"/dashboard/{page}").text or page == "lines/pair"


class TestAddingALine:
    def test_the_api_has_it_and_the_log_has_who_did_it(self, olga: Browser, alice: Customer) -> None:
        olga.get("/dashboard/lines/new")

        form = form_of_a_line(alice, label=" Support ", daemon=alice.mac.id)
        place = led_to(olga.post("/dashboard/lines/new", form))

        (line,) = [each for each in alice.get("/v1/lines").json()["data"] if each["handle"] == NEW_LINE]
        assert (line["label"], line["service"]) == ("Support", "imessage")
        assert place == f"/dashboard/lines/{line['id']}?notice=line_added"
        assert "The line is there" in seen(olga, place)
        assert entries(alice) == [("operator", "line.created", alice.mac.id)]
        (entry,) = alice.world.do(operating.entries, alice.account_id, 1)
        assert entry.address == olga.address

    def test_without_a_word_the_accounts_own_mac_serves_it(self, olga: Browser, alice: Customer) -> None:
        olga.get("/dashboard/lines/new")

        led_to(olga.post("/dashboard/lines/new", form_of_a_line(alice)))

        alice.mac.hello(alice.line, NEW_LINE)

    def test_people_need_not_write_first_if_the_box_is_empty(self, olga: Browser, alice: Customer) -> None:
        olga.get("/dashboard/lines/new")
        form = form_of_a_line(alice)
        del form["contact_first"]

        led_to(olga.post("/dashboard/lines/new", form))

        answer = alice.post("/v1/messages", {"from": NEW_LINE, "to": ADA, "text": "Hello, stranger"})
        assert answer.status_code == 201

    def test_it_may_be_the_sandbox_of_which_there_is_one(self, olga: Browser, alice: Customer, bob: Customer) -> None:
        assert "It is the sandbox" in seen(olga, "/dashboard/lines/new")

        led_to(olga.post("/dashboard/lines/new", form_of_a_line(alice, sandbox="on")))

        assert NEW_LINE in [line["handle"] for line in bob.get("/v1/lines").json()["data"]]
        assert "It is the sandbox" not in seen(olga, "/dashboard/lines/new")
        again = olga.post("/dashboard/lines/new", form_of_a_line(alice, handle="+15550108889", sandbox="on"))
        assert "There is a sandbox line already" in refused(again)

    @pytest.mark.parametrize(
        ("wrong", "why"),
        [
            ({"handle": "nobody"}, "“nobody” is no phone number with its country code, and no Apple ID."),
            ({"handle": ""}, "“” is no phone number"),
            ({"handle": HOSTILE}, "is no phone number"),
            ({"handle": "+15550101000"}, "+15550101000 is a line already."),
            ({"account": "acc_0"}, "No such account."),
            ({"daemon": "dmn_0"}, "No such daemon."),
            ({"service": "pigeon"}, "Choose what the line sends by."),
            ({"label": "two\nlines"}, "A label has no line breaks."),
        ],
    )
    def test_a_refusal_says_why_and_keeps_what_was_typed(
        self, olga: Browser, alice: Customer, wrong: dict[str, str], why: str
    ) -> None:
        olga.get("/dashboard/lines/new")
        typed = form_of_a_line(alice, **{"label": "Kept & shown", **wrong})

        answer = olga.post("/dashboard/lines/new", typed)

        assert why in refused(answer)
        assert HOSTILE not in answer.text
        for name in ("handle", "label"):
            assert f'value="{html.escape(typed[name])}"' in answer.text
        assert alice.world.rows("lines") == 1


class TestChangingALine:
    def test_what_is_changed_holds_and_is_in_the_log(self, olga: Browser, alice: Customer) -> None:
        path = f"/dashboard/lines/{alice.line_id}/change"
        olga.get(path)

        form = {"label": "Front desk", "service": "auto", "daemon": alice.mac.id}
        place = led_to(olga.post(path, form))

        assert "Saved." in seen(olga, place)
        (line,) = alice.get("/v1/lines").json()["data"]
        assert (line["label"], line["service"]) == ("Front desk", "auto")
        assert entries(alice) == [("operator", "line.changed", "label service is_contact_first")]
        assert alice.post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hi"}).status_code == 201

    def test_a_label_can_be_taken_away(self, olga: Browser, alice: Customer) -> None:
        path = f"/dashboard/lines/{alice.line_id}/change"
        alice.world.sql("UPDATE lines SET label = 'Old'")
        assert 'value="Old"' in olga.get(path).text

        led_to(olga.post(path, {"label": "", "service": "imessage", "contact_first": "on"}))

        assert alice.get("/v1/lines").json()["data"][0]["label"] is None

    def test_a_line_moves_to_another_mac(self, olga: Browser, alice: Customer) -> None:
        other = alice.world.mac(alice.account_id)
        path = f"/dashboard/lines/{alice.line_id}/change"
        olga.get(path)

        led_to(olga.post(path, {"service": "imessage", "daemon": other.id, "contact_first": "on"}))

        other.hello(alice.line)

    def test_what_stays_as_it_is_is_no_entry_in_the_log(self, olga: Browser, alice: Customer) -> None:
        path = f"/dashboard/lines/{alice.line_id}/change"
        olga.get(path)

        led_to(olga.post(path, {"service": "imessage", "daemon": alice.mac.id, "contact_first": "on"}))

        assert entries(alice) == []

    def test_a_refusal_changes_nothing(self, olga: Browser, alice: Customer) -> None:
        path = f"/dashboard/lines/{alice.line_id}/change"
        olga.get(path)

        answer = olga.post(path, {"label": "Typed", "service": "imessage", "daemon": "dmn_0"})

        assert refused(answer) == "No such daemon."
        assert 'value="Typed"' in answer.text
        assert alice.get("/v1/lines").json()["data"][0]["label"] is None

    def test_one_whose_mac_was_revoked_says_so_and_can_be_given_to_another(
        self, olga: Browser, alice: Customer
    ) -> None:
        alice.world.do(operating.revoke_daemon, alice.mac.id)

        assert CONDITIONS["revoked"].meaning in seen(olga, "/dashboard/lines")


class TestPairing:
    def test_the_code_lets_a_mac_in_and_the_page_follows_how_far_it_is(
        self, olga: Browser, world: World, alice: Customer
    ) -> None:
        olga.get("/dashboard/lines/pair")

        told = olga.post("/dashboard/lines/pair", {"account": alice.account_id, "name": "mini"})
        code, token = code_in(told), new_daemon_token()
        follows = re.search(r'href="(/dashboard/daemons/dmn_\w+/pairing[^"]*)"', told.text)
        assert follows is not None

        assert f"blueport daemon pair http://testserver {code}" in words(told)
        assert "waiting" in seen(olga, follows[1])
        assert asks(world, code, token) == 200
        assert "paired" in seen(olga, follows[1])
        assert says_hello(world, token) == 200
        assert "works" in seen(olga, follows[1])
        assert entries(alice, 3)[1:] == [("operator", "daemon.code_made", None), ("operator", "daemon.created", None)]

    def test_the_code_is_told_only_once(self, olga: Browser, alice: Customer) -> None:
        olga.get("/dashboard/lines/pair")

        code = code_in(olga.post("/dashboard/lines/pair", {"account": alice.account_id, "name": "mini"}))

        (mini,) = [each.id for each in alice.world.do(operating.list_daemons, None) if each.name == "mini"]
        for path in ("lines", f"daemons/{mini}", f"daemons/{mini}/pairing"):
            assert code not in olga.get(f"/dashboard/{path}").text

    @pytest.mark.parametrize("end", ["expired", "spent"])
    def test_a_code_that_is_good_no_more_says_so(self, olga: Browser, world: World, alice: Customer, end: str) -> None:
        olga.get("/dashboard/lines/pair")
        code = code_in(olga.post("/dashboard/lines/pair", {"account": alice.account_id, "name": "mini"}))
        (mini,) = [each.id for each in world.do(operating.list_daemons, None) if each.name == "mini"]

        if end == "expired":
            world.pass_time(15 * MINUTE_MS + SECOND_MS)
        for _ in range(MOST_WRONG_TRIES if end == "spent" else 0):
            asks(world, f"{code[:4]}-0000-0000", new_daemon_token())

        assert asks(world, code, new_daemon_token()) == 401
        assert end in seen(olga, f"/dashboard/daemons/{mini}/pairing")

    def test_a_name_that_has_a_mac_asks_whether_it_is_to_be_replaced(
        self, olga: Browser, world: World, alice: Customer
    ) -> None:
        form = {"account": alice.account_id, "name": "a Mac"}
        olga.get("/dashboard/lines/pair")

        answer = olga.post("/dashboard/lines/pair", form)
        assert "has a Mac already" in refused(answer)
        assert 'value="a Mac"' in answer.text
        code = code_in(olga.post("/dashboard/lines/pair", {**form, "replaces": "on"}))

        assert says_hello(world, alice.mac.token) == 200
        assert asks(world, code, new_daemon_token()) == 200
        assert says_hello(world, alice.mac.token) == 401

    def test_a_mac_is_replaced_from_its_own_page_and_works_once_the_new_one_speaks(
        self, olga: Browser, world: World, alice: Customer
    ) -> None:
        alice.mac.process = "the old one"
        alice.mac.hello(alice.line)
        olga.get(f"/dashboard/daemons/{alice.mac.id}")

        told = olga.post(f"/dashboard/daemons/{alice.mac.id}/code")
        code, token = code_in(told), new_daemon_token()
        follows = re.search(r'href="(/dashboard/daemons/dmn_\w+/pairing[^"]*)"', told.text)
        assert follows is not None
        assert asks(world, code, token) == 200

        assert alice.line in words(told)
        assert "paired" in seen(olga, html.unescape(follows[1]))
        says_hello(world, token, "the new one")
        assert "works" in seen(olga, html.unescape(follows[1]))

    @pytest.mark.parametrize("name", ["", "  ", "two\nlines"])
    def test_a_mac_has_a_name(self, olga: Browser, alice: Customer, name: str) -> None:
        olga.get("/dashboard/lines/pair")

        for path in ("/dashboard/lines/pair", "/dashboard/lines/token"):
            answer = olga.post(path, {"account": alice.account_id, "name": name})
            assert refused(answer) == "A name has at least one letter, and no line breaks."

    @pytest.mark.one_store("what an address says is judged before anything is kept")
    @pytest.mark.parametrize(
        ("url", "command", "warns"),
        [
            ("https://messages.example.com", "pair https://messages.example.com CODE", ""),
            ("http://10.0.0.7:8080", "pair http://10.0.0.7:8080 CODE --insecure", "can be read on the way"),
            ("http://127.0.0.1:8080", "pair http://127.0.0.1:8080 CODE", "leads to the machine that says it"),
            ("http://[::1]:8080", "pair 'http://[::1]:8080' CODE", "leads to the machine that says it"),
        ],
    )
    def test_the_command_names_the_server_as_the_operator_has_set_it(
        self, database: Database, url: str, command: str, warns: str
    ) -> None:
        with World(database, Clock(), dashboard_token="a-token", public_url=url).open() as world:
            alice, olga = world.customer("Alice", "+15550101000"), Browser(world)
            olga.get("/dashboard?token=a-token")
            olga.get("/dashboard/lines/pair")
            told = olga.post("/dashboard/lines/pair", {"account": alice.account_id, "name": "mini"})

            code = code_in(told)
            assert command.replace("CODE", code) in words(told)
            assert warns in words(told)
            assert warns or "way" not in words(told)


class TestMacs:
    def test_a_token_lets_a_daemon_in_and_is_told_once(self, olga: Browser, world: World, alice: Customer) -> None:
        olga.get("/dashboard/lines/token")

        told = olga.post("/dashboard/lines/token", {"account": alice.account_id, "name": "mini"})

        token = re.search(r"BLUEPORT_DAEMON_TOKEN=(dt_\S+)", told.text)
        assert token is not None
        assert says_hello(world, token[1]) == 200
        assert entries(alice) == [("operator", "daemon.created", None)]
        again = olga.post("/dashboard/lines/token", {"account": alice.account_id, "name": "mini"})
        assert "a daemon named 'mini' already" in refused(again)
        assert 'value="mini"' in again.text

    def test_one_that_is_revoked_is_let_in_no_more(self, olga: Browser, world: World, alice: Customer) -> None:
        path = f"/dashboard/daemons/{alice.mac.id}"
        assert "Revoke" in seen(olga, path)

        place = led_to(olga.post(f"{path}/revoke"))

        assert "let in no more" in seen(olga, place)
        assert says_hello(world, alice.mac.token) == 401
        assert entries(alice) == [("operator", "daemon.revoked", None)]
        assert "It was revoked" in seen(olga, path)
        assert f"{path}/revoke" not in olga.get(path).text
        assert "Add a line" not in seen(olga, path)

    def test_one_that_is_revoked_is_not_paired_or_revoked_again(
        self, olga: Browser, world: World, alice: Customer
    ) -> None:
        path = f"/dashboard/daemons/{alice.mac.id}"
        olga.get(path)
        olga.post(f"{path}/revoke")

        assert "It was revoked" in refused(olga.post(f"{path}/code"))
        assert refused(olga.post(f"{path}/revoke")) == "No such daemon."
        assert world.rows("daemons") == 1

    @pytest.mark.one_store("a version is compared the same wherever it is kept")
    def test_an_old_version_is_told_with_what_to_do(self, olga: Browser, alice: Customer) -> None:
        alice.world.sql("UPDATE daemons SET version = '0.0.1'")

        assert "behind" in seen(olga, "/dashboard/lines")
        assert "blueport daemon install" in seen(olga, f"/dashboard/daemons/{alice.mac.id}")

    def test_its_page_names_its_lines(self, olga: Browser, world: World, alice: Customer) -> None:
        line = NewLine(NEW_LINE, alice.mac.id, "Desk", "imessage", is_sandbox=False, is_contact_first=True)
        world.do(operating.add_line, alice.account_id, line)

        told = seen(olga, f"/dashboard/daemons/{alice.mac.id}")

        assert alice.line in told
        assert f"{NEW_LINE} Desk" in told

    def test_without_any_the_page_says_how_to_begin(self, olga: Browser, world: World) -> None:
        world.sql("INSERT INTO accounts (id, name, created_at) VALUES ('acc_1', 'me', 0)")

        told = seen(olga, "/dashboard/lines")

        assert "No line yet" in told
        assert "No Mac is paired" in told
        assert "No Mac is paired yet" in seen(olga, "/dashboard/lines/new")


@pytest.mark.one_store("where a session of the operator's is judged no table is asked for lines")
@pytest.mark.parametrize(
    "path",
    ["lines/new", "lines/pair", "lines/token", "lines/{line}/change", "daemons/{mac}/code", "daemons/{mac}/revoke"],
)
def test_a_form_that_is_not_of_the_session_does_nothing(world: World, alice: Customer, path: str) -> None:
    stranger = Browser(world)

    answer = stranger.post(f"/dashboard/{path.format(line=alice.line_id, mac=alice.mac.id)}", {"csrf": "0" * 64})

    assert answer.status_code in (303, 403, 404)
    assert "dashboard/sign-in" in answer.headers.get("location", "sign-in dashboard/sign-in")
    assert entries(alice) == []
    assert says_hello(world, alice.mac.token) == 200
